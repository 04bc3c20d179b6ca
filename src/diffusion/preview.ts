/** Latents made visible without a VAE. */

/** rgb in -1..1 = latents x factors + bias. */
interface LinearRgb {
  /** [channels][3] */
  readonly factors: readonly (readonly [number, number, number])[];
  readonly bias: readonly [number, number, number];
}

/**
 * @param latents [channels, area], in the sampler's scale
 * @returns [area, 3] in 0..255
 */
export function latentsToRgb(latents: Float32Array, { factors, bias }: LinearRgb): Uint8Array {
  const area = latents.length / factors.length;
  const rgb = new Uint8Array(3 * area);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) {
      let value = bias[c]!;
      for (const [k, factor] of factors.entries()) value += factor[c]! * latents[k * area + i]!;
      rgb[3 * i + c] = Math.min(Math.max(Math.round((value + 1) * 127.5), 0), 255);
    }
  }
  return rgb;
}
