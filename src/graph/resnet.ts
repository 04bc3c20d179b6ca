/** The residual block of UNet and VAE (diffusers models/resnet.py, time_embedding_norm "default"). */
import type { GraphBuilder, Value } from './builder.ts';
import { conv, linear } from './layers.ts';
import { groupNorm, type Norm } from './norms.ts';

interface ResnetOptions {
  readonly inputs: number;
  readonly outputs: number;
  readonly groups: number;
  readonly epsilon: number;
  /** Activated time embedding [B, channels]; [1, channels] where no operator asks for the batch. Absent in a VAE. */
  readonly time?: { readonly value: Value; readonly channels: number };
  /** The sum is divided by this. */
  readonly outputScale?: number;
  /** In place of groupNorm. */
  readonly normalise?: Norm;
}

export function resnetBlock(b: GraphBuilder, x: Value, name: string, options: ResnetOptions): Value {
  const { inputs, outputs, groups, epsilon, time, outputScale = 1, normalise = groupNorm } = options;
  const norm = { groups, epsilon, silu: true };
  const norm1 = normalise(b, x, `${name}.norm1`, { ...norm, channels: inputs });
  // onnxruntime's CUDA convolution adds its bias in a pass of its own, which the norm or sum behind it can spare.
  const bias = !b.target.groupNorm;
  const biasOf = (layer: string) => (bias ? undefined : b.weight(`${name}.${layer}.bias`, [outputs]));
  const first = conv(b, norm1, `${name}.conv1`, inputs, outputs, { bias: bias || time === undefined });
  const norm2 = normalise(b, first, `${name}.norm2`, {
    ...norm,
    channels: outputs,
    ...(time !== undefined && {
      shift: linear(b, time.value, `${name}.time_emb_proj`, time.channels, outputs, { precise: true }),
      bias: biasOf('conv1'),
    }),
  });
  const second = conv(b, norm2, `${name}.conv2`, outputs, outputs, { bias });
  const shortcut =
    inputs === outputs ? x : conv(b, x, `${name}.conv_shortcut`, inputs, outputs, { kernel: 1 });
  const sum = b.residual(second, shortcut, biasOf('conv2'));
  return outputScale === 1 ? sum : b.op('Div', [sum, b.numbers([outputScale], [])]);
}
