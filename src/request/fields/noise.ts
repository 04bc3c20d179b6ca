/** Where the random numbers come from, and the configuration of the scheduler. */
import { z } from 'zod';
import { RNGS, type Rng } from '../../diffusion/random.ts';
import { DarkroomError } from '../../errors.ts';
import { sentence } from '../../sentences.ts';
import { type OptionValue, option } from '../option.ts';
import { name, said } from '../schemas.ts';
import { field, type Json, or, type Pair } from './field.ts';

export const NOISE_FIELDS = {
  rng: field({
    name: 'rng',
    schema: name('rng', RNGS),
    fill: or<Rng>('torch'),
    plain: 'torch',
    // NV is A1111's name for the numbers of an NVIDIA card, made on any machine.
    a1111: (request: { readonly rng: Rng }): Pair[] => [['RNG', request.rng === 'torch' ? 'CPU' : 'NV']],
    options: [
      option({
        names: ['rng'],
        type: 'choice',
        choices: RNGS,
        description: 'option.rng',
        example: 'philox',
      }),
    ],
  }),
  /** Laid over the model's scheduler_config.json. */
  schedulerConfig: field({
    name: 'scheduler_config',
    schema: z.record(z.string(), z.unknown(), said(sentence('field.object', { label: 'scheduler_config' }))),
    fill: (value): Json => Object.freeze({ ...value }),
    json: (config) => ({ ...config }),
    options: [
      option({
        names: ['scheduler-config'],
        type: 'word',
        hint: 'JSON',
        description: 'option.scheduler_config',
        example: '{"timestep_spacing":"trailing"}',
        read: (value): Json => ({ scheduler_config: parseJson('scheduler-config', value) }),
        write: ({ scheduler_config: config }): OptionValue | undefined =>
          config === undefined || Object.keys(config as Json).length === 0
            ? undefined
            : JSON.stringify(config),
      }),
    ],
  }),
} as const;

function parseJson(flagName: string, value: OptionValue): unknown {
  try {
    return JSON.parse(String(value));
  } catch (cause) {
    throw new DarkroomError(
      'bad_request',
      sentence('request.not_json', { flag: flagName, value: String(value).slice(0, 60) }),
      {
        cause,
      },
    );
  }
}
