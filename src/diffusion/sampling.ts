/** From a request and a model's scheduler_config.json to a run of a sampler: the door of this room. */
import { DarkroomError } from '../errors.ts';
import type { GenerationRequest, SamplerName } from '../request.ts';
import { chooseSampler, chooseSchedule } from './choice.ts';
import { readSchedulerConfig } from './config.ts';
import { demandKinship, type PipelineHabits, squeezesSteps, stepsSkipped } from './pipeline-habits.ts';
import type { Random } from './random.ts';
import type { Sampler, Sampling } from './sampler.ts';
import { ddim } from './samplers/ddim.ts';
import { ddpm } from './samplers/ddpm.ts';
import { deis } from './samplers/deis.ts';
import { lcm, tcd } from './samplers/distilled.ts';
import { dpmMultistep } from './samplers/dpm-multistep.ts';
import { dpmSinglestep } from './samplers/dpm-singlestep.ts';
import { dpm2, dpm2Ancestral } from './samplers/dpm2.ts';
import { dpmppSde } from './samplers/dpmpp-sde.ts';
import { euler, eulerAncestral } from './samplers/euler.ts';
import { flowEuler, flowHeun } from './samplers/flow.ts';
import { heun } from './samplers/heun.ts';
import { lms } from './samplers/lms.ts';
import { pndm } from './samplers/pndm.ts';
import { unipc } from './samplers/unipc.ts';
import { curveOf, makeSchedule, type NoiseLevel } from './schedule.ts';

export type { ModelCall, Sampling } from './sampler.ts';
export type { NoiseLevel } from './schedule.ts';

const SAMPLERS: Readonly<Record<SamplerName, Sampler>> = {
  ddim,
  ddpm,
  pndm,
  lms,
  euler,
  euler_a: eulerAncestral,
  heun,
  dpm2,
  dpm2_a: dpm2Ancestral,
  dpmpp_2m: dpmMultistep,
  dpmpp_2m_sde: dpmMultistep,
  dpmpp_3m_sde: dpmMultistep,
  dpmpp_sde: dpmppSde,
  dpmpp_2s: dpmSinglestep,
  unipc,
  deis,
  lcm,
  tcd,
  flow_euler: flowEuler,
  flow_heun: flowHeun,
};

export interface SamplingPlan {
  /** Denoiser calls of one picture. */
  readonly calls: number;
  /** What the denoiser is told in each of them. */
  readonly timesteps: readonly number[];
  /**
   * Draws the noise and starts.
   * @param size number of latents
   * @param start the encoded picture to start from; noise alone where undefined
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

/** What the model's family has to do with it; Stable Diffusion 1.x where left out. */
export type SamplingSetting = Partial<Pick<PipelineHabits, 'family' | 'imageSeqLen'>>;

/**
 * @param base the model's scheduler_config.json; the request's own values lie over it
 * @throws DarkroomError('unsupported' | 'bad_request') naming key and value, where one is not carried out
 */
export function planSampling(
  request: GenerationRequest,
  base: Readonly<Record<string, unknown>>,
  setting: SamplingSetting = {},
): SamplingPlan {
  const { schedulerConfig: override, numInferenceSteps: steps, eta } = request;
  const { family = 'sd', imageSeqLen = 0 } = setting;
  const inpaints = request.maskImage !== undefined;
  const habits: PipelineHabits = { family, imageSeqLen, inpaints, controlled: request.controls.length > 0 };
  const sampler = chooseSampler(override, request.sampler);
  demandKinship(base, sampler);
  const schedule = chooseSchedule(override, request.schedule, sampler);
  const config = readSchedulerConfig(base, { ...schedule.options, ...override }, sampler, habits);
  const strength = request.image === undefined ? 1 : (request.strength ?? 1);
  const levels = makeSchedule(config, {
    sampler,
    curve: curveOf(schedule.name),
    steps,
    strength: squeezesSteps(family, sampler) ? strength : 1,
    imageSeqLen,
  });
  const first = squeezesSteps(family, sampler) ? 0 : stepsSkipped(family, steps, strength);
  const firstCall = first * levels.callsPerStep;
  const timesteps = levels.timesteps.slice(firstCall);
  if (timesteps.length === 0) {
    throw new DarkroomError('bad_request', `strength ${strength} of ${steps} steps leaves no step to run.`);
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
      return SAMPLERS[sampler](latents, { schedule: levels, begin: first, config, eta, random, settle });
    },
  };
}

/** A picture with as much noise as a level has. */
function mix(picture: Float32Array, noise: Float32Array, { signal, spread }: NoiseLevel): Float32Array {
  return picture.map((value, i) => signal * value + spread * noise[i]!);
}
