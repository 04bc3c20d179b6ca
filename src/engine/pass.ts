/** One way through the sampler: from noise, from a picture, or from a picture with a mask. */
import type { TorchRandom } from '../diffusion/random.ts';
import type { Sampling, SamplingPlan } from '../diffusion/sampling.ts';
import type { Conditions } from './denoiser.ts';
import { type LatentScale, type Posterior, samplePosterior } from './vae.ts';

export interface Pass {
  /** Of the drawing, in pixels. */
  readonly width: number;
  readonly height: number;
  /** [1, C, h, w] of its latents. */
  readonly dims: readonly number[];
  readonly plan: SamplingPlan;
  readonly conditions: Conditions;
  readonly inpainting: Inpainting | undefined;
}

export interface Inpainting {
  /** [h, w] of the latents: 1 where the picture is drawn anew, 0 where it is kept. */
  readonly mask: Float32Array;
  /**
   * The picture with mid-grey in place of its masked part, for a UNet that takes it as further channels;
   * undefined where the kept part is laid over the latents after each step instead.
   */
  readonly masked: Posterior | undefined;
  /** Strength 1: nothing of the picture is in the first latents. */
  readonly isPure: boolean;
}

/** What a pass starts from: what the encoder saw in a picture, or latents in the sampler's scale. */
export type Start = Posterior | Float32Array | undefined;

export interface Begun {
  readonly sampling: Sampling;
  /** Channels beside the latents, [n, h, w]. */
  readonly extra: Float32Array | undefined;
}

/**
 * Draws all that comes before the first call, in diffusers' order: the picture's posterior, the noise, the
 * masked picture's posterior. The last is drawn even where it is not used.
 */
export function begin(
  { dims, plan, inpainting }: Pass,
  random: TorchRandom,
  start: Start,
  scale: LatentScale,
): Begun {
  const size = dims.reduce((product, side) => product * side);
  const takesChannels = inpainting?.masked !== undefined;
  const needsStart = inpainting === undefined || !inpainting.isPure || !takesChannels;
  const picture = !needsStart
    ? undefined
    : start === undefined || start instanceof Float32Array
      ? start
      : samplePosterior(start, random.randn(size), scale);
  const sampling = plan.begin(size, random, picture);
  if (inpainting === undefined) return { sampling, extra: undefined };
  const noise = random.randn(size);
  const { mask, masked } = inpainting;
  if (masked === undefined) return { sampling, extra: undefined };
  const extra = new Float32Array(mask.length + size);
  extra.set(mask);
  extra.set(samplePosterior(masked, noise, scale), mask.length);
  return { sampling, extra };
}
