/** Weights of words, laid on the states that the text encoder made of them. */

/**
 * How A1111's "emphasis" settings of the same names do it. `original`: each token's state times its weight, then all
 * of them rescaled so that their mean is what it was. `no_norm`: without the rescaling.
 */
type Emphasis = 'original' | 'no_norm';

/**
 * @param states [S, D] of one chunk
 * @param weights S of them
 * @returns `states` itself where every weight is 1, so that a plain prompt keeps its numbers to the last bit
 */
export function emphasize(
  states: Float32Array,
  weights: readonly number[],
  emphasis: Emphasis,
): Float32Array {
  if (weights.every((weight) => weight === 1)) return states;
  const width = states.length / weights.length;
  const weighted = states.map((value, i) => value * Math.fround(weights[Math.floor(i / width)]!));
  if (emphasis === 'no_norm') return weighted;
  const ratio = sum(states) / sum(weighted);
  return Number.isFinite(ratio) ? weighted.map((value) => value * ratio) : weighted;
}

function sum(values: Float32Array): number {
  let total = 0;
  for (const value of values) total += value;
  return total;
}
