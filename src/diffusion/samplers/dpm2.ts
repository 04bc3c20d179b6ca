import { addNoise } from '../noise.ts';
import { denoisedAtSigma, scaledForModel } from '../prediction.ts';
import { ask, defineSampler, type SamplerContext, type Sampling } from '../sampler.ts';
import { SCHEDULES_OF } from '../schedule.ts';
import { CURVE_FLAGS, K_DIFFUSION, SPACED, TWO_TYPES, words } from '../scheduler-class.ts';
import { ancestralSplit, midpoint, sigmaSchedule } from '../schedules/sigmas.ts';
import { alongSlope } from './euler.ts';

const scheduler = { ...K_DIFFUSION, options: words(SPACED, CURVE_FLAGS), predictionTypes: TWO_TYPES };

/** Lu et al. 2022 (DPM-Solver-2) as k-diffusion writes it: the slope is taken in the middle of each step. */
export const dpm2 = defineSampler({
  name: 'dpm2',
  a1111: ['DPM2'],
  diffusers: { name: 'KDPM2DiscreteScheduler' },
  kind: 'diffusion',
  schedules: SCHEDULES_OF.curvesAndSpacing,
  callsPerStep: 2,
  scheduler,
  makeSchedule: (config, order) => sigmaSchedule(config, order, { secondCall: midpoint, roundsKarras: true }),
  run: (latents, context) => dpm2Steps(latents, context, false),
});

/** The same with ancestral steps. Draws noise at every step but the last. */
export const dpm2Ancestral = defineSampler({
  name: 'dpm2_a',
  a1111: ['DPM2 a'],
  diffusers: { name: 'KDPM2AncestralDiscreteScheduler' },
  kind: 'diffusion',
  schedules: SCHEDULES_OF.curvesAndSpacing,
  callsPerStep: 2,
  scheduler,
  makeSchedule: (config, order) =>
    sigmaSchedule(config, order, {
      secondCall: (from, to) => midpoint(from, ancestralSplit(from, to).down),
      roundsKarras: true,
    }),
  run: (latents, context) => dpm2Steps(latents, context, true),
});

function* dpm2Steps(latents: Float32Array, context: SamplerContext, isAncestral: boolean): Sampling {
  const { schedule, begin, config, random } = context;
  const { sigmas, timesteps } = schedule;
  const steps = sigmas.length - 1;
  let x = latents;
  let denoised: Float32Array | undefined;
  for (let step = begin; step < steps; step++) {
    const [sigma, to] = [sigmas[step]!, sigmas[step + 1]!];
    const { down, up } = isAncestral ? ancestralSplit(sigma, to) : { down: to, up: 0 };
    const middle = midpoint(sigma, down);
    const call = 2 * step;
    const first = yield ask(scaledForModel(x, sigma), timesteps[call]!, denoised);
    denoised = denoisedAtSigma(x, first, sigma, config.predictionType);
    const ahead = alongSlope(x, x, denoised, sigma, middle - sigma);
    context.settle(ahead, call);
    if (step === steps - 1) return ahead;
    const second = yield ask(scaledForModel(ahead, middle), timesteps[call + 1]!, denoised);
    denoised = denoisedAtSigma(ahead, second, middle, config.predictionType);
    const next = alongSlope(x, ahead, denoised, middle, down - sigma);
    if (isAncestral) addNoise(next, up, random.randn(next.length));
    context.settle(next, call + 1);
    x = next;
  }
  return x;
}
