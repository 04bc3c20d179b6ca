import { predictedDenoised, predictedNoise } from '../prediction.ts';
import { ask, defineSampler, type SamplerContext, type Sampling } from '../sampler.ts';
import { SCHEDULES_OF } from '../schedule.ts';
import { PLAIN, SPACED, TWO_TYPES, words } from '../scheduler-class.ts';
import { pndmSchedule } from '../schedules/pndm.ts';

/**
 * Liu et al. 2022 (PNDM): pseudo linear multistep (PLMS), formula 12, after pseudo Runge-Kutta, formula 13.
 * With skip_prk_steps the first step is made twice instead.
 */
export const pndm = defineSampler({
  name: 'pndm',
  a1111: ['PLMS'],
  diffusers: { name: 'PNDMScheduler' },
  kind: 'diffusion',
  schedules: SCHEDULES_OF.spacing,
  callsPerStep: 1,
  scheduler: {
    ...PLAIN,
    options: words(SPACED, 'skip_prk_steps set_alpha_to_one'),
    predictionTypes: TWO_TYPES,
    timestepSpacing: 'leading',
    setAlphaToOne: false,
  },
  makeSchedule: pndmSchedule,
  run: pndmSteps,
});

/** Calls of Runge and Kutta's method: four in each of the first three steps. */
const PRK_CALLS = 12;
/** Adams and Bashforth's weights of the newest predictions, by how many there are. */
const WEIGHTS: readonly (readonly number[])[] = [
  [1],
  [3 / 2, -1 / 2],
  [23 / 12, -16 / 12, 5 / 12],
  [55 / 24, -59 / 24, 37 / 24, -9 / 24],
];
const PRK_WEIGHTS = [1 / 6, 1 / 3, 1 / 3, 1 / 6];

/** Calls are counted from where the run begins, so that a run from a picture starts the same way. */
function* pndmSteps(latents: Float32Array, context: SamplerContext): Sampling {
  const { schedule, begin, config } = context;
  const { timesteps } = schedule;
  const prkCalls = config.skipPrkSteps ? 0 : PRK_CALLS;
  const steps = config.skipPrkSteps ? Math.max(timesteps.length - 1, 1) : timesteps.length - PRK_CALLS + 3;
  const stride = Math.floor(config.numTrainTimesteps / steps);
  const half = Math.floor(stride / 2);
  /** Newest first, at most four of them. */
  let predictions: readonly Float32Array[] = [];
  let [x, kept] = [latents, latents];
  let sum = new Float32Array(latents.length);
  let denoised: Float32Array | undefined;
  for (let call = begin; call < timesteps.length; call++) {
    const timestep = timesteps[call]!;
    const prediction = yield ask(x, timestep, denoised);
    denoised = estimate(x, prediction, timestep, context);
    const count = call - begin;
    let next: Float32Array;
    if (count < prkCalls) {
      const phase = count % 4;
      if (phase === 0) {
        predictions = [prediction, ...predictions].slice(0, 4);
        kept = x;
        sum = new Float32Array(latents.length);
      }
      for (let i = 0; i < sum.length; i++) sum[i]! += PRK_WEIGHTS[phase]! * prediction[i]!;
      // The first three calls look ahead by their own prediction, the fourth steps by the mean of all.
      const to = timestep - (count % 2 === 0 ? half : 0);
      // From where a whole run would be by now, also in one from a picture, as in diffusers.
      next = move(kept, phase === 3 ? sum : prediction, timesteps[count - phase]!, to, context);
    } else if (config.skipPrkSteps && count === 1) {
      const mean = prediction.map((value, i) => (value + predictions[0]![i]!) / 2);
      next = move(kept, mean, timestep + stride, timestep, context);
    } else {
      predictions = [prediction, ...predictions].slice(0, 4);
      if (count === 0) kept = x;
      next = move(x, mix(predictions), timestep, timestep - stride, context);
    }
    context.settle(next, call);
    x = next;
  }
  return x;
}

function mix(predictions: readonly Float32Array[]): Float32Array {
  const weights = WEIGHTS[predictions.length - 1]!;
  const mixed = new Float32Array(predictions[0]!.length);
  for (const [k, prediction] of predictions.entries()) {
    const weight = weights[k]!;
    for (let i = 0; i < mixed.length; i++) mixed[i]! += weight * prediction[i]!;
  }
  return mixed;
}

function alphaAt(timestep: number, { schedule, config }: SamplerContext): number {
  const { alphasCumprod } = schedule;
  if (timestep < 0) return config.setAlphaToOne ? 1 : alphasCumprod[0]!;
  return alphasCumprod[Math.min(timestep, alphasCumprod.length - 1)]!;
}

/** Formula 9 in the paper's appendix: from one timestep to another along a prediction. */
function move(
  x: Float32Array,
  prediction: Float32Array,
  from: number,
  to: number,
  context: SamplerContext,
): Float32Array {
  const [before, after] = [alphaAt(from, context), alphaAt(to, context)];
  const noise =
    context.config.predictionType === 'v_prediction'
      ? predictedNoise(x, prediction, Math.sqrt(before), Math.sqrt(1 - before), 'v_prediction')
      : prediction;
  const stretch = Math.sqrt(after / before);
  const weight =
    (after - before) / (before * Math.sqrt(1 - after) + Math.sqrt(before * (1 - before) * after));
  const next = new Float32Array(x.length);
  for (let i = 0; i < next.length; i++) next[i] = stretch * x[i]! - weight * noise[i]!;
  return next;
}

/** The denoised estimate of a call, only for previews. */
function estimate(x: Float32Array, prediction: Float32Array, timestep: number, context: SamplerContext) {
  const alpha = alphaAt(timestep, context);
  return predictedDenoised(
    x,
    prediction,
    Math.sqrt(alpha),
    Math.sqrt(1 - alpha),
    context.config.predictionType,
  );
}
