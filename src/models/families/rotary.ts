/** Tables of rotary position embeddings (Su et al. 2021) over several axes, as transformers of flow models take them. */
import type { Feeds } from '../../tensor.ts';

interface RotaryAxes {
  /** Channels of a head for each axis, even. */
  readonly channels: readonly number[];
  /** The longest period is about 2 pi theta. */
  readonly theta: number;
  /**
   * Of the angles: `float64` as FLUX.1 has them, `rounded` the same rounded to float32 (Z-Image), `float32` where their
   * frequencies and products are rounded too (Qwen3).
   */
  readonly precision: 'float64' | 'rounded' | 'float32';
}

/** Where a token stands: a number for each axis. */
export type Position = readonly number[];

/**
 * As diffusers computes them (models/embeddings.py get_1d_rotary_pos_embed), each family with its own precision.
 * @returns `rotary_cos` and `rotary_sin`, [positions, sum of channels / 2]
 */
export function rotaryTables(
  positions: readonly Position[],
  { channels, theta, precision }: RotaryAxes,
): Feeds {
  const half = channels.reduce((sum, count) => sum + count, 0) / 2;
  const cos = new Float32Array(positions.length * half);
  const sin = new Float32Array(positions.length * half);
  let first = 0;
  for (const [axis, count] of channels.entries()) {
    const single = precision === 'float32' ? Math.fround : (value: number) => value;
    const rounded = precision === 'float64' ? (value: number) => value : Math.fround;
    const frequencies = Array.from({ length: count / 2 }, (_, i) =>
      single(1 / single(theta ** single((2 * i) / count))),
    );
    // The same number comes back in every row or column of a picture.
    const known = new Map<number, { cos: Float32Array; sin: Float32Array }>();
    for (const [row, position] of positions.entries()) {
      const at = position[axis]!;
      let waves = known.get(at);
      if (waves === undefined) {
        const angles = frequencies.map((frequency) => rounded(at * frequency));
        waves = { cos: Float32Array.from(angles, Math.cos), sin: Float32Array.from(angles, Math.sin) };
        known.set(at, waves);
      }
      cos.set(waves.cos, row * half + first);
      sin.set(waves.sin, row * half + first);
    }
    first += count / 2;
  }
  const dims = [positions.length, half];
  return { rotary_cos: { data: cos, dims }, rotary_sin: { data: sin, dims } };
}

/** Positions of `rows` x `columns` tokens, row by row. @param at the position of one of them */
export function gridPositions(
  rows: number,
  columns: number,
  at: (row: number, column: number) => Position,
): Position[] {
  return Array.from({ length: rows * columns }, (_, i) => at(Math.floor(i / columns), i % columns));
}
