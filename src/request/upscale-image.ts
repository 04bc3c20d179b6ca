/** Upscaling a finished picture: its own pixels are enlarged, and nothing is drawn again. */
import { z } from 'zod';
import { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';
import type { ModelDefaults } from './defaults.ts';
import { LIMITS } from './limits.ts';
import { integer, number, said } from './schemas.ts';
import { multipleOf, type Size } from './sizes.ts';
import {
  type ChosenUpscaler,
  chooseUpscaler,
  IMAGE_UPSCALERS,
  type KnownUpscalers,
  upscalerHash,
  upscalerName,
} from './upscalers.ts';

/** What makes the pixels larger is a Lanczos filter, the upscaler of the model's folder, or one in a file. */
export interface UpscaleImageRequest extends ChosenUpscaler {
  /** Of the result, in pixels. The request's own width and height are those of the tiles that are refined. */
  readonly width: number;
  readonly height: number;
}

export const upscaleImageShape = {
  scale: number('upscale_image scale', LIMITS.upscaleScale).optional(),
  width: integer('upscale_image width', LIMITS.size).optional(),
  height: integer('upscale_image height', LIMITS.size).optional(),
  upscaler: upscalerName('upscale_image upscaler').optional(),
  upscaler_hash: upscalerHash('upscale_image upscaler_hash').optional(),
};
export const upscaleImageSchema = z.strictObject(
  upscaleImageShape,
  said(sentence('field.scaled', { label: 'upscale_image' })),
);
export type UpscaleImageDraft = z.input<typeof upscaleImageSchema>;

/** How much of the detail may be redrawn: above this the tiles become other pictures. */
export const REFINE_STRENGTH = { min: 0, max: 0.2 } as const;

const SCALE = 2;

/**
 * @param source the picture's size
 * @param known the upscalers that are installed; undefined where nobody has looked for them
 * @throws DarkroomError('bad_request')
 */
export function freezeUpscaleImage(
  draft: UpscaleImageDraft,
  defaults: ModelDefaults,
  source: Size,
  known?: KnownUpscalers,
): UpscaleImageRequest {
  const { width, height, scale } = draft;
  if ((width === undefined) !== (height === undefined) || (width !== undefined && scale !== undefined)) {
    throw new DarkroomError('bad_request', sentence('request.upscale_size'));
  }
  const grown = (side: number) => Math.round(side * (scale ?? SCALE));
  const size = { width: width ?? grown(source.width), height: height ?? grown(source.height) };
  const longest = Math.max(size.width, size.height);
  if (longest > LIMITS.size.max) {
    throw new DarkroomError(
      'bad_request',
      sentence('request.too_large', { width: size.width, height: size.height, limit: LIMITS.size.max }),
    );
  }
  if (size.width < source.width || size.height < source.height) {
    throw new DarkroomError(
      'bad_request',
      sentence('request.not_larger', {
        width: size.width,
        height: size.height,
        ownWidth: source.width,
        ownHeight: source.height,
      }),
    );
  }
  const usual = defaults.enlarges === undefined ? (defaults.upscaler ?? 'lanczos') : 'model';
  const upscaler = chooseUpscaler(draft.upscaler ?? usual, {
    label: 'upscale_image upscaler',
    builtIn: IMAGE_UPSCALERS,
    hasOwn: defaults.enlarges !== undefined,
    known,
    hash: draft.upscaler_hash,
  });
  return Object.freeze({ ...size, ...upscaler });
}

export const upscaleImageToJson = ({ upscalerHash, ...one }: UpscaleImageRequest): UpscaleImageDraft => ({
  ...one,
  ...(upscalerHash !== undefined && { upscaler_hash: upscalerHash }),
});

/** The tiles in which the result is refined: the model's own size, no larger than the result. */
export function tileSize({ width, height }: Size, defaults: ModelDefaults): Size {
  const multiple = multipleOf(defaults);
  const side = (own: number, whole: number) =>
    Math.max(multiple, Math.floor(Math.min(own, whole) / multiple) * multiple);
  return { width: side(defaults.width, width), height: side(defaults.height, height) };
}

/** Part of a tile that it shares with the next one, where both are blended. */
const OVERLAP = 0.25;

export interface TilePlace {
  readonly left: number;
  readonly top: number;
}

/** Where the tiles of a picture lie, row by row: evenly, each over a part of the next one. */
export function layTiles(whole: Size, tile: Size): TilePlace[] {
  const rows = starts(whole.height, tile.height);
  const columns = starts(whole.width, tile.width);
  return rows.flatMap((top) => columns.map((left) => ({ left, top })));
}

/** Pixels that two tiles share when a network enlarges a picture. */
const ENLARGED_OVERLAP = 16;

/** The tiles in which a network enlarges a picture, row by row, no longer than `side` pixels. */
export function layEnlargedTiles({ width, height }: Size, side: number) {
  const spans = (whole: number): (readonly [number, number])[] => {
    if (whole <= side) return [[0, whole]];
    const count = Math.ceil((whole - ENLARGED_OVERLAP) / (side - ENLARGED_OVERLAP));
    // About equal ones: a thin rest would cost as much as its overlap.
    const length = Math.ceil((whole + (count - 1) * ENLARGED_OVERLAP) / count);
    return Array.from({ length: count }, (_, i) => {
      const start = Math.round((i * (whole - length)) / (count - 1));
      return [start, start + length];
    });
  };
  const columns = spans(width);
  return spans(height).flatMap(([top, bottom]) =>
    columns.map(([left, right]) => ({ left, top, right, bottom })),
  );
}

function starts(whole: number, tile: number): number[] {
  if (whole <= tile) return [0];
  const count = Math.ceil((whole - tile * OVERLAP) / (tile * (1 - OVERLAP)));
  return Array.from({ length: count }, (_, i) => Math.round((i * (whole - tile)) / (count - 1)));
}
