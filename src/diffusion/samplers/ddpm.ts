import type { SchedulerConfig } from '../config.ts';
import { addNoise } from '../noise.ts';
import { limitInto, predictedDenoised } from '../prediction.ts';
import { ask, defineSampler, type SamplerContext, type Sampling } from '../sampler.ts';
import { SCHEDULES_OF } from '../schedule.ts';
import { CLIPS, PLAIN, SPACED, THRESHOLDING, words, ZERO_SNR } from '../scheduler-class.ts';
import { alphaSchedule } from '../schedules/alphas.ts';

/** Ho et al. 2020 (DDPM), formulas 6 and 7. Draws noise at every step but at timestep 0. */
export const ddpm = defineSampler({
  name: 'ddpm',
  a1111: ['DDPM'],
  diffusers: { name: 'DDPMScheduler' },
  kind: 'diffusion',
  schedules: SCHEDULES_OF.spacing,
  callsPerStep: 1,
  scheduler: {
    ...PLAIN,
    options: words(SPACED, ZERO_SNR, CLIPS, THRESHOLDING, 'variance_type'),
    betaSchedules: [...PLAIN.betaSchedules, 'sigmoid', 'laplace'],
    timestepSpacing: 'leading',
    clipSample: true,
  },
  makeSchedule: (config, order) => alphaSchedule(config, order, 'next'),
  run: ddpmSteps,
});

/** diffusers keeps the logarithm of a variance of 0 finite by this. */
const LEAST_VARIANCE = 1e-20;

function* ddpmSteps(latents: Float32Array, context: SamplerContext): Sampling {
  const { schedule, begin, config, random } = context;
  let x = latents;
  let denoised: Float32Array | undefined;
  for (let step = begin; step < schedule.timesteps.length; step++) {
    const timestep = schedule.timesteps[step]!;
    const prediction = yield ask(x, timestep, denoised);
    const { from, to } = schedule.alphas[step]!;
    const [alpha, sigma] = [Math.fround(Math.sqrt(from)), Math.fround(Math.sqrt(1 - from))];
    denoised = predictedDenoised(x, prediction, alpha, sigma, config.predictionType);
    limitInto(denoised, config.clipSampleRange, config.thresholding);
    const kept = from / to;
    const pictureWeight = (Math.sqrt(to) * (1 - kept)) / (1 - from);
    const sampleWeight = (Math.sqrt(kept) * (1 - to)) / (1 - from);
    const next = new Float32Array(x.length);
    for (let i = 0; i < next.length; i++) next[i] = pictureWeight * denoised[i]! + sampleWeight * x[i]!;
    if (timestep > 0) addNoise(next, deviation(config, from, to), random.randn(next.length));
    context.settle(next, step);
    x = next;
  }
  return x;
}

/** The standard deviation of the noise; fixed_small and its logarithm are the same number. */
function deviation({ varianceType }: SchedulerConfig, from: number, to: number): number {
  const beta = 1 - from / to;
  if (varianceType === 'fixed_large') return Math.sqrt(beta);
  return Math.sqrt(Math.max(((1 - to) / (1 - from)) * beta, LEAST_VARIANCE));
}
