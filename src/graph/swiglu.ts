/** SwiGLU (Shazeer 2020): a feed-forward layer whose inner channels are gated by others. No biases. */
import type { GraphBuilder, Value } from './builder.ts';
import { activation, linear } from './layers.ts';

/** Names of the three projections. */
export interface SwiGluNames {
  readonly gate: string;
  readonly up: string;
  readonly down: string;
}

/** [B, S, channels] -> [B, S, channels], with `inner` channels between. */
export function swiGlu(
  b: GraphBuilder,
  x: Value,
  { gate, up, down }: SwiGluNames,
  channels: number,
  inner: number,
): Value {
  const widened = (name: string) => linear(b, x, name, channels, inner, { bias: false });
  return linear(b, gated(b, widened(gate), widened(up)), down, inner, channels, { bias: false });
}

export const gated = (b: GraphBuilder, gate: Value, up: Value): Value =>
  b.op('Mul', [activation(b, gate, 'silu'), up]);
