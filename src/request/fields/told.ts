/** What some denoisers and text encoders are given beside the prompt. */
import { DarkroomError } from '../../errors.ts';
import type { PlainKey } from '../../sentences.ts';
import { sentence } from '../../sentences.ts';
import { LIMITS } from '../limits.ts';
import { type OptionValue, option, SIZE } from '../option.ts';
import { integer, pair } from '../schemas.ts';
import { field, type Json, requireSizeText, same } from './field.ts';

/** Two numbers that are written as WIDTHxHEIGHT and kept as [height, width], as in diffusers. */
const sizeField = <const Name extends string, const Flag extends string>(
  snake: Name,
  flagName: Flag,
  description: PlainKey,
) =>
  field({
    name: snake,
    schema: pair(snake, 'height, width'),
    fill: (value): readonly [number, number] | undefined => value,
    json: ([height, width]) => [height, width] as [number, number],
    options: [
      option({
        names: [flagName],
        type: 'word',
        hint: 'WxH',
        pattern: SIZE,
        description,
        example: '1024x1024',
        read: (value): Json => {
          const [width, height] = requireSizeText(flagName, value);
          return { [snake]: [height, width] };
        },
        write: (draft): OptionValue | undefined => {
          const value = draft[snake] as readonly [number, number] | undefined;
          return value && `${value[1]}x${value[0]}`;
        },
      }),
    ],
  });
export const TOLD_FIELDS = {
  /** Tokens that SD3's T5 reads; 256 where left out. */
  maxSequenceLength: field({
    name: 'max_sequence_length',
    schema: integer('max_sequence_length', LIMITS.sequence),
    fill: same,
    options: [
      option({
        names: ['max-sequence-length'],
        type: 'integer',
        ...LIMITS.sequence,
        description: 'option.t5_tokens',
        example: '512',
      }),
    ],
  }),
  /** SDXL is given sizes and crop, [height, width] and [top, left]; the picture's own size and 0 where left out. */
  originalSize: sizeField('original_size', 'original-size', 'option.original_size'),
  cropsCoordsTopLeft: field({
    name: 'crops_coords_top_left',
    schema: pair('crops_coords_top_left', 'top, left'),
    fill: (value): readonly [number, number] | undefined => value,
    json: ([top, left]) => [top, left] as [number, number],
    options: [
      option({
        names: ['crop'],
        type: 'word',
        hint: 'TOP,LEFT',
        description: 'option.crop',
        example: '0,0',
        read: (value): Json => {
          const match = /^(\d+),(\d+)$/.exec(String(value));
          if (match !== null) return { crops_coords_top_left: [Number(match[1]), Number(match[2])] };
          throw new DarkroomError('bad_request', sentence('request.not_crop', { value }));
        },
        write: ({ crops_coords_top_left: crop }): OptionValue | undefined =>
          crop === undefined ? undefined : (crop as readonly number[]).join(','),
      }),
    ],
  }),
  targetSize: sizeField('target_size', 'target-size', 'option.target_size'),
} as const;
