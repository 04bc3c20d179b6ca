import { DarkroomError } from '../../errors.ts';
import { sentence } from '../../sentences.ts';
import type { SchedulerConfig } from '../config.ts';
import type { Schedule, ScheduleOrder } from '../schedule.ts';
import { exactAlphas, scheduleAtTimesteps } from './alphas.ts';
import { spaceTimesteps } from './spacing.ts';

/** Steps of Runge and Kutta's method before the linear multistep method has enough predictions. */
const PRK_STEPS = 4;

/**
 * PNDM: with skip_prk_steps the second timestep comes twice, else the first three steps take four calls each.
 * @throws DarkroomError('bad_request') where there are too few steps for the latter
 */
export function pndmSchedule(config: SchedulerConfig, { steps }: ScheduleOrder): Schedule {
  const spaced = spaceTimesteps(config, { steps });
  const timesteps = config.skipPrkSteps ? secondTwice(spaced) : withRungeKutta(spaced, config);
  return scheduleAtTimesteps(timesteps, exactAlphas(config));
}

/** A single step has no second timestep: diffusers calls once. */
const secondTwice = (falling: readonly number[]) =>
  falling.length === 1 ? [...falling] : [falling[0]!, falling[1]!, ...falling.slice(1)];

function withRungeKutta(falling: readonly number[], { numTrainTimesteps }: SchedulerConfig): number[] {
  const steps = falling.length;
  if (steps < PRK_STEPS) {
    throw new DarkroomError('bad_request', sentence('scheduler.prk_steps', { least: PRK_STEPS, steps }));
  }
  const half = Math.floor(Math.floor(numTrainTimesteps / steps) / 2);
  // Between the four highest timesteps come the middles; all but the ends come twice.
  const rising = falling
    .slice(0, PRK_STEPS)
    .reverse()
    .flatMap((t) => [t, t + half])
    .slice(0, -1);
  const prk = rising
    .flatMap((t) => [t, t])
    .slice(1, -1)
    .reverse();
  return [...prk, ...falling.slice(PRK_STEPS - 1)];
}
