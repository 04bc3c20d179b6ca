/** Rotary position embeddings (Su et al. 2021, RoFormer): pairs of channels are turned by an angle. */
import type { GraphBuilder, Value } from './builder.ts';

/** [S, channels of a head / 2] each, in the target's type; one row for each position of the sequence. */
export interface Rotary {
  readonly cos: Value;
  readonly sin: Value;
}

/** Declares the two inputs `rotary_cos` and `rotary_sin`, float32. @param size channels of a head */
export function rotaryInputs(b: GraphBuilder, size: number): Rotary {
  const of = (name: string) => b.narrow(b.input(name, 'float', ['positions', size / 2]));
  return { cos: of('rotary_cos'), sin: of('rotary_sin') };
}

/** Of neighbouring channels, or of one in each half of a head. */
export type RotaryPairs = 'neighbours' | 'halves';

/** Queries or keys [B, S, heads x size] turned by their positions. */
export function rotate(
  b: GraphBuilder,
  x: Value,
  heads: number,
  { cos, sin }: Rotary,
  pairs: RotaryPairs = 'neighbours',
): Value {
  // One position id: where the sequence starts in the tables.
  const how = { interleaved: pairs === 'neighbours' ? 1 : 0, num_heads: heads };
  return b.fused('RotaryEmbedding', [x, b.ints([0]), cos, sin], how);
}
