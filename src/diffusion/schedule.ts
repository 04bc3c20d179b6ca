/** The noise levels of a run: at which timesteps and sigmas the denoiser is called. */
import type { SamplerName, ScheduleName } from '../request.ts';
import type { SchedulerConfig } from './config.ts';
import { alphaSchedule } from './schedules/alphas.ts';
import { distilledSchedule } from './schedules/distilled.ts';
import { flowSchedule } from './schedules/flow.ts';
import { pndmSchedule } from './schedules/pndm.ts';
import { sigmaSchedule } from './schedules/sigmas.ts';
import { solverSchedule } from './schedules/solver.ts';
import type { SigmaCurve } from './sigma-curves.ts';

/** Noisy latents are signal x latents + spread x noise. */
export interface NoiseLevel {
  readonly signal: number;
  readonly spread: number;
}

export interface Schedule {
  /** What the denoiser is told, one a call; fractions where the sampler's sigmas fall between timesteps. */
  readonly timesteps: readonly number[];
  /**
   * One a step and the one that they end at; float32. sqrt((1 - alphaCumprod) / alphaCumprod), or the share of
   * noise in a rectified flow. Empty for samplers that reckon in alphaCumprod.
   */
  readonly sigmas: Float32Array;
  /** alphaCumprod before and after each step, where the sampler reckons in it. */
  readonly alphas: readonly AlphaStep[];
  /** alphaCumprod of every timestep trained on. */
  readonly alphasCumprod: Float32Array;
  /** How noisy the latents of each call are, in the sampler's own scale (diffusers' add_noise). */
  readonly levels: readonly NoiseLevel[];
  /** What pure noise is multiplied by to begin with (diffusers' init_noise_sigma). */
  readonly initNoiseSigma: number;
  /** Denoiser calls of a step: 2 where the sampler looks ahead, and then 1 in the last step. */
  readonly callsPerStep: 1 | 2;
}

export interface AlphaStep {
  readonly from: number;
  readonly to: number;
}

export interface ScheduleOrder {
  readonly sampler: SamplerName;
  readonly curve: SigmaCurve | undefined;
  readonly steps: number;
  /** Below 1 where a latent consistency pipeline starts from a picture: its steps lie within what is left. */
  readonly strength: number;
  /** Tokens that a transformer sees of the latents: for use_dynamic_shifting. */
  readonly imageSeqLen: number;
}

export function makeSchedule(config: SchedulerConfig, order: ScheduleOrder): Schedule {
  switch (order.sampler) {
    case 'ddim':
    case 'ddpm':
      return alphaSchedule(config, order);
    case 'pndm':
      return pndmSchedule(config, order);
    case 'lcm':
    case 'tcd':
      return distilledSchedule(config, order);
    case 'flow_euler':
    case 'flow_heun':
      return flowSchedule(config, order);
    case 'dpmpp_2m':
    case 'dpmpp_2m_sde':
    case 'dpmpp_3m_sde':
    case 'dpmpp_2s':
    case 'unipc':
    case 'deis':
      return solverSchedule(config, order);
    default:
      return sigmaSchedule(config, order);
  }
}

/** The curve of a schedule's name; the others differ in their timesteps alone. */
export function curveOf(schedule: ScheduleName): SigmaCurve | undefined {
  return schedule === 'karras' || schedule === 'exponential' || schedule === 'beta' ? schedule : undefined;
}
