/** The noise levels of a run: at which timesteps and sigmas the denoiser is called. */
import type { SamplerName, ScheduleName } from '../request.ts';
import type { SchedulerConfig } from './config.ts';

export interface Schedule {
  /** What the denoiser is told, one a call; fractions where the sampler's sigmas fall between timesteps. */
  readonly timesteps: readonly number[];
  /** sqrt((1 - alphaCumprod) / alphaCumprod), one a call and the one that they end at; float32. */
  readonly sigmas: Float32Array;
  /** alphaCumprod before and after each step, for DDIM, which reckons in it. */
  readonly alphas: readonly { readonly from: number; readonly to: number }[];
}

/** Karras et al. 2022, section 5. */
const RHO = 7;
/** diffusers keeps a terminal SNR of zero finite by this, except in DDIM. */
const LEAST_ALPHA = 2 ** -24;

export function makeSchedule(
  config: SchedulerConfig,
  sampler: SamplerName,
  schedule: ScheduleName,
  steps: number,
): Schedule {
  const alphasCumprod = cumulate(config, sampler);
  const trained = alphasCumprod.map((alpha) => Math.sqrt((1 - alpha) / alpha));
  const end = config.finalSigmasType === 'zero' ? 0 : trained[0]!;
  const plain = spaceTimesteps(config, sampler, steps);
  if (schedule === 'normal') {
    const sigmas = Float32Array.from([...plain.map((t) => interpolate(trained, t)), end]);
    return { timesteps: plain, sigmas, alphas: alphasOf(plain, config, alphasCumprod, steps) };
  }
  // diffusers spans all trained sigmas for DPM++ and those of the plain timesteps for the others.
  const finite = trained.filter(Number.isFinite);
  const span = plain.map((t) => interpolate(finite, Math.min(t, finite.length - 1)));
  const [low, high] = sampler === 'dpmpp_2m' ? [finite[0]!, finite.at(-1)!] : [span.at(-1)!, span[0]!];
  const karras = karrasSigmas(config.sigmaMin ?? low, config.sigmaMax ?? high, steps);
  const between = karras.map((sigma) => timestepOf(sigma, finite));
  const timesteps = sampler === 'dpmpp_2m' ? between.map(roundHalfToEven) : between;
  const sigmas = Float32Array.from([...karras, end]);
  return {
    timesteps,
    sigmas,
    alphas: karras.map((_, i) => ({ from: alphaOf(sigmas[i]!), to: alphaOf(sigmas[i + 1]!) })),
  };
}

const alphaOf = (sigma: number) => 1 / (sigma ** 2 + 1);

function cumulate({ betas, rescaleBetasZeroSnr }: SchedulerConfig, sampler: SamplerName): number[] {
  let product = 1;
  const alphas = betas.map((beta) => {
    product *= 1 - beta;
    return product;
  });
  if (!rescaleBetasZeroSnr) return alphas;
  // Lin et al. 2023, algorithm 1.
  const roots = alphas.map(Math.sqrt);
  const [first, last] = [roots[0]!, roots.at(-1)!];
  const rescaled = roots.map((root) => (((root - last) * first) / (first - last)) ** 2);
  if (sampler !== 'ddim') rescaled[rescaled.length - 1] = LEAST_ALPHA;
  return rescaled;
}

/** diffusers' spacings, which differ by class: DPM++ lays out one step more and drops the lowest. */
function spaceTimesteps(config: SchedulerConfig, sampler: SamplerName, steps: number): number[] {
  const { numTrainTimesteps: total, timestepSpacing, stepsOffset } = config;
  const extra = sampler === 'dpmpp_2m' ? 1 : 0;
  const points = steps + extra;
  const cut = (rising: number[]) => rising.slice(extra).reverse();
  switch (timestepSpacing) {
    case 'leading': {
      const ratio = Math.floor(total / points);
      return cut(Array.from({ length: points }, (_, i) => i * ratio + stepsOffset)).map((t) =>
        Math.min(t, total - 1),
      );
    }
    case 'linspace': {
      // The stride is rounded before it is multiplied, as numpy does: 15 * 33.3 is below 499.5.
      const stride = (total - 1) / Math.max(1, points - 1);
      const line = Array.from({ length: points }, (_, i) => i * stride);
      const isFractional = sampler === 'euler' || sampler === 'euler_a';
      return cut(line.map(isFractional ? Math.fround : roundHalfToEven));
    }
    case 'trailing':
      return Array.from({ length: steps }, (_, i) => roundHalfToEven(total - i * (total / steps)) - 1);
  }
}

/** DDIM goes from each timestep to the one a whole stride below, which need not be the next of the list. */
function alphasOf(
  timesteps: readonly number[],
  { numTrainTimesteps, setAlphaToOne }: SchedulerConfig,
  alphasCumprod: readonly number[],
  steps: number,
): Schedule['alphas'] {
  const stride = Math.floor(numTrainTimesteps / steps);
  const last = setAlphaToOne ? 1 : alphasCumprod[0]!;
  const at = (t: number) => (t < 0 ? last : alphasCumprod[Math.round(t)]!);
  return timesteps.map((t) => ({ from: at(t), to: at(t - stride) }));
}

function karrasSigmas(low: number, high: number, steps: number): number[] {
  const [from, to] = [high ** (1 / RHO), low ** (1 / RHO)];
  return Array.from({ length: steps }, (_, i) => {
    const along = steps === 1 ? 0 : i / (steps - 1);
    return (from + along * (to - from)) ** RHO;
  });
}

/** The fractional timestep of a sigma, linear in its logarithm. */
function timestepOf(sigma: number, trained: readonly number[]): number {
  const log = Math.log(Math.max(sigma, 1e-10));
  let low = 0;
  while (low < trained.length - 2 && Math.log(trained[low + 1]!) <= log) low++;
  const [below, above] = [Math.log(trained[low]!), Math.log(trained[low + 1]!)];
  return low + Math.min(Math.max((log - below) / (above - below), 0), 1);
}

function interpolate(values: readonly number[], position: number): number {
  const low = Math.floor(position);
  const fraction = position - low;
  return fraction === 0 ? values[low]! : values[low]! + (values[low + 1]! - values[low]!) * fraction;
}

function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
