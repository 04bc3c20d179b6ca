/** The noise levels of a run: at which timesteps and sigmas the denoiser is called. */
import { CURVES, type SigmaCurve } from './sigma-curves.ts';

/** karras, exponential and beta are curves of sigmas; `simple` and `sgm_uniform` are trailing timesteps. */
export const SCHEDULES = ['normal', ...CURVES, 'simple', 'sgm_uniform'] as const;
export type ScheduleName = (typeof SCHEDULES)[number];

/** Schedules of a sampler that takes curves of sigmas, timestep_spacing, both or neither. */
export const SCHEDULES_OF = {
  curvesAndSpacing: SCHEDULES,
  curves: ['normal', ...CURVES],
  spacing: ['normal', 'simple', 'sgm_uniform'],
  none: ['normal'],
} as const;

/** Noisy latents are signal x latents + spread x noise. */
export interface NoiseLevel {
  readonly signal: number;
  readonly spread: number;
}

export interface Schedule {
  /** What the denoiser is given, one a call; fractions where the sampler's sigmas fall between timesteps. */
  readonly timesteps: readonly number[];
  /**
   * One a step and the one that they end at; float32. sqrt((1 - alphaCumprod) / alphaCumprod), or the share of
   * noise in a rectified flow. Empty for samplers that compute in alphaCumprod.
   */
  readonly sigmas: Float32Array;
  /** alphaCumprod before and after each step, where the sampler computes in it. */
  readonly alphas: readonly AlphaStep[];
  /** alphaCumprod of every timestep trained on. */
  readonly alphasCumprod: Float32Array;
  /** How noisy the latents of each call are, in the sampler's own scale (diffusers' add_noise). */
  readonly levels: readonly NoiseLevel[];
  /** What pure noise is multiplied by to begin with (diffusers' init_noise_sigma). */
  readonly initNoiseSigma: number;
}

export interface AlphaStep {
  readonly from: number;
  readonly to: number;
}

export interface ScheduleOrder {
  readonly curve: SigmaCurve | undefined;
  readonly steps: number;
  /** Below 1 where a latent consistency pipeline starts from a picture: its steps lie within what is left. */
  readonly strength: number;
  /** Tokens that a transformer sees of the latents: for use_dynamic_shifting. */
  readonly imageSeqLen: number;
  /** The shift of use_dynamic_shifting where a pipeline computes it itself. */
  readonly mu?: number;
  /** A flow's sigmas fall evenly from 1 to 1 / steps before any shift. */
  readonly evenSigmas: boolean;
}

/** The curve of a schedule's name; the other schedules only differ in their timesteps. */
export const curveOf = (schedule: ScheduleName): SigmaCurve | undefined =>
  CURVES.find((curve) => curve === schedule);

/** Each value twice except the first: the second call of a step is at the next step's level, as in diffusers. */
export const twiceAfterFirst = <T>(values: readonly T[]): T[] =>
  values.flatMap((value, i) => (i === 0 ? [value] : [value, value]));
