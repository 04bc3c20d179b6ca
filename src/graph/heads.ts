/** Queries and keys [B, S, channels], whose channels are those of several heads side by side. */
import type { GraphBuilder, Value } from './builder.ts';
import { rmsNorm } from './norms.ts';
import { type Rotary, type RotaryPairs, rotate } from './rotary.ts';

/** Root mean square normalisation, each head for itself. */
export function headNorm(
  b: GraphBuilder,
  x: Value,
  name: string,
  channels: number,
  heads: number,
  epsilon = 1e-6,
): Value {
  const size = channels / heads;
  const perHead = b.op('Reshape', [x, b.ints([0, 0, heads, size])]);
  return b.op('Reshape', [rmsNorm(b, perHead, name, size, epsilon), b.ints([0, 0, channels])]);
}

interface PlacedHeads {
  readonly channels: number;
  readonly heads: number;
  readonly rotary: Rotary;
  readonly pairs?: RotaryPairs;
  readonly epsilon?: number;
}

/** Normalised by `headNorm`, then turned by their positions. */
export function placedHeads(
  b: GraphBuilder,
  x: Value,
  norm: string,
  { channels, heads, rotary, pairs, epsilon }: PlacedHeads,
): Value {
  return rotate(b, headNorm(b, x, norm, channels, heads, epsilon), heads, rotary, pairs);
}
