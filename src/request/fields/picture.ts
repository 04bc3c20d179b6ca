/** Which picture is drawn: its seed and size, the model, how many. */
import { randomInt } from 'node:crypto';
import { z } from 'zod';
import { sentence } from '../../sentences.ts';
import { LIMITS } from '../limits.ts';
import { type OptionValue, option, SIZE } from '../option.ts';
import { integer, longSeed, SEEDS, said, seed } from '../schemas.ts';
import { field, type Json, or, type Pair, requireSizeText, shortName } from './field.ts';

/** `--n 4 pictures`, `--n 4 different variations please`, `--n 4 장` */
const PICTURES =
  /^(?:(?:more|different|new|separate) )*(?:pictures?|pics?|images?|imgs?|photos?|prints?|variations?|variants?|versions?|copies|options?|results?|times|x|장|개|컷|가지|번)(?:씩|만)?(?:,? please)?[.,!]*$/i;

export const PICTURE_FIELDS = {
  /** Seed of the first picture; picture i uses seed + i. */
  seed: field({
    name: 'seed',
    schema: seed('seed'),
    fill: (value = -1) => (value === -1 ? randomInt(LIMITS.seed.max - LIMITS.images.max) : value),
    a1111: (_, facts): Pair[] => [['Seed', facts.seed]],
    options: [
      option({
        names: ['seed'],
        type: 'integer',
        ...SEEDS,
        spelling: (words) => (words.toLowerCase() === 'random' ? '-1' : undefined),
        beyond: longSeed,
        description: 'option.seed',
        example: '7',
        menu: 1,
      }),
    ],
  }),
  width: field({
    name: 'width',
    schema: integer('width', LIMITS.size),
    fill: (_, { width }) => width,
    a1111: (request: { readonly width: number; readonly height: number }): Pair[] => [
      ['Size', `${request.width}x${request.height}`],
    ],
    options: [
      option({
        names: ['size'],
        type: 'word',
        hint: 'WxH',
        pattern: SIZE,
        description: 'option.size',
        example: '256x256',
        menu: 9,
        read: (value): Json => {
          const [width, height] = requireSizeText('size', value);
          return { width, height };
        },
        write: ({ width, height }): OptionValue | undefined =>
          width === undefined || height === undefined ? undefined : `${width}x${height}`,
      }),
    ],
  }),
  /** Written with width. */
  height: field({
    name: 'height',
    schema: integer('height', LIMITS.size),
    fill: (_, { height }) => height,
  }),
  /** Catalogue name or folder, as the catalogue resolves it. */
  model: field({
    name: 'model',
    schema: z.string(said(sentence('field.name_or_folder', { label: 'model' }))),
    fill: (_, { model }) => model,
    a1111: (_, facts): Pair[] => [
      ['Model hash', facts.modelHash],
      ['Model', facts.modelName],
    ],
    options: [
      option({
        names: ['model'],
        type: 'word',
        hint: 'NAME|FOLDER',
        description: 'option.model',
        example: 'mini',
        menu: 17,
        // The rest of a folder's path is the host's own.
        write: ({ model }): OptionValue | undefined =>
          typeof model === 'string' ? shortName(model) : undefined,
      }),
    ],
  }),
  numImages: field({
    name: 'num_images',
    schema: integer('count', LIMITS.images),
    fill: or<number>(1),
    plain: 1,
    options: [
      option({
        names: ['n', 'count', 'batch'],
        type: 'integer',
        ...LIMITS.images,
        unit: PICTURES,
        description: 'option.n',
        example: '4',
        menu: 6,
      }),
    ],
  }),
} as const;
