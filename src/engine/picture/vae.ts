/** Pictures to latents and back, through the two halves of an AutoencoderKL (Kingma and Welling 2013). */
import { DarkroomError } from '../../errors.ts';
import type { Raster } from '../../image/resample.ts';
import type { LatentScale } from '../../models/latent-scale.ts';
import { roundHalfToEven } from '../../rounding.ts';
import type { Tensor } from '../../tensor.ts';
import type { Session } from '../session.ts';

/** The normal distribution of latents that the encoder sees in a picture, each [1, C, h, w]. */
export interface Posterior {
  readonly mean: Tensor;
  readonly std: Float32Array;
}

const LOGVAR_RANGE = [-30, 20] as const;

/** @param picture [1, 3, H, W] in -1..1; its sides are multiples of the VAE's scale factor */
export async function encodePicture(encoder: Session, picture: Tensor): Promise<Posterior> {
  const { latent_parameters: moments } = await encoder.run({ sample: picture }, ['latent_parameters']);
  const [, channels, h, w] = moments.dims as [number, number, number, number];
  const size = moments.data.length / 2;
  const std = moments.data.slice(size);
  for (let i = 0; i < size; i++) {
    std[i] = Math.exp(0.5 * Math.min(Math.max(std[i]!, LOGVAR_RANGE[0]), LOGVAR_RANGE[1]));
  }
  return { mean: { data: moments.data.slice(0, size), dims: [1, channels / 2, h, w] }, std };
}

/** One draw of a posterior, in the sampler's scale. `noise` is standard normal, one value a latent. */
export function samplePosterior(
  { mean, std }: Posterior,
  noise: Float32Array,
  { scalingFactor, shiftFactor, statistics }: LatentScale,
): Float32Array {
  const area = mean.data.length / mean.dims[1]!;
  return mean.data.map((value, i) => {
    const drawn = Math.fround(value + Math.fround(std[i]! * noise[i]!));
    if (statistics === undefined) return Math.fround(drawn - shiftFactor) * scalingFactor;
    const channel = Math.floor(i / area);
    const centred = Math.fround(drawn - statistics.mean[channel]!);
    return Math.fround(centred * scalingFactor) / statistics.std[channel]!;
  });
}

/**
 * @param latents [1, C, h, w], in the sampler's scale
 * @returns 8-bit RGB
 * @throws DarkroomError('engine_failed') where the decoder's numbers are no picture
 */
export async function decodeLatents(
  decoder: Session,
  latents: Tensor,
  { scalingFactor, shiftFactor, statistics }: LatentScale,
): Promise<Raster> {
  const area = latents.data.length / latents.dims[1]!;
  const scaled = latents.data.map((value, i) => {
    if (statistics === undefined) return Math.fround(value / scalingFactor) + shiftFactor;
    const channel = Math.floor(i / area);
    const spread = Math.fround(value * statistics.std[channel]!);
    return Math.fround(spread / scalingFactor) + statistics.mean[channel]!;
  });
  const { sample } = await decoder.run({ latent_sample: { data: scaled, dims: latents.dims } }, ['sample']);
  return toPixels(sample, { low: -1, network: 'VAE' });
}

/**
 * As diffusers: clamp(x/2 + 0.5) x 255, halves to even, in float32.
 * @param tensor [1, 3, H, W], `low` (black) to 1 (white)
 * @throws DarkroomError('engine_failed') where the numbers are no picture
 */
export function toPixels(
  { data, dims }: Tensor,
  { low, network }: { readonly low: -1 | 0; readonly network: string },
): Raster {
  const [, , height, width] = dims as [number, number, number, number];
  const area = width * height;
  const pixels = new Uint8Array(3 * area);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) {
      const given = data[c * area + i]!;
      const value = low === 0 ? given : Math.fround(given / 2 + 0.5);
      if (!Number.isFinite(value)) {
        throw new DarkroomError(
          'engine_failed',
          `The ${network} of this model produced NaN or infinite values instead of a picture. Try another seed or size; if that does not help, its weights are damaged.`,
        );
      }
      pixels[3 * i + c] = roundHalfToEven(Math.fround(Math.min(Math.max(value, 0), 1) * 255));
    }
  }
  return { data: pixels, width, height, channels: 3 };
}
