/** A few words beside the values of an option, for those who choose one: what it is good for. */
import type { Style } from './styles.ts';

/** From the papers and the notes of diffusers and A1111; steps are where a general model is usually good. */
const SAMPLERS: Readonly<Record<string, string>> = {
  ddim: 'steady, 20 to 50 steps',
  ddpm: 'the first one; needs many steps',
  pndm: 'old default of Stable Diffusion, 25 to 50 steps',
  lms: 'old; needs 40 steps or more',
  euler: 'simple and steady, 20 to 30 steps',
  euler_a: 'varied; more steps change the picture',
  heun: 'accurate, two calls a step',
  dpm2: 'accurate, two calls a step',
  dpm2_a: 'varied, two calls a step',
  dpmpp_2m: 'a good first choice, 20 to 30 steps',
  dpmpp_2m_sde: 'fine details, 25 to 40 steps',
  dpmpp_3m_sde: 'fine details, 40 steps or more',
  dpmpp_sde: 'good in few steps, two calls a step',
  dpmpp_2s: 'accurate, two calls a step',
  unipc: 'good in few steps, 10 to 20',
  deis: 'good in few steps, 10 to 20',
  ipndm: 'steady, 20 to 30 steps',
  sa_solver: 'fine details, 20 to 30 steps',
  lcm: 'only for LCM models, 4 to 8 steps',
  tcd: 'only for TCD models, 4 to 8 steps',
  flow_euler: 'for flow models such as SD 3',
  flow_heun: 'for flow models, two calls a step',
  flow_lcm: 'for distilled flow models, few steps',
  edm_euler: 'for EDM models',
  edm_dpmpp_2m: 'for EDM models, a good first choice there',
};

const SCHEDULES: Readonly<Record<string, string>> = {
  normal: 'as the model was trained',
  karras: 'often better with few steps',
  exponential: 'smooth, with fewer details',
  beta: 'more steps at both ends',
  simple: 'plain, for flow models',
  sgm_uniform: 'for Lightning and Turbo models',
};

const RATIOS: Readonly<Record<string, string>> = {
  '1:1': 'square',
  '3:2': 'landscape',
  '2:3': 'portrait',
  '16:9': 'wide',
};

const NOTES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  sampler: SAMPLERS,
  schedule: SCHEDULES,
  ar: RATIOS,
};

/** @param value of an option, one of its known ones @returns undefined where there is nothing to say */
export function noteOf(option: string, value: string): string | undefined {
  const notes = Object.hasOwn(NOTES, option) ? NOTES[option]! : {};
  return Object.hasOwn(notes, value) ? notes[value] : undefined;
}

/** What a style adds to a prompt. */
export const noteOfStyle = ({ template }: Style): string =>
  template === '{prompt}' ? 'changes nothing' : template.replace('{prompt}', '\u2026');
