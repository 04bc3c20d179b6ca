/** SwiGLU (Shazeer 2020): a feed-forward layer whose inner channels are gated by others. No biases. */
import type { GraphBuilder, Value } from './builder.ts';
import { activation, linear } from './layers.ts';
import { clipped, shrunk, wideLinear } from './wide-stream.ts';

/** Names of the three projections. */
interface SwiGluNames {
  readonly gate: string;
  readonly up: string;
  readonly down: string;
}

/** [B, S, channels] -> [B, S, channels] in float32, with `inner` channels between. */
export function swiGlu(
  b: GraphBuilder,
  x: Value,
  { gate, up, down }: SwiGluNames,
  channels: number,
  inner: number,
): Value {
  const widened = (name: string) => linear(b, x, name, channels, inner, { bias: false });
  const gatedUp = gated(b, widened(gate), widened(up));
  return wideLinear(b, gatedUp, down, inner, channels, { bias: false, isShrunk: true });
}

/** silu(gate) up, `shrunk`: the product passes float16's range where its factors do not. */
export const gated = (b: GraphBuilder, gate: Value, up: Value): Value =>
  clipped(b, b.op('Mul', [shrunk(b, activation(b, gate, 'silu')), up]));
