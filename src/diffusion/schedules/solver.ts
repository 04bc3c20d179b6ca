import { roundHalfToEven } from '../../rounding.ts';
import { trainedSigmas } from '../betas.ts';
import type { SchedulerConfig } from '../config.ts';
import { interpolate, linspace } from '../float-lines.ts';
import type { NoiseLevel, Schedule, ScheduleOrder } from '../schedule.ts';
import { luSigmas, sigmasAlong, timestepOf } from '../sigma-curves.ts';
import { dynamicMu, shiftSigma, stretchToTerminal, timeShift } from './flow-shift.ts';
import { finiteAlphas } from './sigmas.ts';
import { spaceTimesteps } from './spacing.ts';

/** Where the solvers differ. */
interface SolverTraits {
  /** Timesteps are evenly spaced whatever timestep_spacing says. */
  readonly ignoresSpacing?: boolean;
  /** Flow sigmas as UniPC lays them out, with shift_terminal and a first sigma below 1. */
  readonly unipcFlow?: boolean;
  /** Sigmas end at the lowest one of the schedule, never at 0. */
  readonly endsAboveZero?: boolean;
  /** With final_sigmas_type "sigma_min" the sigmas end at the schedule's own lowest, not at that of timestep 0. */
  readonly ownSigmaMin?: boolean;
}

/** The DPM-Solvers, UniPC and DEIS: latents keep their variance, timesteps are whole. */
export function solverSchedule(
  config: SchedulerConfig,
  order: ScheduleOrder,
  traits: SolverTraits = {},
): Schedule {
  const alphasCumprod = finiteAlphas(config);
  const trained = trainedSigmas(alphasCumprod);
  const { timesteps, levels } = solverLevels(config, order, traits, alphasCumprod);
  const sigmas = Float32Array.from([...levels, finalSigma(config, order, traits, levels, trained)]);
  return {
    // Cut, not rounded, as diffusers does.
    timesteps: timesteps.map(Math.trunc),
    sigmas,
    alphas: [],
    alphasCumprod,
    levels: [...sigmas.subarray(0, -1)].map((sigma) => levelOfSigma(sigma, config.flow.useFlowSigmas)),
    initNoiseSigma: 1,
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
  { unipcFlow = false, ignoresSpacing = false }: SolverTraits,
  alphasCumprod: Float32Array,
): Levels {
  const { curve, steps } = order;
  const trained = trainedSigmas(alphasCumprod);
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
    if (curve === 'karras' && unipcFlow && flow.useFlowSigmas) {
      return scaled(levels.map((sigma) => sigma / (sigma + 1)));
    }
    return found(levels, curve === 'karras');
  }
  if (solver.useLuLambdas) return found(luSigmas(low, high, steps), true);
  if (flow.useFlowSigmas)
    return scaled(unipcFlow ? unipcFlowSigmas(config, order) : flowSigmas(config, order));
  const last = total - clippedTimesteps(alphasCumprod, solver.lambdaMinClipped);
  const timesteps = ignoresSpacing
    ? linspace(0, last - 1, steps + 1)
        .map(roundHalfToEven)
        .slice(1)
        .reverse()
    : spaceTimesteps(config, { steps, dropsLowest: true, last });
  return { timesteps, levels: timesteps.map((t) => interpolate(trained, t)) };
}

function flowSigmas({ flow, numTrainTimesteps }: SchedulerConfig, order: ScheduleOrder): number[] {
  const shift = flow.useDynamicShifting ? Math.exp(dynamicMu(flow, order)) : flow.shift;
  return linspace(1, 1 / numTrainTimesteps, order.steps + 1)
    .map((alpha) => shiftSigma(1 - alpha, shift))
    .slice(1)
    .reverse();
}

/** A first sigma of 1 would leave no signal to divide by. */
const UNIPC_BELOW_ONE = 1e-6;

function unipcFlowSigmas({ flow, numTrainTimesteps }: SchedulerConfig, order: ScheduleOrder): number[] {
  const even = linspace(1, 1 / numTrainTimesteps, order.steps + 1).slice(0, -1);
  const mu = dynamicMu(flow, order);
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
  { curve }: ScheduleOrder,
  { endsAboveZero = false, ownSigmaMin = false }: SolverTraits,
  levels: readonly number[],
  trained: Float32Array,
): number {
  const least = curve === undefined && !flow.useFlowSigmas ? trained[0]! : levels.at(-1)!;
  if (endsAboveZero) return least;
  if (finalSigmasType === 'zero') return 0;
  return ownSigmaMin ? least : trained[0]!;
}
