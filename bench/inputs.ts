/** What a denoiser is given where only its time counts. */

/** The same numbers in denoisers.py and precision.py. @returns Float32Array of the shape `dims` */
export function inputOf(name: string, dims: readonly number[]) {
  const count = dims.reduce((a, b) => a * b);
  const data = Float32Array.from({ length: count }, (_, i) =>
    name === 'timestep' ? 500 : (i % 101) / 50 - 1,
  );
  return { data, dims };
}
