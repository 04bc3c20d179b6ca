/** Masks: which part of a picture is redrawn. White (255) is redrawn, black (0) is kept. */
import { DarkroomError } from '../errors.ts';
import { type Sentence, sentence, type Words } from '../sentences.ts';
import { checkPictureAs } from './inspect.ts';
import { toGrey } from './luma.ts';
import { decodeRgb, onWhite } from './pixels.ts';
import { type Box, fit, type Raster, type Size } from './resample.ts';

/** From this level on a pixel counts as masked: v / 255 >= 0.5, as diffusers' VaeImageProcessor.binarize. */
const MASKED_FROM = 128;

/** Levels from here on are white in a layer with strokes; an editor softens their edges. */
const WHITE_FROM = 224;
/** Share of the pixels that decides, because of those edges. */
const NEARLY_ALL = 0.98;

interface MaskRaster {
  /** [height, width, 1 or 3], opaque. */
  readonly raster: Raster;
  /** Sentences for the user. */
  readonly notes: readonly Words[];
}

/**
 * What of an uploaded mask says which part is redrawn. Its brightness does, as in diffusers, except where a hole was
 * erased: if some pixels are transparent and others are not, the transparent part is the mask. White strokes on a
 * clear layer are white all the same.
 * @param upload of 1 to 4 channels
 */
export async function readMaskRaster(upload: Raster): Promise<MaskRaster> {
  const { data, width, height, channels } = upload;
  if (channels === 1 || channels === 3) return { raster: upload, notes: [] };
  const colours = await onWhite(withoutAlpha(upload));
  const { data: levels } = toGrey(colours);
  const clear = Uint8Array.from(levels, (_, i) => 255 - data[(i + 1) * channels - 1]!);
  const isClear = (i: number) => clear[i]! >= MASKED_FROM;
  const count = { clear: 0, white: 0, whiteBelow: 0 };
  for (const [i, level] of levels.entries()) {
    if (isClear(i)) count.clear++;
    if (level >= WHITE_FROM) count[isClear(i) ? 'whiteBelow' : 'white']++;
  }
  const opaque = levels.length - count.clear;
  if (count.clear === 0 || opaque === 0) return { raster: colours, notes: [] };
  const isStrokes = count.white >= opaque * NEARLY_ALL && count.whiteBelow < count.clear * (1 - NEARLY_ALL);
  if (isStrokes) return { raster: colours, notes: [sentence('picture.mask_white_part')] };
  return {
    raster: { data: clear, width, height, channels: 1 },
    notes: [sentence('picture.mask_clear_part')],
  };
}

function withoutAlpha({ data, width, height, channels }: Raster): Raster {
  const kept = channels - 1;
  const colours = new Uint8Array(width * height * kept);
  for (let i = 0; i < colours.length; i++) colours[i] = data[Math.floor(i / kept) * channels + (i % kept)]!;
  return { data: colours, width, height, channels: kept };
}

/**
 * Decodes a mask and stretches it over the picture; its brightness counts (ITU-R BT.601-2).
 * @param bytes of an opaque picture, as an upload is kept
 * @param size of the picture that it belongs to
 * @returns [height, width, 1] of 0 and 255, and sentences for the user
 * @throws DarkroomError('bad_picture' | 'too_large') for a file that is not one still picture;
 *   DarkroomError('bad_request') if no pixel is white
 */
export async function readMask(
  bytes: Uint8Array,
  size: Size,
): Promise<{ readonly mask: Raster; readonly notes: readonly Words[] }> {
  await checkPictureAs(bytes, (reason) => sentence('picture.mask_refused', { reason }));
  const picture = await decodeRgb(bytes);
  const isStretched = picture.width !== size.width || picture.height !== size.height;
  const notes = isStretched
    ? [
        sentence('picture.mask_stretched', {
          width: picture.width,
          height: picture.height,
          newWidth: size.width,
          newHeight: size.height,
        }),
      ]
    : [];
  // In colour first, then to grey, as the reference does; for a grey mask the two orders are one.
  const stretched = toBlackAndWhite(toGrey(fit(picture, size, 'stretch')));
  const mask = isStretched ? withThinParts(stretched, toBlackAndWhite(toGrey(picture))) : stretched;
  const note = judgeMask(mask);
  return { mask, notes: note === undefined ? notes : [...notes, note] };
}

const toBlackAndWhite = (mask: Raster): Raster => ({
  ...mask,
  data: mask.data.map((level) => (level >= MASKED_FROM ? 255 : 0)),
});

/**
 * Shrunk, a line of a few pixels fades below the threshold. Each pixel of the smaller mask that lies on masked ones
 * counts then, unless it only borders on what is masked already.
 * @param mask that was stretched from `whole`
 */
function withThinParts(mask: Raster, whole: Raster): Raster {
  const { width, height } = mask;
  if (whole.width <= width && whole.height <= height) return mask;
  const data = mask.data.slice();
  for (let y = 0; y < whole.height; y++) {
    for (let x = 0; x < whole.width; x++) {
      if (whole.data[y * whole.width + x] === 0) continue;
      const [column, row] = [Math.floor((x * width) / whole.width), Math.floor((y * height) / whole.height)];
      if (!hasMasked(mask, column, row)) data[row * width + column] = 255;
    }
  }
  return { ...mask, data };
}

/** Whether a pixel or one of its eight neighbours is masked. */
function hasMasked({ data, width, height }: Raster, column: number, row: number): boolean {
  for (let y = Math.max(0, row - 1); y <= Math.min(height - 1, row + 1); y++) {
    for (let x = Math.max(0, column - 1); x <= Math.min(width - 1, column + 1); x++) {
      if (data[y * width + x] !== 0) return true;
    }
  }
  return false;
}

/**
 * @returns a sentence where all is masked
 * @throws DarkroomError('bad_request') where nothing is
 */
function judgeMask(mask: Raster): Sentence | undefined {
  const masked = mask.data.reduce((count, level) => count + (level >= MASKED_FROM ? 1 : 0), 0);
  if (masked === 0) {
    throw new DarkroomError('bad_request', sentence('picture.mask_black'));
  }
  return masked === mask.data.length ? sentence('picture.mask_white') : undefined;
}

/** @returns [height, width]: 1 where the picture is redrawn, 0 where it is kept */
export function binarize(mask: Raster): Float32Array {
  return Float32Array.from(mask.data, (level) => (level >= MASKED_FROM ? 1 : 0));
}

/**
 * The part of a picture around its mask: what is masked (any level above 0) with `padding` pixels around it, extended
 * to the aspect ratio of the generated picture as far as possible (diffusers' VaeImageProcessor.get_crop_region).
 * @param mask of 0 and 255, or its blurred form
 * @param size of the generated picture
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

/** Extends a span by `more` evenly on both sides, moves it inside 0 to `limit`, and clips it if it is too long. */
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
 * Blends the generated picture over the original: level 255 takes the generated pixel, 0 returns the original pixel
 * unchanged, levels between mix both.
 * @param kept the original, of three channels
 * @param drawn the generated picture, of the same size
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
 * A blurred mask clipped to the mask itself, so that pixels outside it stay unchanged.
 * @param blurred of the same size
 */
export function inward(mask: Raster, blurred: Raster): Raster {
  const data = blurred.data.map((level, i) => (mask.data[i]! >= MASKED_FROM ? level : 0));
  return { ...blurred, data };
}
