import { roundHalfToEven } from '../../rounding.ts';
import { trainedSigmas } from '../betas.ts';
import type { SchedulerConfig } from '../config.ts';
import { interpolate, linspace } from '../float-lines.ts';
import type { NoiseLevel, Schedule, ScheduleOrder } from '../schedule.ts';
import { luSigmas, sigmasAlong, timestepOf } from '../sigma-curves.ts';
import { dynamicMu, shiftSigma, stretchToTerminal, timeShift } from './flow-shift.ts';
import { finiteAlphas } from './sigmas.ts';
import { spaceTimesteps } from './spacing.ts';

/** The DPM-Solvers, UniPC and DEIS: latents keep their variance, timesteps are whole. */
export function solverSchedule(config: SchedulerConfig, order: ScheduleOrder): Schedule {
  const alphasCumprod = finiteAlphas(config);
  const trained = trainedSigmas(alphasCumprod);
  const { timesteps, levels } = solverLevels(config, order, trained, alphasCumprod);
  const sigmas = Float32Array.from([...levels, finalSigma(config, order, levels, trained)]);
  return {
    // Cut, not rounded, as diffusers does.
    timesteps: timesteps.map(Math.trunc),
    sigmas,
    alphas: [],
    alphasCumprod,
    levels: [...sigmas.subarray(0, -1)].map((sigma) => levelOfSigma(sigma, config.flow.useFlowSigmas)),
    initNoiseSigma: 1,
    callsPerStep: 1,
  };
}

/** How latents of a solver are mixed at a sigma, in float32. */
export function levelOfSigma(sigma: number, isFlow: boolean): NoiseLevel {
  if (isFlow) return { signal: Math.fround(1 - sigma), spread: sigma };
  const { fround } = Math;
  const signal = fround(1 / fround(Math.sqrt(fround(fround(sigma * sigma) + 1))));
  return { signal, spread: fround(sigma * signal) };
}

interface Levels {
  readonly timesteps: readonly number[];
  /** Sigmas, without the final one. */
  readonly levels: readonly number[];
}

function solverLevels(
  config: SchedulerConfig,
  order: ScheduleOrder,
  trained: Float32Array,
  alphasCumprod: Float32Array,
): Levels {
  const { sampler, curve, steps } = order;
  const { solver, flow, numTrainTimesteps: total } = config;
  const logSigmas = trained.map(Math.log);
  const low = config.sigmaMin ?? trained[0]!;
  const high = config.sigmaMax ?? trained.at(-1)!;
  const found = (levels: readonly number[], isRounded: boolean): Levels => {
    const timesteps = levels.map((sigma) => timestepOf(sigma, logSigmas));
    return { timesteps: isRounded ? timesteps.map(roundHalfToEven) : timesteps, levels };
  };
  const scaled = (levels: readonly number[]) => ({ timesteps: levels.map((s) => s * total), levels });
  if (curve !== undefined) {
    const levels = sigmasAlong(curve, low, high, steps);
    if (curve === 'karras' && sampler === 'unipc' && flow.useFlowSigmas) {
      return scaled(levels.map((sigma) => sigma / (sigma + 1)));
    }
    return found(levels, curve === 'karras');
  }
  if (solver.useLuLambdas) return found(luSigmas(low, high, steps), true);
  if (flow.useFlowSigmas)
    return scaled(sampler === 'unipc' ? unipcFlow(config, order) : plainFlow(config, order));
  const last = total - clippedTimesteps(alphasCumprod, solver.lambdaMinClipped);
  const timesteps =
    sampler === 'dpmpp_2s'
      ? linspace(0, last - 1, steps + 1)
          .map(roundHalfToEven)
          .slice(1)
          .reverse()
      : spaceTimesteps(config, { steps, dropsLowest: true, last });
  return { timesteps, levels: timesteps.map((t) => interpolate(trained, t)) };
}

function plainFlow(
  { flow, numTrainTimesteps }: SchedulerConfig,
  { steps, imageSeqLen }: ScheduleOrder,
): number[] {
  const shift = flow.useDynamicShifting ? Math.exp(dynamicMu(flow, imageSeqLen)) : flow.shift;
  return linspace(1, 1 / numTrainTimesteps, steps + 1)
    .map((alpha) => shiftSigma(1 - alpha, shift))
    .slice(1)
    .reverse();
}

/** A first sigma of 1 would leave no signal to divide by. */
const UNIPC_BELOW_ONE = 1e-6;

function unipcFlow(
  { flow, numTrainTimesteps }: SchedulerConfig,
  { steps, imageSeqLen }: ScheduleOrder,
): number[] {
  const even = linspace(1, 1 / numTrainTimesteps, steps + 1).slice(0, -1);
  const mu = dynamicMu(flow, imageSeqLen);
  const shifted = even.map((s) =>
    flow.useDynamicShifting ? timeShift(flow, mu, s) : shiftSigma(s, flow.shift),
  );
  const levels = stretchToTerminal(shifted, flow.shiftTerminal);
  if (Math.abs(levels[0]! - 1) < UNIPC_BELOW_ONE) levels[0]! -= UNIPC_BELOW_ONE;
  return levels;
}

/** Timesteps at the noisy end whose half log SNR is below lambda_min_clipped. */
function clippedTimesteps(alphasCumprod: Float32Array, lambdaMin: number): number {
  if (lambdaMin === Number.NEGATIVE_INFINITY) return 0;
  return alphasCumprod.filter((alpha) => 0.5 * Math.log(alpha / (1 - alpha)) < lambdaMin).length;
}

function finalSigma(
  { finalSigmasType, flow }: SchedulerConfig,
  { sampler, curve }: ScheduleOrder,
  levels: readonly number[],
  trained: Float32Array,
): number {
  const least = curve === undefined && !flow.useFlowSigmas ? trained[0]! : levels.at(-1)!;
  if (sampler === 'deis') return least;
  if (finalSigmasType === 'zero') return 0;
  return sampler === 'unipc' ? least : trained[0]!;
}
