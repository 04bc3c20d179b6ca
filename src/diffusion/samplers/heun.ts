import { denoisedAtSigma, limitInto, scaledForModel } from '../prediction.ts';
import { ask, defineSampler, type SamplerContext, type Sampling } from '../sampler.ts';
import { SCHEDULES_OF } from '../schedule.ts';
import { CLIPS, CURVE_FLAGS, K_DIFFUSION, SPACED, words } from '../scheduler-class.ts';
import { sigmaSchedule } from '../schedules/sigmas.ts';
import { alongSlope } from './euler.ts';

/** Karras et al. 2022, algorithm 1: each step looks ahead and goes along the mean of both slopes. */
export const heun = defineSampler({
  name: 'heun',
  a1111: ['Heun'],
  diffusers: { name: 'HeunDiscreteScheduler' },
  kind: 'diffusion',
  schedules: SCHEDULES_OF.curvesAndSpacing,
  callsPerStep: 2,
  scheduler: {
    ...K_DIFFUSION,
    options: words(SPACED, CURVE_FLAGS, CLIPS),
    betaSchedules: [...K_DIFFUSION.betaSchedules, 'exp'],
  },
  makeSchedule: (config, order) => sigmaSchedule(config, order, { secondCall: 'next' }),
  run: heunSteps,
});

function* heunSteps(latents: Float32Array, context: SamplerContext): Sampling {
  const { schedule, begin, config } = context;
  const { sigmas, timesteps } = schedule;
  const steps = sigmas.length - 1;
  let x = latents;
  let denoised: Float32Array | undefined;
  for (let step = begin; step < steps; step++) {
    const [sigma, to] = [sigmas[step]!, sigmas[step + 1]!];
    const call = 2 * step;
    const first = yield ask(scaledForModel(x, sigma), timesteps[call]!, denoised);
    denoised = denoisedAtSigma(x, first, sigma, config.predictionType);
    limitInto(denoised, config.clipSampleRange, undefined);
    const ahead = alongSlope(x, x, denoised, sigma, to - sigma);
    context.settle(ahead, call);
    if (step === steps - 1) return ahead;
    const second = yield ask(scaledForModel(ahead, to), timesteps[call + 1]!, denoised);
    const denoisedAhead = denoisedAtSigma(ahead, second, to, config.predictionType);
    limitInto(denoisedAhead, config.clipSampleRange, undefined);
    const next = new Float32Array(x.length);
    for (let i = 0; i < next.length; i++) {
      const slope = (x[i]! - denoised[i]!) / sigma;
      next[i] = x[i]! + ((slope + (ahead[i]! - denoisedAhead[i]!) / to) / 2) * (to - sigma);
    }
    denoised = denoisedAhead;
    context.settle(next, call + 1);
    x = next;
  }
  return x;
}
