/**
 * Line drawings of a picture, white on black, as ControlNet's scribble and lineart models expect them (Zhang et al.
 * 2023): differences of Gaussians after Winnemoeller, Kyprianidis and Olsen 2012 ("XDoG"). They need no model; the
 * constants are those of sd-webui-controlnet's `scribble_xdog` and `lineart_standard`.
 */
import type { Raster } from './resample.ts';
import { smooth } from './smoothing.ts';

/** A pixel is part of a stroke where the finely smoothed picture is darker than the coarse one by more than `darker`. */
const SCRIBBLE = { fine: 0.5, coarse: 5, darker: 16 } as const;

/** `paper` smooths the background of a line; lines fainter than `faint` levels do not count in the median. */
const LINEART = { paper: 6, faint: 8, leastLevel: 16, usualLevel: 127 } as const;

/**
 * Thick strokes, as of a broad pen.
 * @param picture of one channel or three
 * @returns [height, width, 1]: 255 on a stroke, else 0
 */
export function scribble(picture: Raster): Raster {
  const { width, height } = picture;
  const darker = darkness(smooth(picture, SCRIBBLE.coarse), smooth(picture, SCRIBBLE.fine), picture.channels);
  const data = Uint8Array.from(darker, (levels) => (levels > SCRIBBLE.darker ? 255 : 0));
  return { data, width, height, channels: 1 };
}

/**
 * Thin lines of varying brightness; a line of median darkness becomes mid-grey at any contrast of the picture.
 * @param picture of one channel or three
 * @returns [height, width, 1], 0 to 255
 */
export function lineart(picture: Raster): Raster {
  const { width, height } = picture;
  const ink = darkness(smooth(picture, LINEART.paper), picture.data, picture.channels);
  const usual = Math.max(LINEART.leastLevel, median(ink.filter((levels) => levels > LINEART.faint)));
  const data = Uint8Array.from(ink, (levels) => Math.min(255, (levels / usual) * LINEART.usualLevel));
  return { data, width, height, channels: 1 };
}

/** By how many levels `here` is darker than `around` in every channel; 0 where it is not. */
function darkness(around: Float32Array, here: Float32Array | Uint8Array, channels: number): Float32Array {
  const result = new Float32Array(around.length / channels);
  for (let i = 0; i < result.length; i++) {
    let least = Number.POSITIVE_INFINITY;
    for (let at = i * channels; at < (i + 1) * channels; at++)
      least = Math.min(least, around[at]! - here[at]!);
    result[i] = Math.min(255, Math.max(0, least));
  }
  return result;
}

function median(values: Float32Array): number {
  if (values.length === 0) return 0;
  const sorted = values.toSorted();
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
