/** From a request and a model's scheduler_config.json to a run of a sampler: the door of this room. */

import { DarkroomError } from '../errors.ts';
import type { GenerationRequest, SamplerName } from '../request.ts';
import { chooseSampler, chooseSchedule, readSchedulerConfig } from './config.ts';
import type { TorchRandom } from './random.ts';
import type { Sampler, SamplerContext, Sampling } from './sampler.ts';
import { ddim } from './samplers/ddim.ts';
import { dpmpp2m } from './samplers/dpmpp-2m.ts';
import { euler } from './samplers/euler.ts';
import { eulerAncestral } from './samplers/euler-ancestral.ts';
import { makeSchedule } from './schedule.ts';

export type { ModelCall, Sampling } from './sampler.ts';

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

interface SamplerEntry {
  readonly run: Sampler;
  /** Whether the variance grows with the noise (x + sigma n) or is kept (alpha x + sigma n). */
  readonly grows: boolean;
}

const SAMPLERS: Readonly<Partial<Record<SamplerName, SamplerEntry>>> = {
  ddim: { run: ddim, grows: false },
  euler: { run: euler, grows: true },
  euler_a: { run: eulerAncestral, grows: true },
  dpmpp_2m: { run: dpmpp2m, grows: false },
};

/**
 * @param base the model's scheduler_config.json; the request's own values lie over it
 * @throws DarkroomError('unsupported' | 'bad_request') naming key and value, where one is not carried out
 */
export function planSampling(
  request: GenerationRequest,
  base: Readonly<Record<string, unknown>>,
): SamplingPlan {
  const { schedulerConfig: override, numInferenceSteps: steps, eta } = request;
  const sampler = chooseSampler(override, request.sampler);
  const config = readSchedulerConfig(base, override, sampler);
  const schedule = makeSchedule(config, sampler, chooseSchedule(override, request.schedule), steps);
  const begin = request.image === undefined ? 0 : steps - Math.floor(steps * (request.strength ?? 1));
  const entry = SAMPLERS[sampler];
  if (entry === undefined) throw new DarkroomError('unsupported', `${sampler} is not carried out yet.`);
  const { run, grows } = entry;
  return {
    calls: schedule.timesteps.length - begin,
    begin(size, random, start) {
      const context = { schedule, begin, config, eta, random };
      return run(startingLatents(context, grows, random.randn(size), start), context);
    },
  };
}

/** Noise alone, or a picture with as much noise as its first step expects. */
function startingLatents(
  { schedule, begin, config }: SamplerContext,
  grows: boolean,
  noise: Float32Array,
  start: Float32Array | undefined,
): Float32Array {
  if (start !== undefined) {
    const sigma = schedule.sigmas[begin]!;
    if (grows) return start.map((x, i) => x + sigma * noise[i]!);
    const alpha = schedule.alphas[begin]!.from;
    const [signal, spread] = [Math.sqrt(alpha), Math.sqrt(1 - alpha)];
    return start.map((x, i) => signal * x + spread * noise[i]!);
  }
  if (!grows) return noise;
  const most = Math.max(...schedule.sigmas);
  const scale = config.timestepSpacing === 'leading' ? Math.sqrt(most ** 2 + 1) : most;
  return noise.map((n) => n * scale);
}
