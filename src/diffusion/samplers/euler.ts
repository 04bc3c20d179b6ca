import { addNoise } from '../noise.ts';
import { denoisedAtSigma, scaledForModel } from '../prediction.ts';
import { ask, defineSampler, type SamplerContext, type Sampling } from '../sampler.ts';
import { SCHEDULES_OF } from '../schedule.ts';
import { CURVE_FLAGS, ENDS, PLAIN, SPACED, TWO_TYPES, words, ZERO_SNR } from '../scheduler-class.ts';
import { ancestralSplit, sigmaSchedule } from '../schedules/sigmas.ts';

/** Karras et al. 2022, algorithm 1 without its second order. */
export const euler = defineSampler({
  name: 'euler',
  a1111: ['Euler'],
  diffusers: { name: 'EulerDiscreteScheduler' },
  kind: 'diffusion',
  schedules: SCHEDULES_OF.curvesAndSpacing,
  callsPerStep: 1,
  scheduler: {
    ...PLAIN,
    options: words(SPACED, ZERO_SNR, CURVE_FLAGS, ENDS, 'interpolation_type timestep_type'),
  },
  makeSchedule: sigmaSchedule,
  run: (latents, context) => eulerSteps(latents, context, false),
});

/**
 * Euler steps that go further down and add fresh noise up to the next sigma: Song et al. 2020 (score SDE),
 * ancestral sampling, as k-diffusion's sample_euler_ancestral writes it. Draws noise at every step, also the last.
 */
export const eulerAncestral = defineSampler({
  name: 'euler_a',
  a1111: ['Euler a'],
  diffusers: { name: 'EulerAncestralDiscreteScheduler' },
  kind: 'diffusion',
  // Curves are beyond diffusers, whose class has no flag for them.
  schedules: SCHEDULES_OF.curvesAndSpacing,
  callsPerStep: 1,
  scheduler: { ...PLAIN, options: words(SPACED, ZERO_SNR), predictionTypes: TWO_TYPES },
  makeSchedule: sigmaSchedule,
  run: (latents, context) => eulerSteps(latents, context, true),
});

function* eulerSteps(latents: Float32Array, context: SamplerContext, isAncestral: boolean): Sampling {
  const { schedule, begin, config, random } = context;
  const { sigmas, timesteps } = schedule;
  let x = latents;
  let denoised: Float32Array | undefined;
  for (let step = begin; step < timesteps.length; step++) {
    const [sigma, to] = [sigmas[step]!, sigmas[step + 1]!];
    const prediction = yield ask(scaledForModel(x, sigma), timesteps[step]!, denoised);
    denoised = denoisedAtSigma(x, prediction, sigma, config.predictionType);
    const { down, up } = isAncestral ? ancestralSplit(sigma, to) : { down: to, up: 0 };
    const next = alongSlope(x, x, denoised, sigma, down - sigma);
    if (isAncestral) addNoise(next, up, random.randn(next.length));
    context.settle(next, step);
    x = next;
  }
  return x;
}

/** From `start` by `length` in sigma, along the slope that `at` has at a sigma. */
export function alongSlope(
  start: Float32Array,
  at: Float32Array,
  denoised: Float32Array,
  sigma: number,
  length: number,
): Float32Array {
  const factor = length / sigma;
  const next = new Float32Array(start.length);
  for (let i = 0; i < next.length; i++) next[i] = start[i]! + (at[i]! - denoised[i]!) * factor;
  return next;
}
