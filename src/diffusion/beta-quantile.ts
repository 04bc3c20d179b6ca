/** Quantiles of the symmetric beta distribution, which space "beta" schedules. */

/** Beta(0.6, 0.6): Lee et al. 2024, "Beta Sampling is All You Need". */
const SHAPE = 0.6;
/** log B(0.6, 0.6). */
const LOG_BETA = 2 * logGamma(SHAPE) - logGamma(2 * SHAPE);

/** @returns the x in 0..1 at which the distribution function of Beta(0.6, 0.6) is `probability` */
export function betaQuantile(probability: number): number {
  if (probability <= 0) return 0;
  if (probability >= 1) return 1;
  // Symmetric: the upper half mirrors the lower, where digits near 0 are not lost.
  if (probability > 0.5) return 1 - betaQuantile(1 - probability);
  // Newton's method on the distribution function, kept within a bracket by halving.
  let [low, high] = [0, 0.5];
  let x = Math.min(0.5, (probability * SHAPE * Math.exp(LOG_BETA)) ** (1 / SHAPE));
  for (let i = 0; i < 100; i++) {
    const off = lowerTail(x) - probability;
    if (off > 0) high = x;
    else low = x;
    const density = Math.exp((SHAPE - 1) * (Math.log(x) + Math.log1p(-x)) - LOG_BETA);
    const newton = x - off / density;
    const next = newton > low && newton < high ? newton : (low + high) / 2;
    if (Math.abs(next - x) <= 2 * Number.EPSILON * x) return next;
    x = next;
  }
  return x;
}

/** The regularised incomplete beta function for x up to 0.5, by its power series (DLMF 8.17.8). */
function lowerTail(x: number): number {
  let term = 1 / SHAPE;
  let sum = term;
  for (let n = 1; term > Number.EPSILON * sum; n++) {
    // The terms of B_x(a, b) = x^a sum of (1 - b)_n x^n / (n! (a + n)).
    term *= ((n - SHAPE) / n) * x * ((SHAPE + n - 1) / (SHAPE + n));
    sum += term;
  }
  return Math.exp(SHAPE * Math.log(x) - LOG_BETA) * sum;
}

/** Stirling's series after shifting the argument up (DLMF 5.11.1). */
function logGamma(value: number): number {
  let z = value;
  let shift = 0;
  for (; z < 12; z++) shift -= Math.log(z);
  const series = 1 / (12 * z) - 1 / (360 * z ** 3) + 1 / (1260 * z ** 5) - 1 / (1680 * z ** 7);
  return shift + (z - 0.5) * Math.log(z) - z + 0.5 * Math.log(2 * Math.PI) + series;
}
