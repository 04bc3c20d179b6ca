import { denoisedAtSigma } from '../prediction.ts';
import { ask, defineSampler, type SamplerContext, type Sampling } from '../sampler.ts';
import { SCHEDULES_OF } from '../schedule.ts';
import { CURVE_FLAGS, PLAIN, SHIFTS, words } from '../scheduler-class.ts';
import { flowSchedule } from '../schedules/flow.ts';

/**
 * Euler steps along a rectified flow: Liu et al. 2022, formula 6; Esser et al. 2024 (SD3). With
 * stochastic_sampling each step estimates the picture and mixes it with fresh noise.
 */
export const flowEuler = defineSampler({
  name: 'flow_euler',
  a1111: ['Euler'],
  diffusers: { name: 'FlowMatchEulerDiscreteScheduler' },
  kind: 'flow',
  schedules: SCHEDULES_OF.curves,
  callsPerStep: 1,
  scheduler: {
    ...PLAIN,
    options: words(
      CURVE_FLAGS,
      SHIFTS,
      'num_train_timesteps shift invert_sigmas shift_terminal stochastic_sampling',
    ),
    maxShift: 1.15,
  },
  makeSchedule: (config, order) => flowSchedule(config, order, 1),
  run: (latents, context) => flowEulerSteps(latents, context, context.config.flow.stochasticSampling),
});

/**
 * Latent consistency over a rectified flow: each step estimates the picture and mixes it with fresh noise of the next
 * level. Draws noise at every step, also the last. diffusers' SD3 pipeline gives it no generator; here the noise comes
 * from the picture's seed.
 */
export const flowLcm = defineSampler({
  name: 'flow_lcm',
  a1111: ['LCM'],
  diffusers: { name: 'FlowMatchLCMScheduler' },
  kind: 'flow',
  isDistilled: true,
  schedules: SCHEDULES_OF.curves,
  callsPerStep: 1,
  scheduler: {
    ...PLAIN,
    // scale_factors, for which upscale_mode is, is only taken where it is null.
    options: words(
      CURVE_FLAGS,
      SHIFTS,
      'num_train_timesteps shift invert_sigmas shift_terminal scale_factors upscale_mode',
    ),
    maxShift: 1.15,
  },
  makeSchedule: (config, order) => flowSchedule(config, order, 1),
  run: (latents, context) => flowEulerSteps(latents, context, true),
});

/** Heun's method along a rectified flow: each step looks ahead and goes along the mean of both velocities. */
export const flowHeun = defineSampler({
  name: 'flow_heun',
  a1111: ['Heun'],
  diffusers: { name: 'FlowMatchHeunDiscreteScheduler' },
  kind: 'flow',
  schedules: SCHEDULES_OF.none,
  callsPerStep: 2,
  scheduler: { ...PLAIN, options: words('num_train_timesteps shift') },
  makeSchedule: (config, order) => flowSchedule(config, order, 2),
  run: flowHeunSteps,
});

function* flowEulerSteps(latents: Float32Array, context: SamplerContext, isStochastic: boolean): Sampling {
  const { schedule, begin, random } = context;
  const { sigmas, timesteps } = schedule;
  let x = latents;
  let denoised: Float32Array | undefined;
  for (let step = begin; step < timesteps.length; step++) {
    const [sigma, to] = [sigmas[step]!, sigmas[step + 1]!];
    const prediction = yield ask(x, timesteps[step]!, denoised);
    denoised = denoisedAtSigma(x, prediction, sigma, 'flow_prediction');
    const next = new Float32Array(x.length);
    if (isStochastic) {
      const noise = random.randn(x.length);
      for (let i = 0; i < next.length; i++) next[i] = (1 - to) * denoised[i]! + to * noise[i]!;
    } else {
      const length = Math.fround(to - sigma);
      for (let i = 0; i < next.length; i++) next[i] = x[i]! + length * prediction[i]!;
    }
    context.settle(next, step);
    x = next;
  }
  return x;
}

function* flowHeunSteps(latents: Float32Array, context: SamplerContext): Sampling {
  const { schedule, begin } = context;
  const { sigmas, timesteps } = schedule;
  const steps = sigmas.length - 1;
  let x = latents;
  let denoised: Float32Array | undefined;
  for (let step = begin; step < steps; step++) {
    const [sigma, to] = [sigmas[step]!, sigmas[step + 1]!];
    const length = Math.fround(to - sigma);
    const call = 2 * step;
    const first = yield ask(x, timesteps[call]!, denoised);
    denoised = denoisedAtSigma(x, first, sigma, 'flow_prediction');
    const ahead = new Float32Array(x.length);
    for (let i = 0; i < ahead.length; i++) ahead[i] = x[i]! + length * first[i]!;
    context.settle(ahead, call);
    if (step === steps - 1) return ahead;
    const second = yield ask(ahead, timesteps[call + 1]!, denoised);
    denoised = denoisedAtSigma(ahead, second, to, 'flow_prediction');
    const next = new Float32Array(x.length);
    for (let i = 0; i < next.length; i++) next[i] = x[i]! + 0.5 * (first[i]! + second[i]!) * length;
    context.settle(next, call + 1);
    x = next;
  }
  return x;
}
