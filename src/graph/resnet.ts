/** The residual block of UNet and VAE (diffusers models/resnet.py, time_embedding_norm "default"). */
import type { GraphBuilder, Value } from './builder.ts';
import { activation, conv, groupNorm, linear } from './layers.ts';

export interface ResnetOptions {
  readonly inputs: number;
  readonly outputs: number;
  readonly groups: number;
  readonly epsilon: number;
  /** Activated time embedding [B or 1, channels]; absent in a VAE. */
  readonly time?: { readonly value: Value; readonly channels: number };
  /** The sum is divided by this. */
  readonly outputScale?: number;
}

export function resnetBlock(b: GraphBuilder, x: Value, name: string, options: ResnetOptions): Value {
  const { inputs, outputs, groups, epsilon, time, outputScale = 1 } = options;
  const norm1 = activation(b, groupNorm(b, x, `${name}.norm1`, inputs, groups, epsilon), 'silu');
  let hidden = conv(b, norm1, `${name}.conv1`, inputs, outputs);
  if (time !== undefined) {
    const shift = linear(b, time.value, `${name}.time_emb_proj`, time.channels, outputs);
    hidden = b.op('Add', [hidden, b.op('Unsqueeze', [shift, b.ints([2, 3])])]);
  }
  const norm2 = activation(b, groupNorm(b, hidden, `${name}.norm2`, outputs, groups, epsilon), 'silu');
  hidden = conv(b, norm2, `${name}.conv2`, outputs, outputs);
  const shortcut =
    inputs === outputs ? x : conv(b, x, `${name}.conv_shortcut`, inputs, outputs, { kernel: 1 });
  const sum = b.op('Add', [shortcut, hidden]);
  return outputScale === 1 ? sum : b.op('Div', [sum, b.floats([outputScale], [])]);
}
