/** How the noise becomes a picture. */
import { z } from 'zod';
import { a1111Schedule, PART_OF_SAMPLER, parseSampler, parseSchedule } from '../../diffusion/names.ts';
import { SAMPLER_NAMES, type SamplerName, samplerNamed } from '../../diffusion/samplers/index.ts';
import { SCHEDULES, type ScheduleName } from '../../diffusion/schedule.ts';
import { sentence } from '../../sentences.ts';
import { LIMITS } from '../limits.ts';
import { option } from '../option.ts';
import { integer, number, said } from '../schemas.ts';
import { field, type Pair } from './field.ts';

export const SAMPLING_FIELDS = {
  numInferenceSteps: field({
    name: 'num_inference_steps',
    schema: integer('steps', LIMITS.steps),
    fill: (value, { defaults }) => value ?? defaults.numInferenceSteps,
    a1111: (request: { readonly numInferenceSteps: number }): Pair[] => [
      ['Steps', request.numInferenceSteps],
    ],
    options: [
      option({
        names: ['steps'],
        type: 'integer',
        ...LIMITS.steps,
        unit: /^(?:steps?|스텝|단계|회)$/i,
        description: 'option.steps',
        example: '20',
        menu: 2,
      }),
    ],
  }),
  sampler: field({
    name: 'sampler',
    schema: z.string(said(sentence('field.name', { label: 'sampler' }))),
    fill: (_, { sampler }) => sampler,
    a1111: (request: { readonly sampler: SamplerName }): Pair[] => [
      ['Sampler', samplerNamed(request.sampler).a1111[0]],
    ],
    options: [
      option({
        names: ['sampler'],
        type: 'choice',
        choices: SAMPLER_NAMES,
        spelling: (words) => whereKnown(words, parseSampler),
        partOfName: PART_OF_SAMPLER,
        description: 'option.sampler',
        example: 'euler',
        menu: 10,
      }),
    ],
  }),
  schedule: field({
    name: 'schedule',
    schema: z.string(said(sentence('field.name', { label: 'schedule' }))),
    fill: (_, { schedule }) => schedule,
    a1111: (request: { readonly schedule: ScheduleName }): Pair[] => [
      ['Schedule type', a1111Schedule(request.schedule)],
    ],
    options: [
      option({
        names: ['schedule'],
        type: 'choice',
        choices: SCHEDULES,
        spelling: (words) => whereKnown(words, parseSchedule),
        partOfName: /^(?:sgm|uniform|align|your|steps|ays|automatic|exponential|poly|optimal)$/i,
        description: 'option.schedule',
        example: 'karras',
        menu: 11,
      }),
    ],
  }),
  guidanceScale: field({
    name: 'guidance_scale',
    schema: number('guidance', LIMITS.guidance),
    fill: (value, { defaults }) => value ?? defaults.guidanceScale,
    a1111: (request: { readonly guidanceScale: number }): Pair[] => [['CFG scale', request.guidanceScale]],
    options: [
      option({
        names: ['cfg', 'guidance'],
        type: 'number',
        min: LIMITS.guidance.min,
        max: LIMITS.guidance.max,
        description: 'option.cfg',
        example: '5',
        menu: 3,
      }),
    ],
  }),
} as const;

const whereKnown = (words: string, parse: (words: string) => unknown): string | undefined => {
  try {
    parse(words);
    return words;
  } catch {
    return undefined;
  }
};
