import type { SchedulerConfig } from '../config.ts';
import { linspace } from '../float-lines.ts';
import { type Schedule, type ScheduleOrder, twiceAfterFirst } from '../schedule.ts';
import { sigmasAlong } from '../sigma-curves.ts';
import { dynamicMu, shiftSigma, stretchToTerminal, timeShift } from './flow-shift.ts';
import { levelOfSigma } from './solver.ts';

const { fround } = Math;

/**
 * Rectified flow: sigmas from 1 down. diffusers shifts the lowest sigma twice, once when it takes it for the end of
 * the line and once with all others, and so does this.
 * @param callsPerStep 2 where a step looks ahead
 */
export function flowSchedule(config: SchedulerConfig, order: ScheduleOrder, callsPerStep: 1 | 2): Schedule {
  const { numTrainTimesteps: total, flow } = config;
  const { curve, steps, evenSigmas } = order;
  const isDynamic = flow.useDynamicShifting;
  const mu = dynamicMu(flow, order);
  const least = isDynamic ? fround(1 / total) : shift32(fround(1 / total), flow.shift);
  const line = evenSigmas
    ? linspace(1, 1 / steps, steps).map(fround)
    : linspace(total, least * total, steps).map((t) => t / total);
  const shifted = line.map((s) => (isDynamic ? timeShift(flow, mu, s) : shiftSigma(s, flow.shift)));
  const stretched = stretchToTerminal(shifted, flow.shiftTerminal);
  const levels = Float32Array.from(
    curve === undefined ? stretched : sigmasAlong(curve, stretched.at(-1)!, stretched[0]!, steps),
  ).map((sigma) => (flow.invertSigmas ? 1 - sigma : sigma));
  const end = flow.invertSigmas ? 1 : 0;
  const timesteps = [...levels].map((sigma) => fround(sigma * total));
  const mixed = [...levels].map((sigma) => levelOfSigma(sigma, true));
  const perCall = <T>(values: readonly T[]) => (callsPerStep === 1 ? values : twiceAfterFirst(values));
  return {
    timesteps: perCall(timesteps),
    sigmas: Float32Array.from([...levels, end]),
    alphas: [],
    alphasCumprod: new Float32Array(),
    levels: perCall(mixed),
    initNoiseSigma: 1,
  };
}

const shift32 = (sigma: number, shift: number) =>
  fround(fround(shift * sigma) / fround(1 + fround((shift - 1) * sigma)));
