/** The VAE that turns latents into the picture. */
import { z } from 'zod';
import { option } from '../option.ts';
import { field, type Pair, same } from './field.ts';

export const VAE_FIELDS = {
  /** By name; the model's own where left out. */
  vae: field({
    name: 'vae',
    schema: z.string('vae must be a name.').max(200, 'vae must be a name of up to 200 characters.'),
    fill: same,
    a1111: ({ vae }: { readonly vae?: string }): Pair[] => [['VAE', vae]],
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
