/** One way through the sampler: from noise, from a picture, or from a picture with a mask. */
import type { Random } from '../diffusion/random.ts';
import type { AfterCall, Sampling, SamplingPlan } from '../diffusion/sampling.ts';
import type { LatentScales } from '../models/families/family.ts';
import type { Feeds } from '../tensor.ts';
import type { ControlFeeds } from './control/controls.ts';
import { meanOf, type Posterior, samplePosterior } from './picture/pictures.ts';

export interface Pass {
  /** Of the drawing, in pixels. */
  readonly width: number;
  readonly height: number;
  /** [1, C, h, w] of its latents. */
  readonly dims: readonly number[];
  readonly plan: SamplingPlan;
  readonly conditions: Conditions;
  readonly inpainting: Inpainting | undefined;
  readonly scales: LatentScales;
}

/** What stays the same over all calls of a pass. */
export interface Conditions {
  /** 2 with guidance, the negative half first. */
  readonly batch: number;
  /** The denoiser's inputs but for the latents and the timestep. */
  readonly feeds: Feeds;
  /** Of the negative half, where it is a call of its own. */
  readonly negativeFeeds?: Feeds;
  readonly guidanceScale: number;
  readonly guidanceRescale: number;
  readonly controls: ControlFeeds | undefined;
}

export interface Inpainting {
  /** [h, w] of the latents: 1 where the picture is redrawn, 0 where it is kept, between them where both are blended. */
  readonly mask: Float32Array;
  /**
   * What the encoder saw in the picture with mid-grey in place of its masked part, for a UNet that takes it as
   * further channels; undefined where the kept part is laid over the latents after each call instead.
   */
  readonly masked: Posterior | undefined;
  /** Strength 1: the first latents are only noise. */
  readonly isPure: boolean;
}

/** What a pass starts from: what the encoder saw in a picture, or latents in the sampler's scale. */
export type Start = Posterior | Float32Array | undefined;

interface Begun {
  readonly sampling: Sampling;
  /** Channels in addition to the latents, [n, h, w]. */
  readonly extra: Float32Array | undefined;
}

/**
 * Draws all that comes before the first call, in diffusers' order: the picture's posterior, the noise, the
 * masked picture's posterior. The last is drawn even where it is not used.
 */
export function beginPass(pass: Pass, random: Random, start: Start): Begun {
  const { dims, plan, inpainting } = pass;
  const size = dims.reduce((product, side) => product * side);
  const { encode, takesMean } = pass.scales;
  const draw = (posterior: Posterior) =>
    takesMean === true ? meanOf(posterior, encode) : samplePosterior(posterior, random.randn(size), encode);
  if (inpainting === undefined) {
    const picture = start === undefined || start instanceof Float32Array ? start : draw(start);
    return { sampling: plan.begin(size, random, picture), extra: undefined };
  }
  const { mask, masked, isPure } = inpainting;
  const isLaidOver = masked === undefined;
  const picture = isLaidOver || !isPure ? draw(start as Posterior) : undefined;
  const first = isPure ? undefined : picture;
  const sampling = plan.begin(size, random, first, isLaidOver ? layOver(picture!, mask) : undefined);
  if (isLaidOver) {
    random.randn(size);
    return { sampling, extra: undefined };
  }
  const extra = new Float32Array(mask.length + size);
  extra.set(mask);
  extra.set(draw(masked), mask.length);
  return { sampling, extra };
}

/** After each call the kept part is the picture's own, as noisy as the redrawn part (Lugmayr et al. 2022). */
function layOver(picture: Float32Array, mask: Float32Array): AfterCall {
  return (latents, { level: { signal, spread }, noise }) => {
    for (let i = 0; i < latents.length; i++) {
      const share = mask[i % mask.length]!;
      if (share === 1) continue;
      const kept = signal * picture[i]! + spread * noise[i]!;
      latents[i] = share === 0 ? kept : (1 - share) * kept + share * latents[i]!;
    }
  };
}
