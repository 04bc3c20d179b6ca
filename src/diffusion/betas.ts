/** Noise of the training: betas and their cumulated alphas, in float32 as diffusers holds them. */
import { linspace32 } from './float-lines.ts';

export type BetaSchedule = 'linear' | 'scaled_linear' | 'squaredcos_cap_v2' | 'sigmoid' | 'laplace' | 'exp';

const { fround } = Math;
/** diffusers keeps a terminal SNR of zero finite by this, except in classes that compute in alphas. */
export const LEAST_ALPHA = 2 ** -24;

export function scheduleBetas(
  schedule: BetaSchedule,
  start: number,
  end: number,
  count: number,
): Float32Array {
  switch (schedule) {
    case 'linear':
      return linspace32(start, end, count);
    case 'scaled_linear':
      return linspace32(Math.sqrt(start), Math.sqrt(end), count).map((root) => root * root);
    case 'sigmoid':
      return linspace32(-6, 6, count).map((x) => fround(1 / (1 + Math.exp(-x))) * (end - start) + start);
    case 'squaredcos_cap_v2':
      // Nichol and Dhariwal 2021, section 3.2.
      return betasOfAlphaBar(count, (t) => Math.cos(((t + 0.008) / 1.008) * (Math.PI / 2)) ** 2);
    case 'exp':
      return betasOfAlphaBar(count, (t) => Math.exp(-12 * t));
    case 'laplace':
      return betasOfAlphaBar(count, (t) => {
        const side = t <= 0.5 ? 1 : -1;
        const snr = Math.exp(-0.5 * side * Math.log(1 - 2 * Math.abs(0.5 - t) + 1e-6));
        return Math.sqrt(snr / (1 + snr));
      });
  }
}

function betasOfAlphaBar(count: number, bar: (t: number) => number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) =>
    Math.min(1 - bar((i + 1) / count) / bar(i / count), 0.999),
  );
}

/** The products of 1 - beta up to each timestep. torch multiplies them up in double precision. */
export function cumulateAlphas(betas: Float32Array): Float32Array {
  let product = 1;
  return betas.map((beta) => {
    product *= fround(1 - beta);
    return product;
  });
}

/** Lin et al. 2023, algorithm 1: betas whose last timestep is pure noise. */
export function rescaleZeroTerminalSnr(betas: Float32Array): Float32Array {
  const roots = cumulateAlphas(betas).map(Math.sqrt);
  const [first, last] = [roots[0]!, roots.at(-1)!];
  const stretch = fround(first / fround(first - last));
  const bars = roots.map((root) => fround(fround(root - last) * stretch)).map((root) => root * root);
  return bars.map((bar, i) => 1 - fround(i === 0 ? bar : bar / bars[i - 1]!));
}

/** sqrt((1 - alphaCumprod) / alphaCumprod) of each timestep trained on. */
export function trainedSigmas(alphasCumprod: Float32Array): Float32Array {
  return alphasCumprod.map((alpha) => Math.sqrt(fround(fround(1 - alpha) / alpha)));
}
