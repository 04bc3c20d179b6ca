/** Curves that sigmas follow from the most noise to the least, instead of evenly spaced timesteps. */
import { betaQuantile } from './beta-quantile.ts';
import { linspace } from './float-lines.ts';

export const CURVES = ['karras', 'exponential', 'beta'] as const;
export type SigmaCurve = (typeof CURVES)[number];

/** Karras et al. 2022, section 5. */
const RHO = 7;

/** @returns `count` sigmas that fall from `high` to `low` */
export function sigmasAlong(curve: SigmaCurve, low: number, high: number, count: number): number[] {
  switch (curve) {
    case 'karras': {
      const [from, to] = [high ** (1 / RHO), low ** (1 / RHO)];
      return linspace(0, 1, count).map((along) => (from + along * (to - from)) ** RHO);
    }
    case 'exponential':
      return linspace(Math.log(high), Math.log(low), count).map(Math.exp);
    case 'beta':
      return linspace(0, 1, count).map((along) => low + betaQuantile(1 - along) * (high - low));
  }
}

/** Even steps in log sigma, which is how diffusers reads Lu et al. 2022 (rho 1). */
export function luSigmas(low: number, high: number, count: number): number[] {
  const [from, to] = [Math.log(high), Math.log(low)];
  return linspace(0, 1, count).map((along) => Math.exp(from + along * (to - from)));
}

/**
 * The fractional timestep of a sigma, linear in its logarithm.
 * @param logSigmas of the timesteps trained on, rising, float32
 */
export function timestepOf(sigma: number, logSigmas: Float32Array): number {
  const log = Math.log(Math.max(sigma, 1e-10));
  let low = logSigmas.length - 1;
  while (low > 0 && logSigmas[low]! > log) low--;
  low = Math.min(low, logSigmas.length - 2);
  const [below, above] = [logSigmas[low]!, logSigmas[low + 1]!];
  const part = Math.min(Math.max((below - log) / Math.fround(below - above), 0), 1);
  return (1 - part) * low + part * (low + 1);
}
