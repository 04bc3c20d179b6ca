import { predictedNoise, predictedPicture } from '../prediction.ts';
import { ask, type SamplerContext, type Sampling } from '../sampler.ts';

/** Song et al. 2020 (DDIM), formula 12. With eta above 0 it draws noise at every step. */
export function* ddim(latents: Float32Array, context: SamplerContext): Sampling {
  const { schedule, begin, eta, random } = context;
  const { predictionType, clipSampleRange } = context.config;
  let x = latents;
  let denoised: Float32Array | undefined;
  for (let step = begin; step < schedule.timesteps.length; step++) {
    const prediction = yield ask(x, schedule.timesteps[step]!, denoised);
    const { from, to } = schedule.alphas[step]!;
    const [alpha, sigma] = [Math.sqrt(from), Math.sqrt(1 - from)];
    const clean = predictedPicture(x, prediction, alpha, sigma, predictionType);
    // The noise stays what the model said, also where the estimate is clipped, as in diffusers.
    const noise = predictedNoise(x, prediction, alpha, sigma, predictionType);
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

function clampInto(values: Float32Array, range: number): void {
  for (let i = 0; i < values.length; i++) values[i] = Math.min(Math.max(values[i]!, -range), range);
}
