import { predictedPicture } from '../prediction.ts';
import { ask, type SamplerContext, type Sampling } from '../sampler.ts';

/** Karras et al. 2022, algorithm 1 without its second order. */
export function* euler(latents: Float32Array, context: SamplerContext): Sampling {
  const { sigmas } = context.schedule;
  return yield* eulerSteps(latents, context, (step) => ({ down: sigmas[step + 1]!, up: 0 }));
}

/** @param split where a step goes, and how much noise it adds; `draws` also where that is 0, as diffusers does */
export function* eulerSteps(
  latents: Float32Array,
  { schedule, begin, config, random }: SamplerContext,
  split: (step: number) => { down: number; up: number; draws?: boolean },
): Sampling {
  let x = latents;
  let denoised: Float32Array | undefined;
  for (let step = begin; step < schedule.timesteps.length; step++) {
    const sigma = schedule.sigmas[step]!;
    const scale = Math.sqrt(sigma ** 2 + 1);
    const scaled = x.map((value) => value / scale);
    const prediction = yield ask(scaled, schedule.timesteps[step]!, denoised);
    const clean = predictedPicture(scaled, prediction, 1 / scale, sigma / scale, config.predictionType);
    const { down, up, draws = false } = split(step);
    const slope = (down - sigma) / sigma;
    const drawn = draws ? random.randn(x.length) : undefined;
    x = x.map((value, i) => value + (value - clean[i]!) * slope + (drawn === undefined ? 0 : up * drawn[i]!));
    denoised = clean;
  }
  return x;
}
