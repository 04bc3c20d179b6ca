/** A picture made larger as it is: its own pixels, not another drawing of them. */
import { z } from 'zod';
import { DarkroomError } from '../errors.ts';
import type { ModelDefaults } from './defaults.ts';
import { LIMITS } from './limits.ts';
import { integer, name, number } from './schemas.ts';
import { multipleOf, type Size } from './sizes.ts';

/** What makes the pixels larger: a Lanczos filter, or the upscaler network of the model's folder. */
export const IMAGE_UPSCALERS = ['lanczos', 'model'] as const;

export interface UpscaleImageRequest {
  /** Of the result, in pixels. The request's own width and height are those of the tiles that are refined. */
  readonly width: number;
  readonly height: number;
  readonly upscaler: (typeof IMAGE_UPSCALERS)[number];
}

export const upscaleImageShape = {
  scale: number('upscale_image scale', LIMITS.upscaleScale).optional(),
  width: integer('upscale_image width', LIMITS.size).optional(),
  height: integer('upscale_image height', LIMITS.size).optional(),
  upscaler: name('upscale_image upscaler', IMAGE_UPSCALERS).optional(),
};
export const upscaleImageSchema = z.strictObject(
  upscaleImageShape,
  'upscale_image must be an object with scale, or width and height.',
);
export type UpscaleImageDraft = z.input<typeof upscaleImageSchema>;

/** How much of the detail may be redrawn: above this the tiles become other pictures. */
export const REFINE_STRENGTH = { min: 0, max: 0.2 } as const;

const SCALE = 2;

/**
 * @param source the picture's size
 * @throws DarkroomError('bad_request')
 */
export function freezeUpscaleImage(
  draft: UpscaleImageDraft,
  defaults: ModelDefaults,
  source: Size,
): UpscaleImageRequest {
  const { width, height, scale } = draft;
  if ((width === undefined) !== (height === undefined) || (width !== undefined && scale !== undefined)) {
    throw new DarkroomError(
      'bad_request',
      'upscale_image takes either scale, or width and height. Try scale 2.',
    );
  }
  const grown = (side: number) => Math.round(side * (scale ?? SCALE));
  const size = { width: width ?? grown(source.width), height: height ?? grown(source.height) };
  const longest = Math.max(size.width, size.height);
  if (longest > LIMITS.size.max) {
    throw new DarkroomError(
      'bad_request',
      `The picture would be ${size.width}x${size.height}; at most ${LIMITS.size.max} pixels a side are allowed.`,
    );
  }
  if (size.width < source.width || size.height < source.height) {
    throw new DarkroomError(
      'bad_request',
      `upscale_image makes pictures larger; ${size.width}x${size.height} is smaller than the picture's ${source.width}x${source.height}.`,
    );
  }
  if (draft.upscaler === 'model' && defaults.enlarges === undefined) {
    throw new DarkroomError(
      'bad_request',
      'upscale_image: this model has no upscaler of its own. Try upscaler lanczos.',
    );
  }
  const upscaler = draft.upscaler ?? (defaults.enlarges === undefined ? 'lanczos' : 'model');
  return Object.freeze({ ...size, upscaler });
}

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

function starts(whole: number, tile: number): number[] {
  if (whole <= tile) return [0];
  const count = Math.ceil((whole - tile * OVERLAP) / (tile * (1 - OVERLAP)));
  return Array.from({ length: count }, (_, i) => Math.round((i * (whole - tile)) / (count - 1)));
}
