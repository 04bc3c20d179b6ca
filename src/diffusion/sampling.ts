/**
 * A run of a sampler as a generator: it yields what the denoiser shall be asked, is handed the prediction, and
 * returns the final latents. It holds no model; whoever drives it may stop, interleave and batch as they like.
 */
import type { GenerationRequest } from '../request.ts';
import { type PredictionType, readSchedulerConfig } from './config.ts';
import type { TorchRandom } from './random.ts';
import { addNoise, SAMPLER } from './samplers.ts';
import { makeSchedule, type Schedule } from './schedule.ts';

export interface ModelCall {
  /** The latents as the model takes them: scaled by the sampler's rule. */
  readonly sample: Float32Array;
  readonly timestep: number;
  /** The picture as the call before this one foresaw it, for previews; absent in the first. */
  readonly denoised?: Float32Array;
}

export type Sampling = Generator<ModelCall, Float32Array, Float32Array>;

/** What the update rules share; steps are those from `begin` on. */
export interface SamplerContext {
  readonly schedule: Schedule;
  /** First step that is run: above 0 where a picture is kept in part. */
  readonly begin: number;
  readonly predictionType: PredictionType;
  readonly clipSampleRange: number | undefined;
  readonly eta: number;
  readonly random: TorchRandom;
}

export interface SamplingPlan {
  /** Denoiser calls of one picture. */
  readonly calls: number;
  /**
   * Draws the noise and starts.
   * @param size number of latents
   * @param start the encoded picture to start from; noise alone where undefined
   */
  begin(size: number, random: TorchRandom, start: Float32Array | undefined): Sampling;
}

/**
 * @param base the model's scheduler_config.json; the request's own values lie over it
 * @throws DarkroomError for values that are not carried out
 */
export function planSampling(
  request: GenerationRequest,
  base: Readonly<Record<string, unknown>>,
): SamplingPlan {
  const { sampler, schedule: scheduleName, numInferenceSteps: steps, eta } = request;
  const config = readSchedulerConfig({ ...base, ...request.schedulerConfig }, sampler);
  const schedule = makeSchedule(config, sampler, scheduleName, steps);
  const kept = request.image === undefined ? 0 : steps - Math.floor(steps * (request.strength ?? 1));
  const begin = Math.max(0, kept);
  const { predictionType, clipSampleRange } = config;
  return {
    calls: steps - begin,
    begin(size, random, start) {
      const context = { schedule, begin, predictionType, clipSampleRange, eta, random };
      const noise = random.randn(size);
      return SAMPLER[sampler](addNoise(context, sampler, config.timestepSpacing, noise, start), context);
    },
  };
}
