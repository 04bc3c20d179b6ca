import type { SamplerContext, Sampling } from '../sampler.ts';
import { eulerSteps } from './euler.ts';

/**
 * Euler steps that go further down and add fresh noise up to the next sigma: Song et al. 2020 (score SDE),
 * ancestral sampling, as k-diffusion's sample_euler_ancestral writes it. Draws noise at every step, also the last.
 */
export function* eulerAncestral(latents: Float32Array, context: SamplerContext): Sampling {
  const { sigmas } = context.schedule;
  return yield* eulerSteps(latents, context, (step) => {
    const [from, to] = [sigmas[step]! ** 2, sigmas[step + 1]! ** 2];
    const up = Math.sqrt((to * (from - to)) / from);
    return { down: Math.sqrt(to - up ** 2), up, draws: true };
  });
}
