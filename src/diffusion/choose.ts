/** Which sampler and schedule a request's names and its scheduler_config come to. */
import { DarkroomError, offerNames } from '../errors.ts';
import { sentence } from '../sentences.ts';
import { samplerOfConfig, scheduleOfConfig } from './names.ts';
import type { Sampler } from './sampler.ts';
import { SAMPLERS, type SamplerName, samplerNamed } from './samplers/index.ts';
import type { ScheduleName } from './schedule.ts';
import { show } from './scheduler-options.ts';
import { CURVES } from './sigma-curves.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * The sampler of a request: scheduler_config's `_class_name` picks one over the request's own.
 * @throws DarkroomError('unsupported') for a class that is not here
 */
export function chooseSampler(override: Json, sampler: SamplerName): Sampler {
  const own = samplerNamed(sampler);
  const wanted = override['_class_name'];
  if (wanted === undefined || wanted === own.diffusers?.name) return own;
  const found = samplerOfConfig(override);
  if (found !== undefined) return samplerNamed(found);
  const classes = SAMPLERS.flatMap(({ diffusers }) => diffusers?.name ?? []);
  throw new DarkroomError(
    'unsupported',
    `scheduler_config: _class_name ${show(wanted)} is not in this version of Darkroom. ${offerNames(String(wanted), [...new Set(classes)])}`,
  );
}

/**
 * The schedule of a request: scheduler_config's `use_..._sigmas` go over the request's own.
 * @returns its name, and the option that it stands for where it is a timestep_spacing
 * @throws DarkroomError('bad_request' | 'unsupported') where the sampler has no such schedule
 */
export function chooseSchedule(
  override: Json,
  schedule: ScheduleName,
  sampler: Sampler,
): { readonly name: ScheduleName; readonly options: Json } {
  const flags = CURVES.map((curve) => [curve, `use_${curve}_sigmas`] as const);
  for (const [, flag] of flags) {
    const value = override[flag] ?? false;
    if (typeof value === 'boolean') continue;
    throw new DarkroomError('bad_request', sentence('scheduler.not_boolean', { flag, value: show(value) }));
  }
  const on = flags.filter(([, flag]) => override[flag] === true);
  if (on.length > 1) {
    throw new DarkroomError(
      'bad_request',
      sentence('scheduler.two_schedules', { flags: on.map(([, flag]) => flag).join(' and ') }),
    );
  }
  const isOff = flags.some(([curve, flag]) => curve === schedule && override[flag] === false);
  const name = on.length === 1 ? scheduleOfConfig(override) : isOff ? 'normal' : schedule;
  if (!sampler.schedules.includes(name)) {
    throw new DarkroomError(
      'unsupported',
      sentence('request.sampler_schedule', { sampler: sampler.name, name, schedules: sampler.schedules }),
    );
  }
  const isSpacing = name !== 'normal' && !CURVES.some((curve) => curve === name);
  return { name, options: isSpacing ? { timestep_spacing: 'trailing' } : {} };
}
