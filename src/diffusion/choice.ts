/** Which sampler and schedule a request's names and its scheduler_config come to. */
import { DarkroomError, offerNames } from '../errors.ts';
import {
  SAMPLER_CLASS,
  type SamplerName,
  type ScheduleName,
  samplerOfConfig,
  scheduleOfConfig,
} from '../request.ts';
import { SCHEDULER_CLASSES } from './scheduler-classes.ts';
import { show } from './scheduler-options.ts';

type Json = Readonly<Record<string, unknown>>;

const CURVES = ['karras', 'exponential', 'beta'] as const;
/** DDIM and ancestral Euler follow curves here although their classes in diffusers have no flag for it. */
const CURVED_BEYOND_DIFFUSERS: ReadonlySet<SamplerName> = new Set(['ddim', 'euler_a']);

/**
 * The sampler of a request: scheduler_config's `_class_name` picks one over the request's own.
 * @throws DarkroomError('unsupported') for a class that is not here
 */
export function chooseSampler(override: Json, sampler: SamplerName): SamplerName {
  const wanted = override['_class_name'];
  if (wanted === undefined || wanted === SAMPLER_CLASS[sampler]) return sampler;
  const found = samplerOfConfig(override);
  if (found !== undefined) return found;
  throw new DarkroomError(
    'unsupported',
    `scheduler_config: _class_name ${show(wanted)} is not in this version of Darkroom. ${offerNames(String(wanted), Object.values(SAMPLER_CLASS))}`,
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
  sampler: SamplerName,
): { readonly name: ScheduleName; readonly options: Json } {
  const flags = CURVES.map((curve) => [curve, `use_${curve}_sigmas`] as const);
  for (const [, flag] of flags) {
    const value = override[flag] ?? false;
    if (typeof value === 'boolean') continue;
    throw new DarkroomError('bad_request', `scheduler_config: ${flag} ${show(value)} is not true or false.`);
  }
  const on = flags.filter(([, flag]) => override[flag] === true);
  if (on.length > 1) {
    throw new DarkroomError(
      'bad_request',
      `scheduler_config: ${on.map(([, flag]) => flag).join(' and ')} name two schedules. Leave one out.`,
    );
  }
  const isOff = flags.some(([curve, flag]) => curve === schedule && override[flag] === false);
  const name = on.length === 1 ? scheduleOfConfig(override) : isOff ? 'normal' : schedule;
  if (name === 'normal') return { name, options: {} };
  const { options, idle } = SCHEDULER_CLASSES[sampler];
  const isCurve = CURVES.some((curve) => curve === name);
  const has = isCurve
    ? options.has('use_karras_sigmas') || CURVED_BEYOND_DIFFUSERS.has(sampler)
    : options.has('timestep_spacing') && !idle.has('timestep_spacing');
  if (!has) {
    throw new DarkroomError('unsupported', `${sampler} has no schedule ${name}. Take schedule normal.`);
  }
  return { name, options: isCurve ? {} : { timestep_spacing: 'trailing' } };
}
