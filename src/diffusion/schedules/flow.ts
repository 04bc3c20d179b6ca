import type { SchedulerConfig } from '../config.ts';
import { linspace } from '../float-lines.ts';
import type { Schedule, ScheduleOrder } from '../schedule.ts';
import { sigmasAlong } from '../sigma-curves.ts';
import { dynamicMu, shiftSigma, stretchToTerminal, timeShift } from './flow-shift.ts';
import { levelOfSigma } from './solver.ts';

const { fround } = Math;

/**
 * Rectified flow: sigmas from 1 down. diffusers shifts the lowest one twice, once when it takes it for the end of
 * the line and once with all others, and so do we.
 */
export function flowSchedule(config: SchedulerConfig, order: ScheduleOrder): Schedule {
  const { numTrainTimesteps: total, flow } = config;
  const { sampler, curve, steps, imageSeqLen } = order;
  const isHeun = sampler === 'flow_heun';
  const isDynamic = flow.useDynamicShifting && !isHeun;
  const mu = dynamicMu(flow, imageSeqLen);
  const least = isDynamic ? fround(1 / total) : shift32(fround(1 / total), flow.shift);
  const line = linspace(total, least * total, steps).map((t) => t / total);
  const shifted = line.map((s) => (isDynamic ? timeShift(flow, mu, s) : shiftSigma(s, flow.shift)));
  const stretched = stretchToTerminal(shifted, flow.shiftTerminal);
  const levels = Float32Array.from(
    curve === undefined ? stretched : sigmasAlong(curve, stretched.at(-1)!, stretched[0]!, steps),
  ).map((sigma) => (flow.invertSigmas ? 1 - sigma : sigma));
  const end = flow.invertSigmas ? 1 : 0;
  const timesteps = [...levels].map((sigma) => fround(sigma * total));
  const mixed = [...levels].map((sigma) => levelOfSigma(sigma, true));
  // The second call of a step is at the next step's level.
  const twice = <T>(values: readonly T[]) =>
    values.flatMap((value, i) => (i === 0 ? [value] : [value, value]));
  return {
    timesteps: isHeun ? twice(timesteps) : timesteps,
    sigmas: Float32Array.from([...levels, end]),
    alphas: [],
    alphasCumprod: new Float32Array(),
    levels: isHeun ? twice(mixed) : mixed,
    initNoiseSigma: 1,
    callsPerStep: isHeun ? 2 : 1,
  };
}

const shift32 = (sigma: number, shift: number) =>
  fround(fround(shift * sigma) / fround(1 + fround((shift - 1) * sigma)));
