import { roundHalfToEven } from '../../rounding.ts';
import { cumulateAlphas, LEAST_ALPHA, rescaleZeroTerminalSnr, trainedSigmas } from '../betas.ts';
import type { SchedulerConfig } from '../config.ts';
import { interpolate } from '../float-lines.ts';
import { type NoiseLevel, type Schedule, type ScheduleOrder, twiceAfterFirst } from '../schedule.ts';
import { sigmasAlong, timestepOf } from '../sigma-curves.ts';
import { spaceTimesteps } from './spacing.ts';

/** Where the samplers of this kind differ. */
interface SigmaTraits {
  /**
   * Where a step's second call is made: at the next step's sigma, or at one in between.
   * A sampler without it calls once a step.
   */
  readonly secondCall?: 'next' | ((from: number, to: number) => number);
  /** Karras timesteps are rounded to whole ones. */
  readonly roundsKarras?: boolean;
  /** Timesteps and sigmas are kept in double precision; diffusers holds them in float32 in all other classes. */
  readonly keepsDouble?: boolean;
}

/** Euler, LMS, Heun, DPM2 and DPM++ SDE: latents grow with the noise, and sigmas fall between timesteps. */
export function sigmaSchedule(
  config: SchedulerConfig,
  order: ScheduleOrder,
  { secondCall, roundsKarras = false, keepsDouble = false }: SigmaTraits = {},
): Schedule {
  const { curve, steps } = order;
  const alphasCumprod = finiteAlphas(config);
  const trained = trainedSigmas(alphasCumprod);
  const logSigmas = trained.map(Math.log);
  const round = keepsDouble ? (t: number) => t : Math.fround;
  const spaced = spaceTimesteps(config, { steps, round });
  const plain = config.logLinear
    ? logLinearSigmas(trained, steps)
    : spaced.map((t) => interpolate(trained, t));
  let [timesteps, levels] = [spaced, plain];
  if (curve !== undefined) {
    levels = sigmasAlong(curve, config.sigmaMin ?? plain.at(-1)!, config.sigmaMax ?? plain[0]!, steps);
    timesteps = levels.map((sigma) => timestepOf(sigma, logSigmas));
    if (roundsKarras && curve === 'karras') timesteps = timesteps.map(roundHalfToEven);
  }
  const end = config.finalSigmasType === 'zero' ? 0 : trained[0]!;
  const sigmas = Float32Array.from([...levels, end].slice(0, steps + 1));
  if (config.tellsLogSigma) timesteps = [...sigmas.subarray(0, steps)].map((sigma) => 0.25 * Math.log(sigma));
  const most = levels.reduce((a, b) => Math.max(a, b), 0);
  const ahead = lookAhead(secondCall, timesteps, keepsDouble ? levels : sigmas, logSigmas);
  const perStep = [...sigmas.subarray(0, steps)].map((spread): NoiseLevel => ({ signal: 1, spread }));
  return {
    timesteps: interleave(timesteps, ahead),
    sigmas,
    alphas: [],
    alphasCumprod,
    levels: secondCall === undefined ? perStep : twiceAfterFirst(perStep),
    initNoiseSigma: config.timestepSpacing === 'leading' ? Math.sqrt(most ** 2 + 1) : most,
  };
}

/** Alphas in which a terminal SNR of zero is kept finite. */
export function finiteAlphas({ betas, rescaleBetasZeroSnr }: SchedulerConfig): Float32Array {
  if (!rescaleBetasZeroSnr) return cumulateAlphas(betas);
  const alphas = cumulateAlphas(rescaleZeroTerminalSnr(betas));
  alphas[alphas.length - 1] = LEAST_ALPHA;
  return alphas;
}

/** Even in their logarithm, and one more than there are steps: the last step ends at that one instead of at 0. */
function logLinearSigmas(trained: Float32Array, steps: number): number[] {
  const [high, low] = [Math.log(trained.at(-1)!), Math.log(trained[0]!)];
  return Array.from({ length: steps + 1 }, (_, i) => Math.exp(high + ((low - high) * i) / steps));
}

/** The timestep of each step's second call; the last step has none. */
function lookAhead(
  secondCall: SigmaTraits['secondCall'],
  timesteps: readonly number[],
  sigmas: ArrayLike<number>,
  logSigmas: Float32Array,
): number[] {
  if (secondCall === undefined) return [];
  const between = timesteps.slice(1);
  if (secondCall === 'next') return between;
  return between.map((_, i) => timestepOf(secondCall(sigmas[i]!, sigmas[i + 1]!), logSigmas));
}

const interleave = (first: readonly number[], second: readonly number[]) =>
  first.flatMap((t, i) => (i < second.length ? [t, second[i]!] : [t]));

/** The middle of two sigmas in their logarithm; 0 where one of them is. */
export const midpoint = (from: number, to: number) =>
  Math.fround(Math.exp((Math.log(from) + Math.log(to)) / 2));

/**
 * An ancestral step goes `down` without noise, and noise of `up` brings it back to `to`.
 * Song et al. 2020 (score SDE), appendix F. diffusers computes `down` in float32, a difference of squares that may
 * be all but equal: DPM2's second calls then lie up to some thousandths of a timestep from where they should.
 */
export function ancestralSplit(from: number, to: number): { down: number; up: number } {
  const up = Math.sqrt((to ** 2 * (from ** 2 - to ** 2)) / from ** 2);
  return { down: Math.sqrt(to ** 2 - up ** 2), up };
}
