/**
 * A run of a sampler as a generator: it yields what the denoiser shall be asked, is handed the prediction, and
 * returns the final latents. It holds no model; whoever drives it may stop, interleave and batch as they like.
 */
import type { SchedulerConfig } from './config.ts';
import type { Random } from './random.ts';
import type { Schedule } from './schedule.ts';

export interface ModelCall {
  /** The latents as the model takes them: scaled by the sampler's rule. Not to be changed. */
  readonly sample: Float32Array;
  /** 0 to num_train_timesteps - 1; a fraction where the sampler's sigmas fall between timesteps. */
  readonly timestep: number;
  /** The picture as the call before this one foresaw it, for previews; absent in the first. */
  readonly denoised?: Float32Array;
}

export type Sampling = Generator<ModelCall, Float32Array, Float32Array>;

/** What the update rules share. */
export interface SamplerContext {
  readonly schedule: Schedule;
  /** First step that is run: above 0 where a picture is kept in part. */
  readonly begin: number;
  readonly config: SchedulerConfig;
  readonly eta: number;
  /** Drawn from after the model call of the step that needs noise, as diffusers does. */
  readonly random: Random;
  /**
   * To be called after every model call with the latents that it led to, which may be changed in place.
   * @param call its index in schedule.timesteps
   */
  settle(latents: Float32Array, call: number): void;
}

/**
 * An update rule. It works in its own scale of latents, which `startingLatents` makes and its last step leaves.
 * One file each in samplers/, named after its paper.
 */
export type Sampler = (latents: Float32Array, context: SamplerContext) => Sampling;

/** A model call as the samplers make it. */
export function ask(sample: Float32Array, timestep: number, denoised: Float32Array | undefined): ModelCall {
  return denoised === undefined ? { sample, timestep } : { sample, timestep, denoised };
}
