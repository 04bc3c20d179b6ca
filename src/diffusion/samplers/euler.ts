import { pictureAtSigma, scaledForModel } from '../prediction.ts';
import { ask, type SamplerContext, type Sampling } from '../sampler.ts';
import { ancestralSplit } from '../schedules/sigmas.ts';
import { addNoise } from './ddim.ts';

/** Karras et al. 2022, algorithm 1 without its second order. */
export function* euler(latents: Float32Array, context: SamplerContext): Sampling {
  return yield* eulerSteps(latents, context, false);
}

/**
 * Euler steps that go further down and add fresh noise up to the next sigma: Song et al. 2020 (score SDE),
 * ancestral sampling, as k-diffusion's sample_euler_ancestral writes it. Draws noise at every step, also the last.
 */
export function* eulerAncestral(latents: Float32Array, context: SamplerContext): Sampling {
  return yield* eulerSteps(latents, context, true);
}

function* eulerSteps(latents: Float32Array, context: SamplerContext, isAncestral: boolean): Sampling {
  const { schedule, begin, config, random } = context;
  const { sigmas, timesteps } = schedule;
  let x = latents;
  let clean: Float32Array | undefined;
  for (let step = begin; step < timesteps.length; step++) {
    const [sigma, to] = [sigmas[step]!, sigmas[step + 1]!];
    const prediction = yield ask(scaledForModel(x, sigma), timesteps[step]!, clean);
    clean = pictureAtSigma(x, prediction, sigma, config.predictionType);
    const { down, up } = isAncestral ? ancestralSplit(sigma, to) : { down: to, up: 0 };
    const next = alongSlope(x, x, clean, sigma, down - sigma);
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
  clean: Float32Array,
  sigma: number,
  length: number,
): Float32Array {
  const factor = length / sigma;
  const next = new Float32Array(start.length);
  for (let i = 0; i < next.length; i++) next[i] = start[i]! + (at[i]! - clean[i]!) * factor;
  return next;
}
