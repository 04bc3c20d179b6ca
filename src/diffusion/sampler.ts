/**
 * A sampler as data: its names, its class in diffusers, its schedules and its update rule. One file each in
 * samplers/, named after its paper; samplers/index.ts lists them, and everything else derives from that list.
 *
 * A run is a generator: it yields what the denoiser is asked, receives the prediction, and returns the final
 * latents. It holds no model; whoever drives it may stop, interleave and batch runs.
 */
import type { SchedulerConfig } from './config.ts';
import type { Random } from './noise.ts';
import type { Schedule, ScheduleName, ScheduleOrder } from './schedule.ts';
import type { SchedulerClass } from './scheduler-class.ts';

export interface ModelCall {
  /** The latents as the model takes them: scaled by the sampler's rule. Not to be changed. */
  readonly sample: Float32Array;
  /** 0 to num_train_timesteps - 1; a fraction where the sampler's sigmas fall between timesteps. */
  readonly timestep: number;
  /** The denoised estimate of the call before this one, for previews; absent in the first. */
  readonly denoised?: Float32Array;
}

export type Sampling = Generator<ModelCall, Float32Array, Float32Array>;

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

/** An update rule. It works in its own scale of latents; its last step returns them without noise. */
type UpdateRule = (latents: Float32Array, context: SamplerContext) => Sampling;

/**
 * How a model was trained, which decides its samplers: as a diffusion over timesteps, as a rectified flow, or by
 * sigmas (EDM, Karras et al. 2022). Samplers of diffusions draw flows too where they take use_flow_sigmas.
 */
export type ModelKind = 'diffusion' | 'flow' | 'edm';

export interface Sampler<Name extends string = string> {
  /** As requests, settings and the command line write it. */
  readonly name: Name;
  /** A1111's names without a schedule; pictures carry the first. A flow and a diffusion sampler may share one. */
  readonly a1111: readonly [string, ...string[]];
  /** What diffusers computes the same with; absent where diffusers has no such sampler. */
  readonly diffusers?: DiffusersClass;
  /** Made for models that were distilled to few steps (LCM, TCD). */
  readonly isDistilled?: boolean;
  /** Which models it draws. */
  readonly kind: ModelKind;
  readonly schedules: readonly ScheduleName[];
  /** Denoiser calls of a step: 2 where the sampler looks ahead, and then 1 in the last step. */
  readonly callsPerStep: 1 | 2;
  /** The options of a scheduler_config.json that it takes. */
  readonly scheduler: SchedulerClass;
  makeSchedule(config: SchedulerConfig, order: ScheduleOrder): Schedule;
  readonly run: UpdateRule;
}

interface DiffusersClass {
  /** `_class_name` of a scheduler_config.json. */
  readonly name: string;
  /**
   * Set where several samplers share the class: the options that make this one of it, which lie over a folder of
   * another sampler and under the request's, and the configs that describe it. Absent for the class's plain sampler.
   */
  readonly variant?: {
    readonly options: Readonly<Record<string, unknown>>;
    describes(config: Readonly<Record<string, unknown>>): boolean;
  };
}

/** Keeps a sampler's name as a literal type. */
export const defineSampler = <const Name extends string>(sampler: Sampler<Name>): Sampler<Name> => sampler;

/** A model call as the samplers make it. */
export function ask(sample: Float32Array, timestep: number, denoised: Float32Array | undefined): ModelCall {
  return denoised === undefined ? { sample, timestep } : { sample, timestep, denoised };
}
