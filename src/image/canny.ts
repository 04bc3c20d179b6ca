/**
 * Edge detection by Canny 1986 ("A Computational Approach to Edge Detection"), with the exact results of OpenCV's
 * cv2.Canny: 3x3 Sobel over a replicated border, |dx| + |dy|, and per pixel the channel with the steepest slope. There
 * is no blur before it, as in cv2.Canny.
 */
import type { Raster } from './resample.ts';

interface CannyOptions {
  /** Slopes (|dx| + |dy| of the Sobel operator) above `high` are edges; those above `low` are if they touch one. */
  readonly low?: number;
  readonly high?: number;
}

/** The thresholds that ControlNet's canny models were trained with. */
const CANNY_DEFAULTS = { low: 100, high: 200 } as const;

/** tan 22.5 degrees in 2^15ths; slopes have one of four directions. */
const TAN_22 = 13_573;

const WEAK = 1;
const EDGE = 255;

/**
 * @param picture of one channel or three
 * @returns [height, width, 1]: 255 on an edge, else 0
 */
export function canny(picture: Raster, options: CannyOptions = {}): Raster {
  const { width, height } = picture;
  const [low, high] = [options.low ?? CANNY_DEFAULTS.low, options.high ?? CANNY_DEFAULTS.high].sort(
    (a, b) => a - b,
  ) as [number, number];
  const edges = thin(slopesOf(picture), Math.floor(low), Math.floor(high));
  const data = new Uint8Array(width * height);
  for (let y = 0; y < height; y++) {
    const row = (y + 1) * (width + 2) + 1;
    for (let x = 0; x < width; x++) data[y * width + x] = edges[row + x] === EDGE ? 255 : 0;
  }
  return { data, width, height, channels: 1 };
}

/** [height + 2, width + 2]: a border of slope 0 saves bounds checks. */
interface Slopes {
  readonly dx: Int16Array;
  readonly dy: Int16Array;
  readonly size: Int16Array;
  readonly width: number;
  readonly height: number;
}

function slopesOf({ data, width, height, channels }: Raster): Slopes {
  const stride = width + 2;
  const dx = new Int16Array(stride * (height + 2));
  const dy = new Int16Array(dx.length);
  const size = new Int16Array(dx.length);
  const line = width * channels;
  for (let y = 0; y < height; y++) {
    const here = y * line;
    const above = Math.max(y - 1, 0) * line;
    const below = Math.min(y + 1, height - 1) * line;
    for (let x = 0; x < width; x++) {
      const to = (y + 1) * stride + x + 1;
      const left = x === 0 ? 0 : (x - 1) * channels;
      const middle = x * channels;
      const right = x === width - 1 ? middle : middle + channels;
      let steepest = -1;
      for (let c = 0; c < channels; c++) {
        const upperLeft = data[above + left + c]!;
        const upperRight = data[above + right + c]!;
        const lowerLeft = data[below + left + c]!;
        const lowerRight = data[below + right + c]!;
        const across =
          upperRight -
          upperLeft +
          2 * (data[here + right + c]! - data[here + left + c]!) +
          lowerRight -
          lowerLeft;
        const down =
          lowerLeft -
          upperLeft +
          2 * (data[below + middle + c]! - data[above + middle + c]!) +
          lowerRight -
          upperRight;
        const slope = Math.abs(across) + Math.abs(down);
        if (slope > steepest) {
          steepest = slope;
          dx[to] = across;
          dy[to] = down;
        }
      }
      size[to] = steepest;
    }
  }
  return { dx, dy, size, width, height };
}

/** Non-maximum suppression, then hysteresis: weak edges are kept if connected to strong ones. */
function thin({ dx, dy, size, width, height }: Slopes, low: number, high: number): Uint8Array {
  const stride = width + 2;
  const marks = new Uint8Array(size.length);
  const found = new Int32Array(width * height);
  let count = 0;
  for (let y = 1; y <= height; y++) {
    for (let at = y * stride + 1; at <= y * stride + width; at++) {
      const slope = size[at]!;
      if (slope <= low || !isCrest(size, at, slope, dx[at]!, dy[at]!, stride)) continue;
      marks[at] = WEAK;
      if (slope <= high) continue;
      marks[at] = EDGE;
      found[count++] = at;
    }
  }
  while (count > 0) {
    const at = found[--count]!;
    for (let row = at - stride; row <= at + stride; row += stride) {
      for (let near = row - 1; near <= row + 1; near++) {
        if (marks[near] !== WEAK) continue;
        marks[near] = EDGE;
        found[count++] = near;
      }
    }
  }
  return marks;
}

/** Whether no neighbour along the slope is steeper; of two equal ones the first in reading order is kept. */
function isCrest(
  size: Int16Array,
  at: number,
  slope: number,
  dx: number,
  dy: number,
  stride: number,
): boolean {
  const x = Math.abs(dx);
  const y = Math.abs(dy) * 2 ** 15;
  const flat = x * TAN_22;
  if (y < flat) return slope > size[at - 1]! && slope >= size[at + 1]!;
  // tan 67.5 degrees is tan 22.5 and 2.
  if (y > flat + x * 2 ** 16) return slope > size[at - stride]! && slope >= size[at + stride]!;
  const side = (dx ^ dy) < 0 ? -1 : 1;
  return slope > size[at - stride - side]! && slope > size[at + stride + side]!;
}
