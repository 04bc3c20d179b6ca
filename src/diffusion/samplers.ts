/** The update rules. Each works in its own scale of latents, which addNoise starts and the final step leaves. */
import type { SamplerName } from '../request.ts';
import type { PredictionType, TimestepSpacing } from './config.ts';
import type { SamplerContext, Sampling } from './sampling.ts';

type Sampler = (latents: Float32Array, context: SamplerContext) => Sampling;

/** DDIM and DPM++ keep the variance (alpha x + sigma n); the Euler pair lets it grow (x + sigma n). */
const GROWS: Readonly<Record<SamplerName, boolean>> = {
  ddim: false,
  dpmpp_2m: false,
  euler: true,
  euler_a: true,
};

/** Noise alone, or a picture with as much noise as its first step expects. */
export function addNoise(
  { schedule, begin }: SamplerContext,
  sampler: SamplerName,
  spacing: TimestepSpacing,
  noise: Float32Array,
  start: Float32Array | undefined,
): Float32Array {
  const sigma = schedule.sigmas[begin]!;
  if (start !== undefined) {
    if (GROWS[sampler]) return start.map((x, i) => x + sigma * noise[i]!);
    const alpha = sampler === 'ddim' ? schedule.alphas[begin]!.from : 1 / (sigma ** 2 + 1);
    const [signal, spread] = [Math.sqrt(alpha), Math.sqrt(1 - alpha)];
    return start.map((x, i) => signal * x + spread * noise[i]!);
  }
  if (!GROWS[sampler]) return noise;
  const most = Math.max(...schedule.sigmas);
  const scale = spacing === 'leading' ? Math.sqrt(most ** 2 + 1) : most;
  return noise.map((n) => n * scale);
}

/** Song et al. 2020, formula 12. */
function* ddim(latents: Float32Array, context: SamplerContext): Sampling {
  const { schedule, begin, predictionType, clipSampleRange, eta, random } = context;
  let x = latents;
  let denoised: Float32Array | undefined;
  for (let step = begin; step < schedule.timesteps.length; step++) {
    const prediction = yield ask(x, schedule.timesteps[step]!, denoised);
    const { from, to } = schedule.alphas[step]!;
    const clean = denoise(x, prediction, Math.sqrt(from), Math.sqrt(1 - from), predictionType);
    // The noise stays what the model said, also where the estimate is clipped, as in diffusers.
    const noise = foundNoise(x, prediction, from, clean, predictionType);
    if (clipSampleRange !== undefined) clampInto(clean, clipSampleRange);
    const fresh = eta * Math.sqrt(((1 - to) / (1 - from)) * (1 - from / to));
    const drawn = eta > 0 ? random.randn(x.length) : undefined;
    const [signal, direction] = [Math.sqrt(to), Math.sqrt(1 - to - fresh ** 2)];
    x = clean.map(
      (c, i) => signal * c + direction * noise[i]! + (drawn === undefined ? 0 : fresh * drawn[i]!),
    );
    denoised = clean;
  }
  return x;
}

/** Karras et al. 2022, algorithm 1 without its second order. */
function* euler(latents: Float32Array, context: SamplerContext): Sampling {
  const { sigmas } = context.schedule;
  return yield* eulerSteps(latents, context, (step) => ({ down: sigmas[step + 1]!, up: 0 }));
}

/** k-diffusion's sample_euler_ancestral: steps further down, then adds fresh noise up to the next sigma. */
function* eulerAncestral(latents: Float32Array, context: SamplerContext): Sampling {
  const { sigmas } = context.schedule;
  return yield* eulerSteps(latents, context, (step) => {
    const [from, to] = [sigmas[step]! ** 2, sigmas[step + 1]! ** 2];
    const up = Math.sqrt((to * (from - to)) / from);
    return { down: Math.sqrt(to - up ** 2), up, draws: true };
  });
}

/** @param split where a step goes, and how much noise it adds; `draws` also where that is 0, as diffusers does */
function* eulerSteps(
  latents: Float32Array,
  { schedule, begin, predictionType, random }: SamplerContext,
  split: (step: number) => { down: number; up: number; draws?: boolean },
): Sampling {
  let x = latents;
  let denoised: Float32Array | undefined;
  for (let step = begin; step < schedule.timesteps.length; step++) {
    const sigma = schedule.sigmas[step]!;
    const scale = Math.sqrt(sigma ** 2 + 1);
    const scaled = x.map((value) => value / scale);
    const prediction = yield ask(scaled, schedule.timesteps[step]!, denoised);
    const clean = denoise(scaled, prediction, 1 / scale, sigma / scale, predictionType);
    const { down, up, draws = false } = split(step);
    const slope = (down - sigma) / sigma;
    const drawn = draws ? random.randn(x.length) : undefined;
    x = x.map((value, i) => value + (value - clean[i]!) * slope + (drawn === undefined ? 0 : up * drawn[i]!));
    denoised = clean;
  }
  return x;
}

/** DPM-Solver++(2M), Lu et al. 2022, algorithm 2, midpoint form; its last step is of first order. */
function* dpmpp2m(latents: Float32Array, context: SamplerContext): Sampling {
  const { schedule, begin, predictionType } = context;
  const { sigmas, timesteps } = schedule;
  let x = latents;
  let denoised: Float32Array | undefined;
  for (let step = begin; step < timesteps.length; step++) {
    const prediction = yield ask(x, timesteps[step]!, denoised);
    const [from, to] = [sigmas[step]!, sigmas[step + 1]!];
    const [alphaFrom, alphaTo] = [1 / Math.sqrt(from ** 2 + 1), 1 / Math.sqrt(to ** 2 + 1)];
    const clean = denoise(x, prediction, alphaFrom, from * alphaFrom, predictionType);
    const shrink = (to * alphaTo) / (from * alphaFrom);
    // alphaTo x (1 - exp(-h)), h = log(from / to) the step in half log SNR.
    const weight = alphaTo * (1 - to / from);
    let target = clean;
    if (denoised !== undefined && to > 0) {
      const before = denoised;
      const ratio = Math.log(from / to) / Math.log(sigmas[step - 1]! / from);
      target = clean.map((c, i) => c + 0.5 * ratio * (c - before[i]!));
    }
    x = x.map((value, i) => shrink * value + weight * target[i]!);
    denoised = clean;
  }
  return x;
}

export const SAMPLER: Readonly<Record<SamplerName, Sampler>> = {
  ddim,
  euler,
  euler_a: eulerAncestral,
  dpmpp_2m: dpmpp2m,
};

function ask(sample: Float32Array, timestep: number, denoised: Float32Array | undefined) {
  return denoised === undefined ? { sample, timestep } : { sample, timestep, denoised };
}

/** The picture that a prediction stands for, where sample = alpha x picture + sigma x noise, alpha^2 + sigma^2 = 1. */
function denoise(
  sample: Float32Array,
  prediction: Float32Array,
  alpha: number,
  sigma: number,
  type: PredictionType,
): Float32Array {
  switch (type) {
    case 'epsilon':
      return sample.map((x, i) => (x - sigma * prediction[i]!) / alpha);
    case 'v_prediction':
      return sample.map((x, i) => alpha * x - sigma * prediction[i]!);
    case 'sample':
      return prediction.slice();
  }
}

function foundNoise(
  sample: Float32Array,
  prediction: Float32Array,
  alphaSquared: number,
  clean: Float32Array,
  type: PredictionType,
): Float32Array {
  const [alpha, sigma] = [Math.sqrt(alphaSquared), Math.sqrt(1 - alphaSquared)];
  switch (type) {
    case 'epsilon':
      return prediction;
    case 'v_prediction':
      return sample.map((x, i) => alpha * prediction[i]! + sigma * x);
    case 'sample':
      return sample.map((x, i) => (x - alpha * clean[i]!) / sigma);
  }
}

function clampInto(values: Float32Array, range: number): void {
  for (let i = 0; i < values.length; i++) values[i] = Math.min(Math.max(values[i]!, -range), range);
}
