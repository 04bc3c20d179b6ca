/** How a picture is drawn on beyond its edges. */
import { LIMITS } from '../limits.ts';
import { type OptionValue, option } from '../option.ts';
import {
  type OutpaintDraft,
  type OutpaintRequest,
  outpaintSchema,
  outpaintToJson,
  PANS,
} from '../outpaint.ts';
import { field, type Json, type Pair } from './field.ts';

const draftOf = (draft: Json) => (draft as { outpaint?: OutpaintDraft }).outpaint;

export const OUTPAINT_FIELDS = {
  /** The picture to start from is kept, and what lies around it on a larger canvas is drawn; only with `image`. */
  outpaint: field({
    name: 'outpaint',
    schema: outpaintSchema,
    fill: (_, { outpaint }) => outpaint,
    json: outpaintToJson,
    a1111: ({ outpaint }: { readonly outpaint?: OutpaintRequest }): Pair[] => [
      ['Zoom', outpaint?.zoom],
      ['Pan', outpaint?.pan],
    ],
    options: [
      option({
        names: ['zoom'],
        type: 'number',
        ...LIMITS.zoom,
        description: 'option.outpaint',
        example: '1.5',
        read: (zoom): Json => ({ outpaint: { zoom } }),
        write: (draft): OptionValue | undefined => {
          const zoom = draftOf(draft)?.zoom;
          return zoom === 1 ? undefined : zoom;
        },
      }),
      option({
        names: ['pan'],
        type: 'choice',
        choices: PANS,
        description: 'option.pan',
        example: 'left',
        read: (pan): Json => ({ outpaint: { pan } }),
        write: (draft): OptionValue | undefined => draftOf(draft)?.pan,
      }),
    ],
  }),
} as const;
