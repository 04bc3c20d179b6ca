/** The picture to start from, and the mask of what is redrawn in it. */

import { sentence, type Words } from '../../sentences.ts';
import type { HiresRequest } from '../hires.ts';
import { LIMITS } from '../limits.ts';
import { type OptionValue, option } from '../option.ts';
import { flag, image, images, integer, number, UNIT } from '../schemas.ts';
import { field, type Pair, same } from './field.ts';

export const SOURCE_FIELDS = {
  /** Reference of the picture to start from; its bytes travel beside the request (JobInputs). */
  image: field({
    name: 'image',
    schema: image('image'),
    fill: (value, { hasImage }) => (hasImage ? value : undefined),
    notCarried: (draft: { readonly image?: unknown }): Words | undefined =>
      draft.image === undefined ? undefined : sentence('request.left_source'),
  }),
  /** References of the pictures that a model sees beside its drawing; only of a model that edits by instruction. */
  referenceImages: field({
    name: 'reference_images',
    schema: images('reference_images', LIMITS.references),
    fill: (_, { references }) => (references.length > 0 ? references : undefined),
    notCarried: (draft: {
      readonly reference_images?: readonly unknown[] | undefined;
    }): Words | undefined => {
      const { reference_images: references = [] } = draft;
      if (references.length === 0) return undefined;
      return references.length === 1
        ? sentence('request.left_reference')
        : sentence('request.left_references');
    },
  }),
  /** 0 keeps the picture, 1 forgets it; only with `image`. */
  strength: field({
    name: 'strength',
    schema: number('strength', UNIT),
    fill: (_, { hasImage, strength }) => (hasImage ? strength : undefined),
    a1111: (request: { readonly strength?: number; readonly hires?: HiresRequest }): Pair[] => [
      ['Denoising strength', request.strength ?? request.hires?.strength],
    ],
    options: [
      option({
        names: ['strength'],
        type: 'number',
        ...UNIT,
        description: 'option.strength',
        example: '0.6',
        menu: 8,
      }),
    ],
  }),
  /** Reference of the mask: its white part is redrawn; only with `image`. */
  maskImage: field({
    name: 'mask_image',
    schema: image('mask_image'),
    fill: same,
    notCarried: (draft: { readonly mask_image?: unknown }): Words | undefined =>
      draft.mask_image === undefined ? undefined : sentence('request.left_mask'),
  }),
  /** Standard deviation in pixels of the Gaussian that softens the mask; only with `maskImage`. */
  maskBlur: field({
    name: 'mask_blur',
    schema: number('mask_blur', LIMITS.maskBlur),
    fill: (value, { hasMask }) => (hasMask ? (value ?? 0) : undefined),
    plain: 0,
    a1111: (request: { readonly maskBlur?: number }): Pair[] => [['Mask blur', request.maskBlur]],
    options: [
      option({
        names: ['mask-blur'],
        type: 'number',
        ...LIMITS.maskBlur,
        description: 'option.mask_blur',
        example: '4',
      }),
    ],
  }),
  /** Pixels outside the mask come back bit for bit; only with `maskImage`. */
  keepUnmasked: field({
    name: 'keep_unmasked',
    schema: flag('keep_unmasked'),
    fill: (value, { hasMask }) => (hasMask ? (value ?? false) : undefined),
    options: [
      option({
        names: ['keep-unmasked'],
        type: 'switch',
        description: 'option.keep',
        example: 'off',
        // Where a chat has a mask, it is on.
        write: ({ keep_unmasked: keep }): OptionValue | undefined => (keep === false ? 'off' : undefined),
      }),
    ],
  }),
  /** Where given, only the masked part and this many pixels around it are drawn, at the request's full size. */
  onlyMaskedPadding: field({
    name: 'only_masked_padding',
    schema: integer('only_masked_padding', LIMITS.maskPadding),
    fill: (value, { hasMask }) => (hasMask ? value : undefined),
    a1111: (request: { readonly onlyMaskedPadding?: number }): Pair[] => [
      ['Inpaint area', request.onlyMaskedPadding === undefined ? undefined : 'Only masked'],
      ['Masked area padding', request.onlyMaskedPadding],
    ],
    options: [
      option({
        names: ['only-masked-padding'],
        type: 'integer',
        ...LIMITS.maskPadding,
        description: 'option.padding',
        example: '32',
      }),
    ],
  }),
} as const;
