/** From a request and a model's scheduler_config.json to a run of a sampler: the door of this room. */
import { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';
import { chooseSampler, chooseSchedule } from './choose.ts';
import { readSchedulerConfig } from './config.ts';
import type { Random } from './noise.ts';
import { collectOptions } from './options.ts';
import { type PipelineHabits, PLAIN_HABITS, requireKinship, stepsSkipped } from './pipeline-habits.ts';
import type { Sampling } from './sampler.ts';
import type { SamplerName } from './samplers/index.ts';
import { curveOf, type NoiseLevel, type ScheduleName } from './schedule.ts';
import { empiricalMu } from './schedules/flow-shift.ts';

export type { ModelCall, Sampling } from './sampler.ts';

/** What of a request the sampler depends on. */
interface SamplingRequest {
  readonly sampler: SamplerName;
  readonly schedule: ScheduleName;
  /** Laid over the model's scheduler_config.json. */
  readonly schedulerConfig: Readonly<Record<string, unknown>>;
  readonly numInferenceSteps: number;
  readonly eta: number;
  readonly image?: string;
  readonly strength?: number;
  readonly maskImage?: string;
  readonly outpaint?: object;
  readonly controls: readonly unknown[];
}

export interface SamplingPlan {
  /** Denoiser calls of one picture. */
  readonly calls: number;
  /** What the denoiser is given in each of them. */
  readonly timesteps: readonly number[];
  /**
   * Draws the noise and starts.
   * @param size number of latents
   * @param start the encoded picture to start from; only noise where undefined
   * @param afterCall see AfterCall
   */
  begin(size: number, random: Random, start: Float32Array | undefined, afterCall?: AfterCall): Sampling;
}

/**
 * Called after every call's update with the latents that it led to, which it may change in place: where diffusers'
 * pipelines lay the kept part of a picture over them, or hand them to a callback.
 */
export type AfterCall = (latents: Float32Array, state: CallState) => void;

export interface CallState {
  /** Of the call, from 0. */
  readonly index: number;
  /** signal x picture + spread x noise is the picture as noisy as these latents; without noise after the last. */
  readonly level: NoiseLevel;
  /** The noise that the run began with. */
  readonly noise: Float32Array;
}

/** What the model's family and size add. */
interface SamplingSetting {
  /** The family's; a folder's scheduler as it is where left out. */
  readonly habits?: PipelineHabits;
  /** Tokens that a transformer sees of the latents: for use_dynamic_shifting; 0 where left out. */
  readonly imageSeqLen?: number;
}

/**
 * @param base the model's scheduler_config.json; the request's own values lie over it
 * @throws DarkroomError('unsupported' | 'bad_request') naming key and value, where one is not carried out
 */
export function planSampling(
  request: SamplingRequest,
  base: Readonly<Record<string, unknown>>,
  { habits = PLAIN_HABITS, imageSeqLen = 0 }: SamplingSetting = {},
): SamplingPlan {
  const { schedulerConfig: override, numInferenceSteps: steps, eta } = request;
  const sampler = chooseSampler(override, request.sampler);
  requireKinship(base, sampler);
  const schedule = chooseSchedule(override, request.schedule, sampler);
  const use = {
    inpaints: request.maskImage !== undefined || request.outpaint !== undefined,
    controlled: request.controls.length > 0,
  };
  const options = collectOptions(base, { ...schedule.options, ...override }, sampler, habits, use);
  const config = readSchedulerConfig(options, sampler.scheduler);
  const strength = request.image === undefined ? 1 : (request.strength ?? 1);
  const isSqueezed = habits.squeezesSteps && sampler.isDistilled === true;
  const levels = sampler.makeSchedule(config, {
    curve: curveOf(schedule.name),
    steps,
    strength: isSqueezed ? strength : 1,
    imageSeqLen,
    evenSigmas: habits.evenSigmas,
    ...(habits.empiricalShift === true && { mu: empiricalMu(imageSeqLen, steps) }),
  });
  const first = isSqueezed ? 0 : stepsSkipped(habits, steps, strength);
  const firstCall = first * sampler.callsPerStep;
  const timesteps = levels.timesteps.slice(firstCall);
  if (timesteps.length === 0) {
    throw new DarkroomError('bad_request', sentence('scheduler.no_step', { strength, steps }));
  }
  return {
    calls: timesteps.length,
    timesteps,
    begin(size, random, start, afterCall) {
      const noise = random.randn(size);
      const latents =
        start === undefined
          ? noise.map((value) => value * levels.initNoiseSigma)
          : mix(start, noise, levels.levels[firstCall]!);
      const settle = (settled: Float32Array, call: number) => {
        const level = levels.levels[call + 1] ?? { signal: 1, spread: 0 };
        afterCall?.(settled, { index: call - firstCall, level, noise });
      };
      return sampler.run(latents, { schedule: levels, begin: first, config, eta, random, settle });
    },
  };
}

/** A picture with as much noise as a level has. */
function mix(picture: Float32Array, noise: Float32Array, { signal, spread }: NoiseLevel): Float32Array {
  return picture.map((value, i) => signal * value + spread * noise[i]!);
}
