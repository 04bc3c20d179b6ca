import { BrownianTree } from '../brownian-tree.ts';
import { addNoise } from '../noise.ts';
import { denoisedAtSigma, scaledForModel } from '../prediction.ts';
import { ask, defineSampler, type SamplerContext, type Sampling } from '../sampler.ts';
import { SCHEDULES_OF } from '../schedule.ts';
import { CURVE_FLAGS, K_DIFFUSION, SPACED, TWO_TYPES, words } from '../scheduler-class.ts';
import { ancestralSplit, sigmaSchedule } from '../schedules/sigmas.ts';
import { alongSlope } from './euler.ts';

/**
 * DPM-Solver++ (stochastic), Lu et al. 2022b, as k-diffusion's sample_dpmpp_sde: each step looks half way ahead,
 * with noise both times. The noise is one Brownian path over sigma, so that more steps refine a picture instead of
 * changing it; it comes from the config's noise_sampler_seed, or else from the picture's own seed, where diffusers
 * takes any.
 */
export const dpmppSde = defineSampler({
  name: 'dpmpp_sde',
  a1111: ['DPM++ SDE'],
  diffusers: { name: 'DPMSolverSDEScheduler' },
  kind: 'diffusion',
  schedules: SCHEDULES_OF.curvesAndSpacing,
  callsPerStep: 2,
  scheduler: {
    ...K_DIFFUSION,
    options: words(SPACED, CURVE_FLAGS, 'noise_sampler_seed'),
    predictionTypes: TWO_TYPES,
  },
  makeSchedule: (config, order) =>
    sigmaSchedule(config, order, {
      secondCall: (from, to) => Math.sqrt(from * to),
      keepsDouble: true,
    }),
  run: dpmppSdeSteps,
});

const { exp, fround, log } = Math;

/**
 * The path is torchsde's for its seed; where torch's logarithm has another last bit, a time may round to the next
 * millionth, and the noise there differs by about a thousandth. Each picture of a batch has a path of its own;
 * diffusers cuts them from one.
 */
function* dpmppSdeSteps(latents: Float32Array, context: SamplerContext): Sampling {
  const { schedule, begin, config, random } = context;
  const { sigmas, timesteps } = schedule;
  const steps = sigmas.length - 1;
  const [most, least] = [sigmas[0]!, sigmas[steps - 1]!];
  let tree: BrownianTree | undefined;
  const noiseBetween = (from: number, to: number): Float32Array => {
    tree ??= new BrownianTree(least, most, config.noiseSamplerSeed ?? random.seed, latents.length);
    const scale = -1 / fround(Math.sqrt(fround(from - to)));
    return tree.increment(to, from).map((value) => value * scale);
  };
  let x = latents;
  let denoised: Float32Array | undefined;
  for (let step = begin; step < steps; step++) {
    const [sigma, to] = [sigmas[step]!, sigmas[step + 1]!];
    const call = 2 * step;
    const first = yield ask(scaledForModel(x, sigma), timesteps[call]!, denoised);
    denoised = denoisedAtSigma(x, first, sigma, config.predictionType);
    if (to === 0) {
      const last = alongSlope(x, x, denoised, sigma, -sigma);
      context.settle(last, call);
      return last;
    }
    // sigma = exp(-t), in float32.
    const [t, tNext] = [fround(-log(sigma)), fround(-log(to))];
    const from = fround(exp(-t));
    const middle = fround(exp(-fround(t + fround(fround(tNext - t) / 2))));
    const ahead = stochasticStep(x, denoised, from, middle, noiseBetween(from, middle));
    context.settle(ahead, call);
    const second = yield ask(scaledForModel(ahead, middle), timesteps[call + 1]!, denoised);
    denoised = denoisedAtSigma(ahead, second, middle, config.predictionType);
    const next = stochasticStep(
      x,
      denoised,
      from,
      fround(exp(-tNext)),
      noiseBetween(from, fround(exp(-tNext))),
    );
    context.settle(next, call + 1);
    x = next;
  }
  return x;
}

function stochasticStep(
  x: Float32Array,
  denoised: Float32Array,
  from: number,
  to: number,
  noise: Float32Array,
): Float32Array {
  const { down, up } = ancestralSplit(from, to);
  const kept = down / from;
  const next = new Float32Array(x.length);
  for (let i = 0; i < next.length; i++) next[i] = kept * x[i]! + (1 - kept) * denoised[i]!;
  addNoise(next, Math.min(to, up), noise);
  return next;
}
