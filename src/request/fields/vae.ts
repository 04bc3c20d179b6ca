/** The VAE that turns latents into the picture. */
import { z } from 'zod';
import { sentence } from '../../sentences.ts';
import { option } from '../option.ts';
import { said } from '../schemas.ts';
import { field, type Pair, type PictureFacts, same } from './field.ts';

export const VAE_FIELDS = {
  /** By name; the model's own where left out. */
  vae: field({
    name: 'vae',
    schema: z
      .string(said(sentence('field.name', { label: 'vae' })))
      .max(200, said(sentence('field.long_name', { label: 'vae' }))),
    fill: same,
    a1111: ({ vae }: { readonly vae?: string }, { files = [] }: PictureFacts): Pair[] =>
      vae === undefined
        ? []
        : [
            ['VAE hash', files.find(({ part }) => part === 'vae')?.hash],
            ['VAE', vae],
          ],
    options: [
      option({
        names: ['vae'],
        type: 'word',
        hint: 'NAME',
        description: 'option.vae',
        example: 'vae-ft-mse-840000',
      }),
    ],
  }),
} as const;
