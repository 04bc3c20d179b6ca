/**
 * Line drawings of a picture, white on black as ControlNet's scribble and lineart models were shown them (Zhang et al.
 * 2023): differences of Gaussians in the manner of Winnemoeller, Kyprianidis and Olsen 2012 ("XDoG"). No model is
 * needed; the constants are the ones that sd-webui-controlnet's `scribble_xdog` and `lineart_standard` are used with.
 */
import type { Raster } from './resample.ts';
import { smooth } from './smoothing.ts';

/** A stroke is drawn where the fine picture is darker than the coarse one by more than this, in levels. */
const SCRIBBLE = { fine: 0.5, coarse: 5, darker: 16 } as const;

/** Paper is what surrounds a line; fainter lines than `faint` levels do not count for the brightness of the rest. */
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
 * Thin lines of more or less ink; the usual one comes out in mid-grey, whatever the picture's contrast.
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
