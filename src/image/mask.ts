/** Masks: which part of a picture is drawn anew. White (255) is drawn anew, black (0) is kept. */
import sharp from 'sharp';
import { DarkroomError } from '../errors.ts';
import { checkPicture, MAX_PICTURE_PIXELS } from './inspect.ts';
import { toGrey } from './luma.ts';
import { decodeRgb } from './pixels.ts';
import { type Box, fit, type Raster } from './resample.ts';

export interface Size {
  readonly width: number;
  readonly height: number;
}

/** From this level on a pixel counts as masked: v / 255 >= 0.5, as diffusers' VaeImageProcessor.binarize. */
const MASKED_FROM = 128;

/**
 * Decodes a mask and stretches it over the picture. Where the file has transparency, its transparent part is the
 * mask, as in an eraser's cut-out; else its brightness is (ITU-R BT.601-2).
 * @param size of the picture that it belongs to
 * @returns [height, width, 1], 0 to 255, and sentences for the user
 * @throws DarkroomError('bad_picture' | 'too_large') for what is no still picture;
 *   DarkroomError('bad_request') where nothing of it is white
 */
export async function readMask(
  bytes: Uint8Array,
  size: Size,
): Promise<{ readonly mask: Raster; readonly notes: readonly string[] }> {
  await checkMask(bytes);
  const notes: string[] = [];
  const transparency = await decodeTransparency(bytes);
  const picture = transparency ?? (await decodeRgb(bytes));
  if (transparency !== undefined) notes.push('The transparent part of the mask is drawn anew.');
  if (picture.width !== size.width || picture.height !== size.height) {
    notes.push(
      `The mask of ${picture.width}x${picture.height} was stretched to ${size.width}x${size.height}.`,
    );
  }
  // In colour first, then to grey, as the reference does; for a grey mask the two orders are one.
  const mask = toGrey(fit(picture, size, 'stretch'));
  const note = judgeMask(mask);
  return { mask, notes: note === undefined ? notes : [...notes, note] };
}

async function checkMask(bytes: Uint8Array): Promise<void> {
  try {
    await checkPicture(bytes);
  } catch (error) {
    if (!(error instanceof DarkroomError)) throw error;
    throw new DarkroomError(error.code, `The mask cannot be used. ${error.message}`, { cause: error });
  }
}

/** 255 minus alpha; undefined where all of the picture is opaque. */
async function decodeTransparency(bytes: Uint8Array): Promise<Raster | undefined> {
  const reader = sharp(bytes, { limitInputPixels: MAX_PICTURE_PIXELS, failOn: 'error' });
  const { hasAlpha } = await reader.metadata();
  if (!hasAlpha) return undefined;
  const { data, info } = await reader
    .autoOrient()
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  const { width, height, channels } = info;
  const clear = new Uint8Array(width * height);
  for (let i = 0; i < clear.length; i++) clear[i] = 255 - data[(i + 1) * channels - 1]!;
  return clear.some((level) => level > 0) ? { data: clear, width, height, channels: 1 } : undefined;
}

/**
 * @returns a sentence where all is masked
 * @throws DarkroomError('bad_request') where nothing is
 */
export function judgeMask(mask: Raster): string | undefined {
  const masked = mask.data.reduce((count, level) => count + (level >= MASKED_FROM ? 1 : 0), 0);
  if (masked === 0) {
    throw new DarkroomError(
      'bad_request',
      'The mask is all black: nothing would be drawn anew. Paint the part to change in white.',
    );
  }
  return masked === mask.data.length ? 'The mask is all white: the whole picture is drawn anew.' : undefined;
}

/** @returns [height, width]: 1 where the picture is drawn anew, 0 where it is kept */
export function binarize(mask: Raster): Float32Array {
  return Float32Array.from(mask.data, (level) => (level >= MASKED_FROM ? 1 : 0));
}

/**
 * The part of a picture that is worth drawing: what is masked (any level above 0), `padding` pixels around it, then
 * grown to the proportion of the drawing as far as the picture reaches (diffusers' VaeImageProcessor.get_crop_region).
 * @param size of the drawing, whose proportion the region takes
 * @param padding in pixels of the mask
 * @throws DarkroomError('bad_request') for a mask without any white
 */
export function cropRegion(mask: Raster, size: Size, padding: number): Box {
  const within = boundsOf(mask);
  const { width, height } = mask;
  const left = Math.max(within.left - padding, 0);
  const top = Math.max(within.top - padding, 0);
  const right = Math.min(within.right + padding, width);
  const bottom = Math.min(within.bottom + padding, height);
  const proportion = size.width / size.height;
  if ((right - left) / (bottom - top) > proportion) {
    const [from, to] = grow(top, bottom, Math.trunc((right - left) / proportion - (bottom - top)), height);
    return { left, top: from, right, bottom: to };
  }
  const [from, to] = grow(left, right, Math.trunc((bottom - top) * proportion - (right - left)), width);
  return { left: from, top, right: to, bottom };
}

/** Lengthens a span by `more` on both sides alike, pushed back inside 0 to `limit`, and cut where it is too long. */
function grow(from: number, to: number, more: number, limit: number): [number, number] {
  let start = from - Math.floor(more / 2);
  let end = to + more - Math.floor(more / 2);
  if (end >= limit) {
    start -= end - limit;
    end = limit;
  }
  if (start < 0) {
    end -= start;
    start = 0;
  }
  return [start, Math.min(end, limit)];
}

function boundsOf(mask: Raster): Box {
  const { data, width, height } = mask;
  let [left, top, right, bottom] = [width, height, 0, 0];
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (data[y * width + x] === 0) continue;
      left = Math.min(left, x);
      right = Math.max(right, x + 1);
      top = Math.min(top, y);
      bottom = y + 1;
    }
  }
  if (right === 0) judgeMask(mask);
  return { left, top, right, bottom };
}

/**
 * Lays what was drawn over the picture it started from: all of it at level 255, none at 0 (those pixels come back bit
 * for bit), in between in proportion.
 * @param kept and `drawn`, of three channels and one size
 * @param alpha [height, width, 1] of the same size: the mask, or its blurred form
 */
export function overlay(kept: Raster, drawn: Raster, alpha: Raster): Raster {
  const { width, height, channels } = kept;
  const data = new Uint8Array(kept.data.length);
  for (let i = 0; i < alpha.data.length; i++) {
    const level = alpha.data[i]!;
    for (let at = i * channels; at < (i + 1) * channels; at++) {
      data[at] = Math.round((kept.data[at]! * (255 - level) + drawn.data[at]! * level) / 255);
    }
  }
  return { data, width, height, channels };
}

/**
 * A blurred mask that does not reach over the mask's own edge, so that a pixel outside the mask is kept bit for bit.
 * @param blurred of the same size
 */
export function inward(mask: Raster, blurred: Raster): Raster {
  const data = blurred.data.map((level, i) => (mask.data[i]! >= MASKED_FROM ? level : 0));
  return { ...blurred, data };
}
