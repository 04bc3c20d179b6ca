/**
 * Gaussian blur of 8-bit pictures with the exact results of Pillow's ImageFilter.GaussianBlur: three extended box blurs
 * in each direction (Gwosdek, Grewenig, Bruhn and Weickert 2011, "Theoretical Foundations of Gaussian Convolution by
 * Extended Box Filtering"), each rounded to whole levels.
 */
import type { Raster } from './resample.ts';

const PASSES = 3;
const BITS = 24;

/** @param sigma standard deviation in pixels; 0 changes nothing */
export function gaussianBlur(picture: Raster, sigma: number): Raster {
  const radius = boxRadius(sigma);
  const { width, height, channels } = picture;
  let data = picture.data.slice();
  if (radius === 0) return { ...picture, data };
  const across = { lines: height, length: width, line: width * channels, step: channels, channels };
  const down = { lines: width, length: height, line: channels, step: width * channels, channels };
  for (const direction of [across, down]) {
    for (let i = 0; i < PASSES; i++) data = boxBlur(data, direction, radius);
  }
  return { ...picture, data };
}

/** Half-width of the box, with a fraction, that has this standard deviation after PASSES passes. */
function boxRadius(sigma: number): number {
  const variance = Math.fround((sigma * sigma) / PASSES);
  const length = Math.fround(Math.sqrt(12 * variance + 1));
  const whole = Math.floor((length - 1) / 2);
  const numerator = Math.fround((2 * whole + 1) * (whole * (whole + 1) - 3 * variance));
  return Math.fround(whole + numerator / (6 * (variance - (whole + 1) * (whole + 1))));
}

interface Direction {
  readonly lines: number;
  /** Pixels of one line. */
  readonly length: number;
  /** Samples from one line to the next, and from one pixel to the next. */
  readonly line: number;
  readonly step: number;
  readonly channels: number;
}

/** Beyond its ends a line repeats its first and last pixel. */
function boxBlur(
  from: Uint8Array,
  { lines, length, line, step, channels }: Direction,
  radius: number,
): Uint8Array<ArrayBuffer> {
  const reach = Math.floor(radius);
  // Weights of a whole pixel and of the two at the box's ends, in 2^24ths; together they are 1.
  const whole = Math.floor(Math.fround(2 ** BITS / Math.fround(radius * 2 + 1)));
  const end = Math.floor((2 ** BITS - (reach * 2 + 1) * whole) / 2);
  const to = new Uint8Array(from.length);
  const last = length - 1;
  for (let l = 0; l < lines; l++) {
    for (let c = 0; c < channels; c++) {
      const base = l * line + c;
      const at = (i: number) => from[base + Math.min(Math.max(i, 0), last) * step]!;
      let sum = 0;
      for (let i = -reach - 1; i < reach; i++) sum += at(i);
      for (let i = 0; i < length; i++) {
        sum += at(i + reach) - at(i - reach - 1);
        const bulk = sum * whole + (at(i - reach - 1) + at(i + reach + 1)) * end;
        to[base + i * step] = Math.floor((bulk + 2 ** (BITS - 1)) / 2 ** BITS);
      }
    }
  }
  return to;
}
