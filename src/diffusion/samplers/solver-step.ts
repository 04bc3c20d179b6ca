/** What the DPM-Solvers share: the exponential integrator's weights, and their estimates. */
import type { SchedulerConfig } from '../config.ts';
import { limitInto, noiseBeside, predictedDenoised, predictedNoise } from '../prediction.ts';
import { levelOfSigma } from '../schedules/solver.ts';

const { exp, expm1, fround, log, sqrt } = Math;

export interface SigmaPoint {
  readonly alpha: number;
  readonly sigma: number;
  /** Half the logarithm of the signal to noise ratio; Infinity without noise. */
  readonly lambda: number;
}

/** In float32, as torch computes it. */
export function pointAt(sigma: number, isFlow: boolean): SigmaPoint {
  const { signal, spread } = levelOfSigma(sigma, isFlow);
  return { alpha: signal, sigma: spread, lambda: fround(fround(log(signal)) - fround(log(spread))) };
}

/** next = sample x start + value x newest + slope x D1 + curve x D2 + noise x a fresh draw. */
interface StepWeights {
  readonly sample: number;
  readonly value: number;
  /** By solver_type: midpoint, and heun, which the third order takes in any case. */
  readonly midpoint: number;
  readonly heun: number;
  readonly curve: number;
  readonly noise: number;
}

/** Lu et al. 2022a (DPM-Solver), 2022b (DPM-Solver++), appendix; the SDE forms are algorithm 1 of the latter. */
export function stepWeights(
  algorithm: SchedulerConfig['solver']['algorithm'],
  from: SigmaPoint,
  to: SigmaPoint,
): StepWeights {
  const h = fround(to.lambda - from.lambda);
  switch (algorithm) {
    case 'dpmsolver++': {
      const gone = -expm1(-h);
      return {
        sample: to.sigma / from.sigma,
        value: to.alpha * gone,
        midpoint: 0.5 * to.alpha * gone,
        heun: to.alpha * (1 - gone / h),
        curve: -to.alpha * ((h - gone) / h ** 2 - 0.5),
        noise: 0,
      };
    }
    case 'dpmsolver': {
      const grown = expm1(h);
      return {
        sample: to.alpha / from.alpha,
        value: -to.sigma * grown,
        midpoint: -0.5 * to.sigma * grown,
        heun: -to.sigma * (grown / h - 1),
        curve: -to.sigma * ((grown - h) / h ** 2 - 0.5),
        noise: 0,
      };
    }
    case 'sde-dpmsolver++': {
      const gone = -expm1(-2 * h);
      return {
        sample: (to.sigma / from.sigma) * exp(-h),
        value: to.alpha * gone,
        midpoint: 0.5 * to.alpha * gone,
        heun: to.alpha * (1 - gone / (2 * h)),
        curve: to.alpha * ((gone - 2 * h) / (2 * h) ** 2 - 0.5),
        noise: to.sigma * sqrt(gone),
      };
    }
    case 'sde-dpmsolver': {
      const grown = expm1(h);
      return {
        sample: to.alpha / from.alpha,
        value: -2 * to.sigma * grown,
        midpoint: -to.sigma * grown,
        heun: -2 * to.sigma * (grown / h - 1),
        curve: 0,
        noise: to.sigma * sqrt(expm1(2 * h)),
      };
    }
  }
}

/** The estimate that a solver keeps: of the picture, or of the noise. */
export interface Estimate {
  readonly kept: Float32Array;
  /** The picture, for previews. */
  readonly denoised: Float32Array;
}

export function estimateAt(
  x: Float32Array,
  prediction: Float32Array,
  { alpha, sigma }: SigmaPoint,
  config: SchedulerConfig,
  keepsNoise: boolean,
): Estimate {
  const { predictionType: type, thresholding } = config;
  const denoised = predictedDenoised(x, prediction, alpha, sigma, type);
  if (!keepsNoise) {
    limitInto(denoised, undefined, thresholding);
    return { kept: denoised, denoised };
  }
  if (thresholding === undefined && type !== 'flow_prediction') {
    return { kept: predictedNoise(x, prediction, alpha, sigma, type), denoised };
  }
  limitInto(denoised, undefined, thresholding);
  return { kept: noiseBeside(x, denoised, alpha, sigma), denoised };
}
