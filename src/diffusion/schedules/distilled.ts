import { DarkroomError } from '../../errors.ts';
import { sentence } from '../../sentences.ts';
import type { SchedulerConfig } from '../config.ts';
import { linspace } from '../float-lines.ts';
import type { Schedule, ScheduleOrder } from '../schedule.ts';
import { exactAlphas, scheduleAtTimesteps } from './alphas.ts';

/**
 * LCM and TCD: a few of the timesteps that the model was distilled on.
 * @param sampler its name, for the refusal
 * @throws DarkroomError('bad_request') for more steps than there are of those
 */
export function distilledSchedule(config: SchedulerConfig, order: ScheduleOrder, sampler: string): Schedule {
  const { numTrainTimesteps, originalInferenceSteps: original } = config;
  const { steps, strength } = order;
  const usable = Math.floor(original * strength);
  if (usable < steps) {
    throw new DarkroomError(
      'bad_request',
      sentence('scheduler.few_timesteps', { sampler, usable, steps, original, limit: Math.max(usable, 1) }),
    );
  }
  const stride = Math.floor(numTrainTimesteps / original);
  // steps points over 0..usable without its end.
  const timesteps = linspace(0, usable, steps + 1)
    .slice(0, -1)
    .map((at) => (usable - Math.floor(at)) * stride - 1);
  return scheduleAtTimesteps(timesteps, exactAlphas(config));
}
