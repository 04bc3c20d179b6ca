/** One picture's source of noise. */
export interface Random {
  /** The seed it was made from. */
  readonly seed: number;
  /** The next `count` values of the standard normal distribution, as one tensor: two halves differ from a whole. */
  randn(count: number): Float32Array;
}

/** Adds `scale` times the noise, in place. */
export function addNoise(latents: Float32Array, scale: number, noise: Float32Array): void {
  for (let i = 0; i < latents.length; i++) latents[i]! += scale * noise[i]!;
}
