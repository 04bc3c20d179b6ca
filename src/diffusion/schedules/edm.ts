import type { EdmConfig, SchedulerConfig } from '../config.ts';
import { linspace, linspace32 } from '../float-lines.ts';
import type { Schedule, ScheduleOrder } from '../schedule.ts';

const { fround } = Math;

/**
 * Karras et al. 2022, section 5, between the model's own lowest and highest sigma; the model is given 0.25 log sigma.
 * @param precision of the ramp in diffusers' class
 * @param end the sigma that they end at with final_sigmas_type "sigma_min"
 */
export function edmSchedule(
  { edm, finalSigmasType }: SchedulerConfig,
  { steps }: ScheduleOrder,
  precision: 'float32' | 'float64',
  end: 'last' | 'lowest',
): Schedule {
  const levels = edm.sigmaSchedule === 'karras' ? karras(edm, steps, precision) : exponential(edm, steps);
  const last = end === 'last' ? levels.at(-1)! : edm.sigmaMin;
  return {
    timesteps: [...levels].map((sigma) => fround(0.25 * fround(Math.log(sigma)))),
    sigmas: Float32Array.from([...levels, finalSigmasType === 'zero' ? 0 : last]),
    alphas: [],
    alphasCumprod: new Float32Array(),
    levels: [...levels].map((spread) => ({ signal: 1, spread })),
    initNoiseSigma: Math.sqrt(edm.sigmaMax ** 2 + 1),
  };
}

function karras(
  { sigmaMin, sigmaMax, rho }: EdmConfig,
  steps: number,
  precision: 'float32' | 'float64',
): Float32Array {
  const [from, to] = [sigmaMax ** (1 / rho), sigmaMin ** (1 / rho)];
  const ramp = precision === 'float32' ? linspace32(0, 1, steps) : linspace(0, 1, steps);
  const round = precision === 'float32' ? fround : (x: number) => x;
  return Float32Array.from(ramp, (along) => round(round(from) + round(along * (to - from))) ** rho);
}

/** Even in their logarithm. With one step it is the lowest sigma, as in diffusers. */
function exponential({ sigmaMin, sigmaMax }: EdmConfig, steps: number): Float32Array {
  return linspace32(Math.log(sigmaMin), Math.log(sigmaMax), steps).map(Math.exp).reverse();
}
