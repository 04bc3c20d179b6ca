/** Pictures to latents and back, through the two halves of an AutoencoderKL (Kingma and Welling 2013). */
import type { Raster } from '../../image/resample.ts';
import type { LatentScale } from '../../models/latent-scale.ts';
import type { Tensor } from '../../tensor.ts';
import type { Runner } from '../session.ts';
import { toPixels } from './pixels.ts';
import { decodeInTiles, encodeInTiles, type TiledSessions } from './tiles.ts';

/** The normal distribution of latents that the encoder sees in a picture, each [1, C, h, w]. */
export interface Posterior {
  readonly mean: Tensor;
  readonly std: Float32Array;
}

const LOGVAR_RANGE = [-30, 20] as const;

/** Half of a VAE: in one piece, or for pictures in tiles of so many pixels for each latent. */
export type VaeHalf = { readonly whole: Runner } | { readonly tiled: TiledSessions; readonly scale: number };

/** @param picture [1, 3, H, W] in -1..1; its sides are multiples of the VAE's scale factor */
export async function encodePicture(encoder: VaeHalf, picture: Tensor): Promise<Posterior> {
  const moments =
    'whole' in encoder
      ? (await encoder.whole.run({ sample: picture }, ['latent_parameters'])).latent_parameters
      : await encodeInTiles(encoder.tiled, picture, encoder.scale);
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
  scale: LatentScale,
): Float32Array {
  const drawn = mean.data.map((value, i) => value + Math.fround(std[i]! * noise[i]!));
  return scaled({ data: drawn, dims: mean.dims }, scale);
}

/** The likeliest latents of a posterior, in the sampler's scale. */
export const meanOf = ({ mean }: Pick<Posterior, 'mean'>, scale: LatentScale): Float32Array =>
  scaled(mean, scale);

function scaled(
  { data, dims }: Tensor,
  { scalingFactor, shiftFactor, statistics }: LatentScale,
): Float32Array {
  const area = data.length / dims[1]!;
  return data.map((drawn, i) => {
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
  decoder: VaeHalf,
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
  const unscaled = { data: scaled, dims: latents.dims };
  if ('tiled' in decoder) return decodeInTiles(decoder.tiled, unscaled, decoder.scale);
  const { sample } = await decoder.whole.run({ latent_sample: unscaled }, ['sample']);
  return toPixels(sample, { low: -1, network: 'VAE' });
}
