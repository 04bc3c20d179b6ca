/** Settings that are rarely changed: of the text encoder, the guidance, the noise. */
import { LIMITS } from '../limits.ts';
import { option } from '../option.ts';
import { integer, number, UNIT } from '../schemas.ts';
import { field, or, type Pair } from './field.ts';

export const TUNING_FIELDS = {
  clipSkip: field({
    name: 'clip_skip',
    schema: integer('clip_skip', LIMITS.clipSkip),
    fill: or<number>(0),
    plain: 0,
    // diffusers counts skipped layers from 0, A1111 layers from the end from 1.
    a1111: (request: { readonly clipSkip: number }): Pair[] => [
      ['Clip skip', request.clipSkip > 0 ? request.clipSkip + 1 : undefined],
    ],
    options: [
      option({
        names: ['clip-skip'],
        type: 'integer',
        ...LIMITS.clipSkip,
        description: 'option.clip_skip',
        example: '1',
      }),
    ],
  }),
  guidanceRescale: field({
    name: 'guidance_rescale',
    schema: number('guidance_rescale', UNIT),
    fill: or<number>(0),
    plain: 0,
    a1111: (request: { readonly guidanceRescale: number }): Pair[] => [
      ['CFG Rescale phi', positive(request.guidanceRescale)],
    ],
    options: [
      option({
        names: ['guidance-rescale'],
        type: 'number',
        ...UNIT,
        description: 'option.rescale',
        example: '0.7',
      }),
    ],
  }),
  eta: field({
    name: 'eta',
    schema: number('eta', UNIT),
    fill: or<number>(0),
    plain: 0,
    a1111: (request: { readonly eta: number }): Pair[] => [['Eta', positive(request.eta)]],
    options: [
      option({
        names: ['eta'],
        type: 'number',
        ...UNIT,
        description: 'option.eta',
        example: '0.3',
      }),
    ],
  }),
} as const;

const positive = (value: number) => (value > 0 ? value : undefined);
