import { linspace32 } from '../float-lines.ts';
import { ask, defineSampler, type SamplerContext, type Sampling } from '../sampler.ts';
import { SCHEDULES_OF, type Schedule, type ScheduleOrder } from '../schedule.ts';
import { PLAIN, words } from '../scheduler-class.ts';

const { fround } = Math;
/** Adams and Bashforth's weights of the newest estimates, by how many there are. */
const WEIGHTS: readonly (readonly number[])[] = [
  [1],
  [3 / 2, -1 / 2],
  [23 / 12, -16 / 12, 5 / 12],
  [55 / 24, -59 / 24, 37 / 24, -9 / 24],
];

/**
 * Zhang and Chen 2022 (iPNDM): linear multistep whose first steps take what there is, over the continuous cosine
 * schedule of v-diffusion. The model predicts v, and is given times from 1 down to 0.
 */
export const ipndm = defineSampler({
  name: 'ipndm',
  a1111: ['IPNDM'],
  diffusers: { name: 'IPNDMScheduler' },
  kind: 'diffusion',
  schedules: SCHEDULES_OF.none,
  callsPerStep: 1,
  scheduler: { ...PLAIN, options: words('num_train_timesteps trained_betas') },
  makeSchedule: cosineSchedule,
  run: ipndmSteps,
});

/** sigmas are diffusers' "betas": the noise of latents whose signal is sqrt(1 - sigma^2). */
function cosineSchedule(_config: unknown, { steps }: ScheduleOrder): Schedule {
  const times = linspace32(1, 0, steps + 1);
  const sigmas = Float32Array.from(times, (time) => fround(Math.sin(fround(time * Math.PI) / 2)) ** 2);
  const levels = Array.from(sigmas, (sigma) => ({ signal: signalAt(sigma), spread: sigma }));
  return {
    timesteps: levels
      .slice(0, -1)
      .map(({ signal, spread }) => fround((Math.atan2(spread, signal) / Math.PI) * 2)),
    sigmas,
    alphas: [],
    alphasCumprod: new Float32Array(),
    levels: levels.slice(0, -1),
    initNoiseSigma: 1,
  };
}

const signalAt = (sigma: number) => fround(Math.sqrt(fround(1 - fround(sigma ** 2))));
/** diffusers divides by no less. */
const LEAST_SIGNAL = 1e-8;

function* ipndmSteps(latents: Float32Array, context: SamplerContext): Sampling {
  const { schedule, begin } = context;
  const { sigmas, timesteps } = schedule;
  /** Of the noise; newest first, at most four. */
  let estimates: readonly Float32Array[] = [];
  let x = latents;
  let denoised: Float32Array | undefined;
  for (let step = begin; step < timesteps.length; step++) {
    const [sigma, to] = [sigmas[step]!, sigmas[step + 1]!];
    const [signal, nextSignal] = [signalAt(sigma), signalAt(to)];
    const prediction = yield ask(x, timesteps[step]!, denoised);
    const noise = x.map((value, i) => fround(value * sigma) + fround(prediction[i]! * signal));
    estimates = [noise, ...estimates].slice(0, WEIGHTS.length);
    const weights = WEIGHTS[estimates.length - 1]!;
    const mixed = new Float32Array(x.length);
    for (const [k, estimate] of estimates.entries()) {
      for (let i = 0; i < mixed.length; i++) mixed[i]! += weights[k]! * estimate[i]!;
    }
    const divisor = Math.max(signal, LEAST_SIGNAL);
    const estimated = x.map((value, i) => fround(value - fround(sigma * mixed[i]!)) / divisor);
    const next = estimated.map((value, i) => fround(nextSignal * value) + fround(mixed[i]! * to));
    context.settle(next, step);
    denoised = estimated;
    x = next;
  }
  return x;
}
