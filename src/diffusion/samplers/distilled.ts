import { addNoise } from '../noise.ts';
import { limitInto, noiseBeside, predictedDenoised, predictedNoise } from '../prediction.ts';
import { ask, defineSampler, type SamplerContext, type Sampling } from '../sampler.ts';
import { SCHEDULES_OF } from '../schedule.ts';
import { CLIPS, DISTILLED, FEW_STEPS, SPACED, THRESHOLDING, words, ZERO_SNR } from '../scheduler-class.ts';
import { distilledSchedule } from '../schedules/distilled.ts';

const shared = {
  isDistilled: true,
  kind: 'diffusion',
  schedules: SCHEDULES_OF.none,
  callsPerStep: 1,
} as const;
const options = words(SPACED, ZERO_SNR, CLIPS, THRESHOLDING, DISTILLED);

/**
 * Luo et al. 2023 (latent consistency models), algorithm 3: each step estimates the whole picture, then adds the
 * next level's noise. Draws noise at every step but the last.
 */
export const lcm = defineSampler({
  ...shared,
  name: 'lcm',
  a1111: ['LCM'],
  diffusers: { name: 'LCMScheduler' },
  scheduler: { ...FEW_STEPS, options, idle: words('timestep_spacing steps_offset') },
  makeSchedule: (config, order) => distilledSchedule(config, order, 'lcm'),
  run: lcmSteps,
});

/**
 * Zheng et al. 2024 (trajectory consistency distillation), algorithm 4: a step goes below the next level, the
 * further the larger eta (the paper's gamma), and noise brings it back up. With eta 0 it draws no noise.
 */
export const tcd = defineSampler({
  ...shared,
  name: 'tcd',
  a1111: ['TCD'],
  diffusers: { name: 'TCDScheduler' },
  scheduler: {
    ...FEW_STEPS,
    options,
    idle: words('timestep_spacing steps_offset', CLIPS, THRESHOLDING, 'timestep_scaling'),
  },
  makeSchedule: (config, order) => distilledSchedule(config, order, 'tcd'),
  run: tcdSteps,
});

/** The spread of the pictures that the boundary conditions assume. */
const SIGMA_DATA = 0.5;

function* lcmSteps(latents: Float32Array, context: SamplerContext): Sampling {
  const { schedule, begin, config, random } = context;
  const { timesteps, alphasCumprod } = schedule;
  let x = latents;
  let denoised: Float32Array | undefined;
  for (let step = begin; step < timesteps.length; step++) {
    const timestep = timesteps[step]!;
    const prediction = yield ask(x, timestep, denoised);
    const { alpha, sigma } = mixAt(alphasCumprod[timestep]!);
    denoised = predictedDenoised(x, prediction, alpha, sigma, config.predictionType);
    limitInto(denoised, config.clipSampleRange, config.thresholding);
    const scaled = timestep * config.timestepScaling;
    const skip = SIGMA_DATA ** 2 / (scaled ** 2 + SIGMA_DATA ** 2);
    const out = scaled / Math.sqrt(scaled ** 2 + SIGMA_DATA ** 2);
    for (let i = 0; i < denoised.length; i++) denoised[i] = out * denoised[i]! + skip * x[i]!;
    const next = denoised.slice();
    if (step < timesteps.length - 1) {
      const to = mixAt(alphasCumprod[timesteps[step + 1]!]!);
      for (let i = 0; i < next.length; i++) next[i]! *= to.alpha;
      addNoise(next, to.sigma, random.randn(next.length));
    }
    context.settle(next, step);
    x = next;
  }
  return x;
}

function* tcdSteps(latents: Float32Array, context: SamplerContext): Sampling {
  const { schedule, begin, config, eta, random } = context;
  const { timesteps, alphasCumprod } = schedule;
  const type = config.predictionType;
  let x = latents;
  let denoised: Float32Array | undefined;
  for (let step = begin; step < timesteps.length; step++) {
    const timestep = timesteps[step]!;
    const prediction = yield ask(x, timestep, denoised);
    const { alpha, sigma } = mixAt(alphasCumprod[timestep]!);
    const nextTimestep = timesteps[step + 1] ?? 0;
    const below = alphasCumprod[Math.floor(Math.fround(Math.fround(1 - eta) * nextTimestep))]!;
    denoised = predictedDenoised(x, prediction, alpha, sigma, type);
    const noise =
      type === 'flow_prediction'
        ? noiseBeside(x, denoised, alpha, sigma)
        : predictedNoise(x, prediction, alpha, sigma, type);
    const to = mixAt(below);
    const next = new Float32Array(x.length);
    for (let i = 0; i < next.length; i++) next[i] = to.alpha * denoised[i]! + to.sigma * noise[i]!;
    if (eta > 0 && step < timesteps.length - 1) {
      const ratio = alphasCumprod[nextTimestep]! / below;
      const stretch = Math.sqrt(ratio);
      for (let i = 0; i < next.length; i++) next[i]! *= stretch;
      addNoise(next, Math.sqrt(1 - ratio), random.randn(next.length));
    }
    context.settle(next, step);
    x = next;
  }
  return x;
}

const mixAt = (alphaCumprod: number) => ({
  alpha: Math.fround(Math.sqrt(alphaCumprod)),
  sigma: Math.fround(Math.sqrt(Math.fround(1 - alphaCumprod))),
});
