import type { SchedulerConfig } from '../config.ts';
import { limitInto } from '../prediction.ts';
import { ask, defineSampler, type SamplerContext, type Sampling } from '../sampler.ts';
import { SCHEDULES_OF } from '../schedule.ts';
import { EDM, EDM_OPTIONS, SOLVER, THRESHOLDING, words } from '../scheduler-class.ts';
import { edmSchedule } from '../schedules/edm.ts';
import { multistepSteps } from './dpm-multistep.ts';
import { alongSlope } from './euler.ts';
import type { SigmaPoint } from './solver-step.ts';

const { fround, log, sqrt } = Math;

/** Euler steps for models that were trained by sigmas, such as CosXL: Karras et al. 2022, algorithm 1 and table 1. */
export const edmEuler = defineSampler({
  name: 'edm_euler',
  a1111: ['Euler'],
  diffusers: { name: 'EDMEulerScheduler' },
  kind: 'edm',
  schedules: SCHEDULES_OF.none,
  callsPerStep: 1,
  scheduler: { ...EDM, options: words(EDM_OPTIONS) },
  makeSchedule: (config, order) => edmSchedule(config, order, 'float64', 'last'),
  run: edmEulerSteps,
});

/** DPM-Solver++ multistep for models that were trained by sigmas, such as Playground v2.5: Lu et al. 2022b. */
export const edmDpmpp2m = defineSampler({
  name: 'edm_dpmpp_2m',
  a1111: ['DPM++ 2M'],
  diffusers: { name: 'EDMDPMSolverMultistepScheduler' },
  kind: 'edm',
  schedules: SCHEDULES_OF.none,
  callsPerStep: 1,
  scheduler: { ...EDM, options: words(EDM_OPTIONS, SOLVER, THRESHOLDING, 'euler_at_final') },
  makeSchedule: (config, order) => edmSchedule(config, order, 'float32', 'lowest'),
  run: edmMultistepSteps,
});

function* edmEulerSteps(latents: Float32Array, context: SamplerContext): Sampling {
  const { schedule, begin, config } = context;
  const { sigmas, timesteps } = schedule;
  let x = latents;
  let denoised: Float32Array | undefined;
  for (let step = begin; step < timesteps.length; step++) {
    const [sigma, to] = [sigmas[step]!, sigmas[step + 1]!];
    const prediction = yield ask(inputAt(x, sigma, config), timesteps[step]!, denoised);
    denoised = denoisedFrom(x, prediction, sigma, config);
    const next = alongSlope(x, x, denoised, sigma, to - sigma);
    context.settle(next, step);
    x = next;
  }
  return x;
}

function edmMultistepSteps(latents: Float32Array, context: SamplerContext): Sampling {
  const { schedule, config } = context;
  return multistepSteps(latents, context, {
    // The latents grow with the noise: the signal is 1 throughout.
    points: Array.from(
      schedule.sigmas,
      (sigma): SigmaPoint => ({ alpha: 1, sigma, lambda: -fround(log(sigma)) }),
    ),
    input: (x, { sigma }) => inputAt(x, sigma, config),
    estimate: (x, prediction, { sigma }) => {
      const denoised = denoisedFrom(x, prediction, sigma, config);
      limitInto(denoised, undefined, config.thresholding);
      return { kept: denoised, denoised };
    },
  });
}

/** c_in of table 1. */
function inputAt(x: Float32Array, sigma: number, { edm: { sigmaData } }: SchedulerConfig): Float32Array {
  const scale = fround(1 / fround(sqrt(fround(fround(sigma ** 2) + sigmaData ** 2))));
  return x.map((value) => value * scale);
}

/** c_skip x + c_out prediction of table 1. */
function denoisedFrom(
  x: Float32Array,
  prediction: Float32Array,
  sigma: number,
  { edm: { sigmaData }, predictionType }: SchedulerConfig,
): Float32Array {
  const power = fround(fround(sigma ** 2) + sigmaData ** 2);
  const skip = fround(sigmaData ** 2 / power);
  const sign = predictionType === 'v_prediction' ? -1 : 1;
  const out = sign * fround(fround(sigma * sigmaData) / fround(sqrt(power)));
  return x.map((value, i) => fround(skip * value) + fround(out * prediction[i]!));
}
