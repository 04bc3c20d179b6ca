/** The names of samplers (update rules) and schedules (spacings of sigmas): ours, diffusers' and A1111's. */
import { DarkroomError, offerNames } from '../errors.ts';

/** The class of diffusers that each sampler stands for; a scheduler_config names one as `_class_name`. */
export const SAMPLER_CLASS = {
  ddim: 'DDIMScheduler',
  ddpm: 'DDPMScheduler',
  pndm: 'PNDMScheduler',
  lms: 'LMSDiscreteScheduler',
  euler: 'EulerDiscreteScheduler',
  euler_a: 'EulerAncestralDiscreteScheduler',
  heun: 'HeunDiscreteScheduler',
  dpm2: 'KDPM2DiscreteScheduler',
  dpm2_a: 'KDPM2AncestralDiscreteScheduler',
  dpmpp_2m: 'DPMSolverMultistepScheduler',
  dpmpp_2m_sde: 'DPMSolverMultistepScheduler',
  dpmpp_3m_sde: 'DPMSolverMultistepScheduler',
  dpmpp_sde: 'DPMSolverSDEScheduler',
  dpmpp_2s: 'DPMSolverSinglestepScheduler',
  unipc: 'UniPCMultistepScheduler',
  deis: 'DEISMultistepScheduler',
  lcm: 'LCMScheduler',
  tcd: 'TCDScheduler',
  flow_euler: 'FlowMatchEulerDiscreteScheduler',
  flow_heun: 'FlowMatchHeunDiscreteScheduler',
} as const;
export type SamplerName = keyof typeof SAMPLER_CLASS;
export const SAMPLERS = Object.keys(SAMPLER_CLASS) as readonly SamplerName[] as readonly [
  SamplerName,
  ...SamplerName[],
];

/** karras, exponential and beta are curves of sigmas; `simple` and `sgm_uniform` are trailing timesteps. */
export const SCHEDULES = ['normal', 'karras', 'exponential', 'beta', 'simple', 'sgm_uniform'] as const;
export type ScheduleName = (typeof SCHEDULES)[number];

/** Samplers as A1111 spells them, without its schedule suffix. */
const A1111_SAMPLERS: Readonly<Record<string, SamplerName>> = {
  ddim: 'ddim',
  ddpm: 'ddpm',
  plms: 'pndm',
  lms: 'lms',
  euler: 'euler',
  'euler a': 'euler_a',
  heun: 'heun',
  dpm2: 'dpm2',
  'dpm2 a': 'dpm2_a',
  'dpm++ 2m': 'dpmpp_2m',
  'dpm++ 2m sde': 'dpmpp_2m_sde',
  'dpm++ 3m sde': 'dpmpp_3m_sde',
  'dpm++ sde': 'dpmpp_sde',
  'dpm++ 2s': 'dpmpp_2s',
  unipc: 'unipc',
  deis: 'deis',
  lcm: 'lcm',
  tcd: 'tcd',
};

/** @returns the first sampler of that class; undefined where none of ours stands for it */
export const samplerOfClass = (className: unknown): SamplerName | undefined =>
  SAMPLERS.find((sampler) => SAMPLER_CLASS[sampler] === className);

/** The sampler that a scheduler_config.json describes: its class, and for DPM-Solver++ the algorithm and order. */
export function samplerOfConfig(config: Readonly<Record<string, unknown>>): SamplerName | undefined {
  const sampler = samplerOfClass(config['_class_name']);
  if (sampler !== 'dpmpp_2m' || config['algorithm_type'] !== 'sde-dpmsolver++') return sampler;
  return config['solver_order'] === 3 ? 'dpmpp_3m_sde' : 'dpmpp_2m_sde';
}

/** Classes that know no use_..._sigmas; where one stands in their config, another class has left it there. */
const CURVELESS: ReadonlySet<SamplerName> = new Set([
  'ddim',
  'ddpm',
  'pndm',
  'euler_a',
  'lcm',
  'tcd',
  'flow_heun',
]);

/** The schedule that a scheduler_config.json asks for by its use_..._sigmas. */
export function scheduleOfConfig(config: Readonly<Record<string, unknown>>): ScheduleName {
  const sampler = samplerOfClass(config['_class_name']);
  if (sampler !== undefined && CURVELESS.has(sampler)) return 'normal';
  const flagged = (['karras', 'exponential', 'beta'] as const).find(
    (schedule) => config[`use_${schedule}_sigmas`] === true,
  );
  return flagged ?? 'normal';
}

/** The schedule of a model as another sampler of it takes it: the curves of sigmas, where its class has them. */
export function curveFor(sampler: SamplerName, schedule: ScheduleName): ScheduleName {
  const isCurve = schedule === 'karras' || schedule === 'exponential' || schedule === 'beta';
  return isCurve && !CURVELESS.has(sampler) ? schedule : 'normal';
}

/** A sampler by our name or A1111's ("DPM++ 2M Karras"), which may carry the schedule with it. */
export function parseSampler(name: string): { sampler: SamplerName; schedule?: ScheduleName } {
  const plain = name.trim().toLowerCase();
  const schedule = SCHEDULES.find(
    (s) => plain.endsWith(` ${s.replace('_', ' ')}`) || plain.endsWith(` ${s}`),
  );
  const stem = schedule === undefined ? plain : plain.slice(0, -schedule.length - 1);
  const sampler = SAMPLERS.find((s) => s === stem) ?? A1111_SAMPLERS[stem];
  if (sampler === undefined) {
    throw new DarkroomError('bad_request', `Unknown sampler ${name}. ${offerNames(name, SAMPLERS)}`);
  }
  return schedule === undefined ? { sampler } : { sampler, schedule };
}
