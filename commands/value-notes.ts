/** A few words beside the values of an option, for those who choose one: what it is good for. */

import type { PlainKey, Say } from '../src/sentences.ts';
import type { Style } from './styles.ts';

/** From the papers and the notes of diffusers and A1111; steps are where a general model is usually good. */
type Notes = Readonly<Record<string, PlainKey>>;

const SAMPLERS: Notes = {
  ddim: 'note.sampler.ddim',
  ddpm: 'note.sampler.ddpm',
  pndm: 'note.sampler.pndm',
  lms: 'note.sampler.lms',
  euler: 'note.sampler.euler',
  euler_a: 'note.sampler.euler_a',
  heun: 'note.sampler.heun',
  dpm2: 'note.sampler.dpm2',
  dpm2_a: 'note.sampler.dpm2_a',
  dpmpp_2m: 'note.sampler.dpmpp_2m',
  dpmpp_2m_sde: 'note.sampler.dpmpp_2m_sde',
  dpmpp_3m_sde: 'note.sampler.dpmpp_3m_sde',
  dpmpp_sde: 'note.sampler.dpmpp_sde',
  dpmpp_2s: 'note.sampler.dpmpp_2s',
  unipc: 'note.sampler.unipc',
  deis: 'note.sampler.deis',
  ipndm: 'note.sampler.ipndm',
  sa_solver: 'note.sampler.sa_solver',
  lcm: 'note.sampler.lcm',
  tcd: 'note.sampler.tcd',
  flow_euler: 'note.sampler.flow_euler',
  flow_heun: 'note.sampler.flow_heun',
  flow_lcm: 'note.sampler.flow_lcm',
  edm_euler: 'note.sampler.edm_euler',
  edm_dpmpp_2m: 'note.sampler.edm_dpmpp_2m',
};

const SCHEDULES: Notes = {
  normal: 'note.schedule.normal',
  karras: 'note.schedule.karras',
  exponential: 'note.schedule.exponential',
  beta: 'note.schedule.beta',
  simple: 'note.schedule.simple',
  sgm_uniform: 'note.schedule.sgm_uniform',
};

const RATIOS: Notes = {
  '1:1': 'note.ratio.square',
  '3:2': 'note.ratio.landscape',
  '2:3': 'note.ratio.portrait',
  '16:9': 'note.ratio.wide',
};

const NOTES: Readonly<Record<string, Notes>> = {
  sampler: SAMPLERS,
  schedule: SCHEDULES,
  ar: RATIOS,
};

/** @param value of an option, one of its known ones @returns undefined where there is nothing to say */
export function noteOf(option: string, value: string, say: Say): string | undefined {
  const notes = Object.hasOwn(NOTES, option) ? NOTES[option]! : {};
  return Object.hasOwn(notes, value) ? say(notes[value]!) : undefined;
}

/** What a style adds to a prompt. */
export const noteOfStyle = ({ template }: Style, say: Say): string =>
  template === '{prompt}' ? say('note.style.plain') : template.replace('{prompt}', '\u2026');
