import { addNoise } from '../noise.ts';
import { limitInto, noiseBeside, predictedDenoised, predictedNoise } from '../prediction.ts';
import { ask, defineSampler, type SamplerContext, type Sampling } from '../sampler.ts';
import { SCHEDULES_OF } from '../schedule.ts';
import { CLIPS, PLAIN, SPACED, THRESHOLDING, words, ZERO_SNR } from '../scheduler-class.ts';
import { alphaSchedule } from '../schedules/alphas.ts';

/** Song et al. 2020 (DDIM), formula 12. With eta above 0 it draws noise at every step. */
export const ddim = defineSampler({
  name: 'ddim',
  a1111: ['DDIM'],
  diffusers: { name: 'DDIMScheduler' },
  kind: 'diffusion',
  // Curves are beyond diffusers, whose class has no flag for them.
  schedules: SCHEDULES_OF.curvesAndSpacing,
  callsPerStep: 1,
  scheduler: {
    ...PLAIN,
    options: words(SPACED, ZERO_SNR, CLIPS, THRESHOLDING, 'set_alpha_to_one'),
    timestepSpacing: 'leading',
    clipSample: true,
  },
  makeSchedule: (config, order) => alphaSchedule(config, order, 'stride'),
  run: ddimSteps,
});

function* ddimSteps(latents: Float32Array, context: SamplerContext): Sampling {
  const { schedule, begin, eta, random } = context;
  const { predictionType: type, clipSampleRange, thresholding } = context.config;
  let x = latents;
  let denoised: Float32Array | undefined;
  for (let step = begin; step < schedule.timesteps.length; step++) {
    const prediction = yield ask(x, schedule.timesteps[step]!, denoised);
    const { from, to } = schedule.alphas[step]!;
    const [alpha, sigma] = [Math.fround(Math.sqrt(from)), Math.fround(Math.sqrt(1 - from))];
    denoised = predictedDenoised(x, prediction, alpha, sigma, type);
    // The noise stays what the model said, also where the estimate is clipped, as in diffusers.
    const noise =
      type === 'flow_prediction'
        ? noiseBeside(x, denoised, alpha, sigma)
        : predictedNoise(x, prediction, alpha, sigma, type);
    limitInto(denoised, clipSampleRange, thresholding);
    const fresh = eta * Math.sqrt(((1 - to) / (1 - from)) * (1 - from / to));
    const [signal, direction] = [Math.sqrt(to), Math.sqrt(1 - to - fresh ** 2)];
    const next = new Float32Array(x.length);
    for (let i = 0; i < next.length; i++) next[i] = signal * denoised[i]! + direction * noise[i]!;
    if (eta > 0) addNoise(next, fresh, random.randn(next.length));
    context.settle(next, step);
    x = next;
  }
  return x;
}
