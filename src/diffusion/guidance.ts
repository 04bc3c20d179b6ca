/** Composed around the denoiser's predictions, never inside a sampler. */

/**
 * Classifier-free guidance (Ho and Salimans 2022), then the rescaling of Lin et al. 2023 (section 3.4) where asked.
 * @param guidanceScale above 1; at 1 only the conditional prediction counts, and this is not called
 * @param guidanceRescale 0 leaves the guided prediction, 1 gives it the conditional one's standard deviation
 */
export function guide(
  unconditional: Float32Array,
  conditional: Float32Array,
  guidanceScale: number,
  guidanceRescale: number,
): Float32Array {
  const guided = unconditional.map((u, i) => u + guidanceScale * (conditional[i]! - u));
  if (guidanceRescale === 0) return guided;
  const ratio = std(conditional) / std(guided);
  const factor = guidanceRescale * ratio + (1 - guidanceRescale);
  return guided.map((value) => value * factor);
}

/** With N - 1, as torch has it. */
function std(values: Float32Array): number {
  let sum = 0;
  for (const value of values) sum += value;
  const mean = sum / values.length;
  let squares = 0;
  for (const value of values) squares += (value - mean) ** 2;
  return Math.sqrt(squares / (values.length - 1));
}
