import { cumulateAlphas, rescaleZeroTerminalSnr, trainedSigmas } from '../betas.ts';
import type { SchedulerConfig } from '../config.ts';
import type { AlphaStep, NoiseLevel, Schedule, ScheduleOrder } from '../schedule.ts';
import { type SigmaCurve, sigmasAlong, timestepOf } from '../sigma-curves.ts';
import { spaceTimesteps } from './spacing.ts';

/**
 * DDIM and DDPM: whole timesteps, and the cumulated alphas before and after each.
 * @param target where a step goes: to the `next` timestep, or a whole `stride` below, which need not be the next
 */
export function alphaSchedule(
  config: SchedulerConfig,
  { curve, steps }: ScheduleOrder,
  target: 'next' | 'stride',
): Schedule {
  const alphasCumprod = exactAlphas(config);
  const timesteps = spaceTimesteps(config, { steps });
  if (curve !== undefined) return curvedSchedule(alphasCumprod, timesteps, curve);
  const at = (t: number) => alphasCumprod[t]!;
  const final = config.setAlphaToOne ? 1 : at(0);
  const stride = Math.floor(config.numTrainTimesteps / steps);
  const alphas = timesteps.map((t, i): AlphaStep => {
    if (target === 'stride') return { from: at(t), to: t - stride < 0 ? final : at(t - stride) };
    const next = timesteps[i + 1];
    return { from: at(t), to: next === undefined ? 1 : at(next) };
  });
  return { ...scheduleAtTimesteps(timesteps, alphasCumprod), alphas };
}

/** A schedule of whole timesteps, for a sampler that looks the cumulated alphas up itself. */
export function scheduleAtTimesteps(timesteps: readonly number[], alphasCumprod: Float32Array): Schedule {
  return {
    timesteps,
    sigmas: new Float32Array(),
    alphas: [],
    alphasCumprod,
    levels: timesteps.map((t) => levelOfAlpha(alphasCumprod[t]!)),
    initNoiseSigma: 1,
  };
}

/** Alphas in which a terminal SNR of zero is exact. */
export function exactAlphas({ betas, rescaleBetasZeroSnr }: SchedulerConfig): Float32Array {
  return cumulateAlphas(rescaleBetasZeroSnr ? rescaleZeroTerminalSnr(betas) : betas);
}

export const levelOfAlpha = (alpha: number): NoiseLevel => ({
  signal: Math.sqrt(alpha),
  spread: Math.sqrt(1 - alpha),
});

/** DDIM along a curve of sigmas, which diffusers does not have: from each sigma straight to the next. */
function curvedSchedule(alphasCumprod: Float32Array, plain: readonly number[], curve: SigmaCurve): Schedule {
  // Without the infinite one of a terminal SNR of zero.
  const trained = trainedSigmas(alphasCumprod).filter(Number.isFinite);
  const at = (t: number) => trained[Math.min(t, trained.length - 1)]!;
  const sigmas = sigmasAlong(curve, at(plain.at(-1)!), at(plain[0]!), plain.length);
  const logSigmas = trained.map(Math.log);
  const alphaOf = (sigma: number | undefined) => (sigma === undefined ? 1 : 1 / (sigma ** 2 + 1));
  return {
    timesteps: sigmas.map((sigma) => timestepOf(sigma, logSigmas)),
    sigmas: Float32Array.from([...sigmas, 0]),
    alphas: sigmas.map((sigma, i) => ({ from: alphaOf(sigma), to: alphaOf(sigmas[i + 1]) })),
    alphasCumprod,
    levels: sigmas.map((sigma) => levelOfAlpha(alphaOf(sigma))),
    initNoiseSigma: 1,
  };
}
