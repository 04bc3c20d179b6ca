/** Changes of the model's weights. */
import { z } from 'zod';
import { sentence } from '../../sentences.ts';
import { LIMITS } from '../limits.ts';
import {
  type LoraDraft,
  type LoraRequest,
  loraSchema,
  loraToJson,
  loraWords,
  readLoraWords,
} from '../loras.ts';
import { type OptionValue, option } from '../option.ts';
import { said } from '../schemas.ts';
import { field, type Json, type Pair } from './field.ts';

export const LORA_FIELDS = {
  loras: field({
    name: 'loras',
    schema: z
      .array(loraSchema, said(sentence('field.objects', { label: 'loras' })))
      .max(LIMITS.loras, said(sentence('field.many_loras', { limit: LIMITS.loras }))),
    fill: (_, { loras }): readonly LoraRequest[] | undefined => (loras.length === 0 ? undefined : loras),
    json: (loras) => loras.map(loraToJson),
    a1111: ({ loras = [] }: { readonly loras?: readonly LoraRequest[] }): Pair[] => {
      const hashes = loras.flatMap(({ file, hash }) => (hash === undefined ? [] : [`${file}: ${hash}`]));
      return [['Lora hashes', hashes.length === 0 ? undefined : hashes.join(', ')]];
    },
    options: [
      option({
        names: ['lora'],
        type: 'word',
        hint: 'NAME[:WEIGHT]',
        description: 'option.lora',
        example: 'pixel-art:0.8',
        menu: 18,
        repeats: true,
        read: (value): Json => ({ loras: readLoraWords(String(value)) }),
        write: (draft): OptionValue | undefined => {
          const { loras = [] } = draft as { loras?: readonly LoraDraft[] };
          return loras.length === 0 ? undefined : loraWords(loras);
        },
      }),
    ],
  }),
} as const;
