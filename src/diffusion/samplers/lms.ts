import { denoisedAtSigma, scaledForModel } from '../prediction.ts';
import { ask, defineSampler, type SamplerContext, type Sampling } from '../sampler.ts';
import { SCHEDULES_OF } from '../schedule.ts';
import { CURVE_FLAGS, PLAIN, SPACED, words } from '../scheduler-class.ts';
import { sigmaSchedule } from '../schedules/sigmas.ts';

/** Linear multistep of order 4 (Adams and Bashforth 1883) over uneven sigmas, as k-diffusion's sample_lms. */
export const lms = defineSampler({
  name: 'lms',
  a1111: ['LMS'],
  diffusers: { name: 'LMSDiscreteScheduler' },
  kind: 'diffusion',
  schedules: SCHEDULES_OF.curvesAndSpacing,
  callsPerStep: 1,
  scheduler: { ...PLAIN, options: words(SPACED, CURVE_FLAGS) },
  makeSchedule: sigmaSchedule,
  run: lmsSteps,
});

const ORDER = 4;
/** Gauss and Legendre's two points, exact for the cubics that are integrated. */
const GAUSS = [-1 / Math.sqrt(3), 1 / Math.sqrt(3)] as const;

/** A run from a picture weighs its first slopes as if there had been others before, as in diffusers. */
function* lmsSteps(latents: Float32Array, context: SamplerContext): Sampling {
  const { schedule, begin, config } = context;
  const { sigmas, timesteps } = schedule;
  /** Newest first. */
  let slopes: readonly Float32Array[] = [];
  let x = latents;
  let denoised: Float32Array | undefined;
  for (let step = begin; step < timesteps.length; step++) {
    const sigma = sigmas[step]!;
    const prediction = yield ask(scaledForModel(x, sigma), timesteps[step]!, denoised);
    denoised = denoisedAtSigma(x, prediction, sigma, config.predictionType);
    const slope = new Float32Array(x.length);
    for (let i = 0; i < slope.length; i++) slope[i] = (x[i]! - denoised[i]!) / sigma;
    slopes = [slope, ...slopes].slice(0, ORDER);
    const next = x.slice();
    const order = Math.min(step + 1, ORDER);
    for (const [k, values] of slopes.slice(0, order).entries()) {
      const weight = integral(sigmas, step, order, k);
      for (let i = 0; i < next.length; i++) next[i]! += weight * values[i]!;
    }
    context.settle(next, step);
    x = next;
  }
  return x;
}

/** Of Lagrange's polynomial that is 1 at the sigma `k` steps back and 0 at the others, over the step. */
function integral(sigmas: Float32Array, step: number, order: number, k: number): number {
  const [from, to] = [sigmas[step]!, sigmas[step + 1]!];
  const own = sigmas[step - k]!;
  let sum = 0;
  for (const point of GAUSS) {
    const at = (from + to) / 2 + (point * (to - from)) / 2;
    let product = 1;
    for (let j = 0; j < order; j++) {
      if (j !== k) product *= (at - sigmas[step - j]!) / (own - sigmas[step - j]!);
    }
    sum += product;
  }
  return (sum * (to - from)) / 2;
}
