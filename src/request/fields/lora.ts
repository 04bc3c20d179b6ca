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
  nameInHashes,
  readLoraWords,
} from '../loras.ts';
import { type OptionValue, option } from '../option.ts';
import { said } from '../schemas.ts';
import { field, type Json, type Pair, type PictureFacts } from './field.ts';

/** `ink: 0f1e2d3c4b, wash: 1a2b3c4d5e` */
function hashWords(files: readonly { readonly name: string; readonly hash: string | undefined }[]) {
  const words = files.flatMap(({ name, hash }) =>
    hash === undefined ? [] : [`${nameInHashes(name)}: ${hash}`],
  );
  return words.length === 0 ? undefined : words.join(', ');
}

export const LORA_FIELDS = {
  loras: field({
    name: 'loras',
    schema: z
      .array(loraSchema, said(sentence('field.objects', { label: 'loras' })))
      .max(LIMITS.loras, said(sentence('field.many_loras', { limit: LIMITS.loras }))),
    fill: (_, { loras }): readonly LoraRequest[] | undefined => (loras.length === 0 ? undefined : loras),
    json: (loras) => loras.map(loraToJson),
    a1111: (
      { loras = [] }: { readonly loras?: readonly LoraRequest[] },
      { embeddings = [] }: PictureFacts,
    ): Pair[] => [
      ['Lora hashes', hashWords(loras.map(({ file: name, hash }) => ({ name, hash })))],
      ['TI hashes', hashWords(embeddings)],
    ],
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
