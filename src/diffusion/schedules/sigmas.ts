import { roundHalfToEven } from '../../rounding.ts';
import { cumulateAlphas, LEAST_ALPHA, rescaleZeroTerminalSnr, trainedSigmas } from '../betas.ts';
import type { SchedulerConfig } from '../config.ts';
import { interpolate } from '../float-lines.ts';
import type { NoiseLevel, Schedule, ScheduleOrder } from '../schedule.ts';
import { sigmasAlong, timestepOf } from '../sigma-curves.ts';
import { spaceTimesteps } from './spacing.ts';

/** Euler, LMS, Heun, DPM2 and DPM++ SDE: latents grow with the noise, and sigmas fall between timesteps. */
export function sigmaSchedule(config: SchedulerConfig, order: ScheduleOrder): Schedule {
  const { sampler, curve, steps } = order;
  const alphasCumprod = finiteAlphas(config);
  const trained = trainedSigmas(alphasCumprod);
  const logSigmas = trained.map(Math.log);
  // diffusers holds them in float32, but for one class.
  const round = sampler === 'dpmpp_sde' ? (t: number) => t : Math.fround;
  const spaced = spaceTimesteps(config, { steps, round });
  const plain = config.logLinear
    ? logLinearSigmas(trained, steps)
    : spaced.map((t) => interpolate(trained, t));
  const isTwice = sampler === 'dpm2' || sampler === 'dpm2_a';
  let [timesteps, levels] = [spaced, plain];
  if (curve !== undefined) {
    levels = sigmasAlong(curve, config.sigmaMin ?? plain.at(-1)!, config.sigmaMax ?? plain[0]!, steps);
    timesteps = levels.map((sigma) => timestepOf(sigma, logSigmas));
    if (isTwice && curve === 'karras') timesteps = timesteps.map(roundHalfToEven);
  }
  const end = config.finalSigmasType === 'zero' ? 0 : trained[0]!;
  const sigmas = Float32Array.from([...levels, end].slice(0, steps + 1));
  if (config.tellsLogSigma) timesteps = [...sigmas.subarray(0, steps)].map((sigma) => 0.25 * Math.log(sigma));
  const most = levels.reduce((a, b) => Math.max(a, b), 0);
  const callsPerStep = CALLS_TWICE.has(sampler) ? 2 : 1;
  return {
    timesteps:
      callsPerStep === 1
        ? timesteps
        : interleave(timesteps, lookAhead(sampler, timesteps, levels, sigmas, logSigmas)),
    sigmas,
    alphas: [],
    alphasCumprod,
    levels: callLevels(sigmas.subarray(0, steps), callsPerStep),
    initNoiseSigma: config.timestepSpacing === 'leading' ? Math.sqrt(most ** 2 + 1) : most,
    callsPerStep,
  };
}

const CALLS_TWICE: ReadonlySet<string> = new Set(['heun', 'dpm2', 'dpm2_a', 'dpmpp_sde']);

/** Alphas in which a terminal SNR of zero is kept finite. */
export function finiteAlphas({ betas, rescaleBetasZeroSnr }: SchedulerConfig): Float32Array {
  if (!rescaleBetasZeroSnr) return cumulateAlphas(betas);
  const alphas = cumulateAlphas(rescaleZeroTerminalSnr(betas));
  alphas[alphas.length - 1] = LEAST_ALPHA;
  return alphas;
}

/** Even in their logarithm, and one more than there are steps: the last step ends at it instead of at 0. */
function logLinearSigmas(trained: Float32Array, steps: number): number[] {
  const [high, low] = [Math.log(trained.at(-1)!), Math.log(trained[0]!)];
  return Array.from({ length: steps + 1 }, (_, i) => Math.exp(high + ((low - high) * i) / steps));
}

/** The timestep of each step's second call; the last step has none. */
function lookAhead(
  sampler: string,
  timesteps: readonly number[],
  levels: readonly number[],
  sigmas: Float32Array,
  logSigmas: Float32Array,
): number[] {
  const between = timesteps.slice(1);
  if (sampler === 'heun') return between;
  return between.map((_, i) => {
    if (sampler === 'dpmpp_sde') return timestepOf(Math.sqrt(levels[i]! * levels[i + 1]!), logSigmas);
    const [from, to] = [sigmas[i]!, sigmas[i + 1]!];
    const middle = sampler === 'dpm2' ? midpoint(from, to) : midpoint(from, ancestralSplit(from, to).down);
    return timestepOf(middle, logSigmas);
  });
}

const interleave = (first: readonly number[], second: readonly number[]) =>
  first.flatMap((t, i) => (i < second.length ? [t, second[i]!] : [t]));

/** The middle of two sigmas in their logarithm; 0 where one of them is. */
export const midpoint = (from: number, to: number) =>
  Math.fround(Math.exp((Math.log(from) + Math.log(to)) / 2));

/**
 * An ancestral step goes `down` without noise, and noise of `up` brings it back to `to`.
 * Song et al. 2020 (score SDE), appendix F. diffusers reckons `down` in float32, a difference of squares that may
 * be all but equal: DPM2's second calls then lie up to some thousandths of a timestep from where they should.
 */
export function ancestralSplit(from: number, to: number): { down: number; up: number } {
  const up = Math.sqrt((to ** 2 * (from ** 2 - to ** 2)) / from ** 2);
  return { down: Math.sqrt(to ** 2 - up ** 2), up };
}

/** The second call of a step already counts as the next noise level, as in diffusers. */
export function callLevels(sigmas: Float32Array, callsPerStep: 1 | 2): NoiseLevel[] {
  const levels = [...sigmas].map((spread): NoiseLevel => ({ signal: 1, spread }));
  return callsPerStep === 1 ? levels : levels.flatMap((level, i) => (i === 0 ? [level] : [level, level]));
}
