/** Samplers and schedules by the names that people and files use: ours, A1111's, and diffusers' classes. */
import { DarkroomError, offer } from '../errors.ts';
import { sentence } from '../sentences.ts';
import type { ModelKind, Sampler } from './sampler.ts';
import { SAMPLER_NAMES, SAMPLERS, type SamplerName, samplerNamed } from './samplers/index.ts';
import { SCHEDULES, type ScheduleName } from './schedule.ts';
import { CURVES } from './sigma-curves.ts';

type Json = Readonly<Record<string, unknown>>;

/** The class of diffusers that a sampler stands for. */
export const diffusersClassOf = (sampler: SamplerName): string | undefined =>
  samplerNamed(sampler).diffusers?.name;

/** @returns the sampler that a scheduler_config.json describes; undefined where there is none of that class */
export function samplerOfConfig(config: Json): SamplerName | undefined {
  return describedBy(config)?.name;
}

function describedBy(config: Json): Sampler<SamplerName> | undefined {
  const ofClass = SAMPLERS.filter(({ diffusers }) => diffusers?.name === config['_class_name']);
  const variant = ofClass.find(({ diffusers }) => diffusers?.variant?.describes(config));
  return variant ?? ofClass.find(({ diffusers }) => diffusers?.variant === undefined);
}

/** Classes without use_..._sigmas; where such an option stands in their config, another class has left it there. */
const readsCurves = ({ scheduler }: Sampler) => scheduler.options.has('use_karras_sigmas');

/** The schedule that a scheduler_config.json asks for by its use_..._sigmas. */
export function scheduleOfConfig(config: Json): ScheduleName {
  const sampler = describedBy(config);
  if (sampler !== undefined && !readsCurves(sampler)) return 'normal';
  return CURVES.find((curve) => config[`use_${curve}_sigmas`] === true) ?? 'normal';
}

/** The schedule of a model as another sampler of it takes it: its curve of sigmas, where the sampler's class has one. */
export function curveFor(sampler: SamplerName, schedule: ScheduleName): ScheduleName {
  const isCurve = CURVES.some((curve) => curve === schedule);
  return isCurve && readsCurves(samplerNamed(sampler)) ? schedule : 'normal';
}

/**
 * A schedule by our name or A1111's ("SGM Uniform").
 * @returns undefined for A1111's Automatic: the one that suits the sampler
 * @throws DarkroomError('bad_request') that offers the nearest names
 */
export function parseSchedule(name: string): ScheduleName | undefined {
  const plain = name.trim().toLowerCase();
  if (plain === 'automatic') return undefined;
  const schedule = SCHEDULES.find((known) => known === plain || known.replaceAll('_', ' ') === plain);
  if (schedule !== undefined) return schedule;
  throw new DarkroomError(
    'bad_request',
    sentence('request.no_schedule', { name, offer: offer(name, SCHEDULES) }),
  );
}

/** A schedule as A1111 writes it: `SGM Uniform`. */
export function a1111Schedule(schedule: ScheduleName): string {
  const titled = schedule.split('_').map((word) => word.charAt(0).toUpperCase() + word.slice(1));
  return titled.join(' ').replace('Sgm', 'SGM');
}

/**
 * A sampler by our name or A1111's ("DPM++ 2M Karras"), which may carry the schedule with it.
 * @param kind of the model: where samplers of several kinds share a name ("Euler"), the one of this kind is meant
 */
export function parseSampler(
  name: string,
  kind: ModelKind = 'diffusion',
): { sampler: SamplerName; schedule?: ScheduleName } {
  const plain = name.trim().toLowerCase();
  const schedule = SCHEDULES.find(
    (s) => plain.endsWith(` ${s.replace('_', ' ')}`) || plain.endsWith(` ${s}`),
  );
  const stem = schedule === undefined ? plain : plain.slice(0, -schedule.length - 1);
  const named = SAMPLERS.filter(
    (known) => known.name === stem || known.a1111.some((alias) => alias.toLowerCase() === stem),
  );
  const sampler = (named.find((known) => known.kind === kind) ?? named[0])?.name;
  if (sampler === undefined) {
    throw new DarkroomError(
      'bad_request',
      sentence('request.no_sampler', { name, offer: offer(name, SAMPLER_NAMES) }),
    );
  }
  return schedule === undefined ? { sampler } : { sampler, schedule };
}

/** Of the names that A1111, ComfyUI and InvokeAI give samplers, also of those that are not here. */
export const PART_OF_SAMPLER =
  /^(?:dpm|dpm\+\+|dpmpp|dpm2|\d[ms]|a|ancestral|sde|ode|heun|euler|lms|plms|ddim|ddpm|unipc|solver|sa-solver|karras|exponential|polyexponential|beta|normal|simple|sgm|uniform|automatic|turbo|trailing|gpu|cfg|cfg\+\+|fast|adaptive)$/i;
