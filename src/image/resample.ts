/**
 * Scaling of 8-bit pictures with Pillow's exact results, because diffusers scales with Pillow and one level of
 * difference in the input changes the generated picture. Windowed sinc: Duchon 1979; cubic: Keys 1981.
 */

/** In pixels. */
export interface Size {
  readonly width: number;
  readonly height: number;
}

/** 8-bit samples, [height, width, channels]. */
export interface Raster {
  readonly data: Uint8Array;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/** A part of a picture in pixels; `right` and `bottom` are the first outside. */
export interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

interface Filter {
  readonly support: number;
  weight(x: number): number;
}

const sinc = (x: number) => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

const FILTERS = {
  lanczos: { support: 3, weight: (x) => (x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0) },
  bicubic: {
    support: 2,
    weight: (x) => {
      const [a, d] = [-0.5, Math.abs(x)];
      if (d < 1) return ((a + 2) * d - (a + 3)) * d * d + 1;
      return d < 2 ? (((d - 5) * d + 8) * d - 4) * a : 0;
    },
  },
} as const satisfies Record<string, Filter>;

/** Weights are rounded to this many bits, and each of the two passes to whole levels. */
const BITS = 22;

/**
 * @param size of the result
 * @param box the part to scale; absent: the whole picture. A box without extent repeats the edge that it lies on
 */
export function resample(
  picture: Raster,
  { width, height }: Size,
  filter: keyof typeof FILTERS = 'lanczos',
  box: Box = { left: 0, top: 0, right: picture.width, bottom: picture.height },
): Raster {
  const { channels } = picture;
  const across = (data: Uint8Array, lines: number) => {
    if (width === picture.width && box.left === 0 && box.right === width) return data;
    const taps = tapsOf(
      { size: picture.width, from: box.left, to: box.right, results: width },
      FILTERS[filter],
    );
    return scaleAcross(data, taps, lines, channels);
  };
  const down = (data: Uint8Array, columns: number) => {
    if (height === picture.height && box.top === 0 && box.bottom === height) return data;
    const taps = tapsOf(
      { size: picture.height, from: box.top, to: box.bottom, results: height },
      FILTERS[filter],
    );
    return scaleDown(data, taps, columns * channels);
  };
  const data = isDownFirst(picture, { width, height })
    ? across(down(picture.data, picture.width), height)
    : down(across(picture.data, picture.height), width);
  return { data: data === picture.data ? data.slice() : data, width, height, channels };
}

/**
 * The middle of a picture that is scaled to `inner`, with the values of scaling all of it and cropping then. Only what
 * is kept is computed: a picture of 1x60000 that covers a square would be 60,000 times as high as the square.
 * @param inner at least as large as `size`
 */
function resampleMiddle(picture: Raster, inner: Size, { width, height }: Size): Raster {
  const { channels } = picture;
  const [left, top] = [middle(inner.width, width), middle(inner.height, height)];
  const across = { size: picture.width, from: 0, to: picture.width, results: inner.width };
  const down = { size: picture.height, from: 0, to: picture.height, results: inner.height };
  const columns = tapsOf(across, FILTERS.lanczos, left, width);
  const rows = tapsOf(down, FILTERS.lanczos, top, height);
  const data = isDownFirst(picture, inner)
    ? scaleAcross(scaleDown(picture.data, rows, picture.width * channels), columns, height, channels)
    : scaleDown(scaleAcross(picture.data, columns, picture.height, channels), rows, width * channels);
  return { data, width, height, channels };
}

/** Where a centred part of a length begins. */
const middle = (whole: number, part: number) => Math.floor(whole / 2) - Math.floor(part / 2);

/**
 * Each pass rounds to whole levels, so their order matters. Pillow 13 scales the height first if it shrinks by more
 * than twice as many pixels as the width; before 13 it never did.
 */
function isDownFirst(from: Size, to: Size): boolean {
  const shrunk = from.height - to.height;
  return shrunk > 0 && shrunk > 2 * (from.width - to.width);
}

/**
 * Scales planes of floats, such as latents, by Lanczos without rounding.
 * @param planes [n, height, width]
 */
export function resamplePlanes(planes: Float32Array, from: Size, to: Size): Float32Array {
  const count = planes.length / (from.width * from.height);
  const across = tapsOf({ size: from.width, from: 0, to: from.width, results: to.width }, FILTERS.lanczos);
  const down = tapsOf({ size: from.height, from: 0, to: from.height, results: to.height }, FILTERS.lanczos);
  const rows = new Float32Array(count * from.height * to.width);
  for (let i = 0; i < rows.length; i++) {
    const x = i % to.width;
    rows[i] = weigh(planes, Math.floor(i / to.width) * from.width, 1, across, x);
  }
  const result = new Float32Array(count * to.height * to.width);
  for (let i = 0; i < result.length; i++) {
    const [x, y] = [i % to.width, Math.floor(i / to.width) % to.height];
    const plane = Math.floor(i / (to.width * to.height));
    result[i] = weigh(rows, plane * from.height * to.width + x, to.width, down, y);
  }
  return result;
}

function weigh(
  values: Float32Array,
  start: number,
  step: number,
  { first, weights }: Taps,
  i: number,
): number {
  return weights[i]!.reduce(
    (sum, w, j) => sum + (w / 2 ** BITS) * values[start + (first[i]! + j) * step]!,
    0,
  );
}

interface Taps {
  /** The first input sample of each output sample. */
  readonly first: Int32Array;
  readonly weights: readonly Int32Array[];
}

interface Scaling {
  /** Samples of the input. */
  readonly size: number;
  /** The part of the input that is scaled. */
  readonly from: number;
  readonly to: number;
  /** Samples of the output. */
  readonly results: number;
}

/**
 * @param skipped output samples before the first wanted one
 * @param count of the wanted output samples
 */
function tapsOf({ size, from, to, results }: Scaling, filter: Filter, skipped = 0, count = results): Taps {
  const scale = (to - from) / results;
  // When shrinking, the filter widens so that every sample counts.
  const stretch = Math.max(scale, 1);
  const support = filter.support * stretch;
  const first = new Int32Array(count);
  const weights = Array.from({ length: count }, (_, i) => {
    const centre = from + (skipped + i + 0.5) * scale;
    const start = Math.max(0, Math.trunc(centre - support + 0.5));
    const end = Math.min(size, Math.trunc(centre + support + 0.5));
    first[i] = start;
    const raw = Array.from({ length: end - start }, (_, j) =>
      filter.weight((start + j - centre + 0.5) / stretch),
    );
    const sum = raw.reduce((total, w) => total + w, 0);
    return Int32Array.from(raw, (w) => {
      const fixed = (w / sum) * 2 ** BITS;
      return fixed < 0 ? Math.trunc(fixed - 0.5) : Math.trunc(fixed + 0.5);
    });
  });
  return { first, weights };
}

/** Half a level, so that the shift to whole levels rounds. Sums of all taps stay within 32 bits: weights add up to 1, those above 0 to less than 1.5. */
const HALF = 1 << (BITS - 1);

/** @param data [lines, size, channels] with the size that the taps were computed for */
function scaleAcross(
  data: Uint8Array,
  { first, weights }: Taps,
  lines: number,
  channels: number,
): Uint8Array {
  const line = data.length / lines;
  const result = new Uint8ClampedArray(lines * first.length * channels);
  let to = 0;
  for (let start = 0; start < data.length; start += line) {
    for (let i = 0; i < first.length; i++) {
      const row = weights[i]!;
      if (channels === 3) {
        // The usual number, and half the time: each weight is read once.
        let at = start + first[i]! * 3;
        let red = HALF;
        let green = HALF;
        let blue = HALF;
        for (let k = 0; k < row.length; k++, at += 3) {
          const weight = row[k]!;
          red = (red + Math.imul(data[at]!, weight)) | 0;
          green = (green + Math.imul(data[at + 1]!, weight)) | 0;
          blue = (blue + Math.imul(data[at + 2]!, weight)) | 0;
        }
        result[to++] = red >> BITS;
        result[to++] = green >> BITS;
        result[to++] = blue >> BITS;
        continue;
      }
      for (let c = 0; c < channels; c++) {
        let at = start + first[i]! * channels + c;
        let sum = HALF;
        for (let k = 0; k < row.length; k++) {
          sum = (sum + Math.imul(data[at]!, row[k]!)) | 0;
          at += channels;
        }
        result[to++] = sum >> BITS;
      }
    }
  }
  return new Uint8Array(result.buffer);
}

/** @param data [size, line] with the size that the taps were computed for */
function scaleDown(data: Uint8Array, { first, weights }: Taps, line: number): Uint8Array {
  const result = new Uint8ClampedArray(first.length * line);
  const sums = new Int32Array(line);
  // Whole rows at a time, as they lie in memory.
  for (let i = 0; i < first.length; i++) {
    const row = weights[i]!;
    sums.fill(HALF);
    for (let k = 0; k < row.length; k++) {
      const [weight, from] = [row[k]!, (first[i]! + k) * line];
      for (let x = 0; x < line; x++) sums[x] = (sums[x]! + Math.imul(data[from + x]!, weight)) | 0;
    }
    for (let x = 0; x < line; x++) result[i * line + x] = sums[x]! >> BITS;
  }
  return new Uint8Array(result.buffer);
}

/**
 * Fits a picture into a size. `stretch` changes the aspect ratio. `fill` keeps all of the picture and repeats its
 * edges; `cover` fills the size and crops evenly.
 */
export function fit(picture: Raster, size: Size, how: Fit): Raster {
  const { width, height } = size;
  if (how === 'stretch') return resample(picture, size);
  const isWider = picture.width / picture.height > width / height;
  const isWhole = how === 'fill' ? isWider : !isWider;
  const inner = isWhole
    ? { width, height: Math.max(1, Math.floor((picture.height * width) / picture.width)) }
    : { width: Math.max(1, Math.floor((picture.width * height) / picture.height)), height };
  if (how === 'cover') return resampleMiddle(picture, inner, size);
  const scaled = resample(picture, inner);
  const left = middle(width, inner.width);
  const top = middle(height, inner.height);
  const result = {
    data: new Uint8Array(width * height * picture.channels),
    ...size,
    channels: picture.channels,
  };
  paste(result, scaled, left, top);
  if (top > 0) {
    const edge = (y: number) =>
      resample(scaled, { width, height: top }, 'bicubic', { left: 0, top: y, right: width, bottom: y });
    paste(result, edge(0), 0, 0);
    paste(result, edge(inner.height), 0, top + inner.height);
  }
  if (left > 0) {
    const edge = (x: number) =>
      resample(scaled, { width: left, height }, 'bicubic', { left: x, top: 0, right: x, bottom: height });
    paste(result, edge(0), 0, 0);
    paste(result, edge(inner.width), left + inner.width, 0);
  }
  return result;
}

export type Fit = 'stretch' | 'fill' | 'cover';

/** Copies one picture onto another in place, clipped at the edges. */
export function paste(under: Raster, over: Raster, left: number, top: number): void {
  const { channels } = under;
  const from = Math.max(0, -left);
  const to = Math.min(over.width, under.width - left);
  if (to <= from) return;
  for (let y = Math.max(0, -top); y < Math.min(over.height, under.height - top); y++) {
    const row = over.data.subarray((y * over.width + from) * channels, (y * over.width + to) * channels);
    under.data.set(row, ((y + top) * under.width + left + from) * channels);
  }
}

/** The part within a box; black outside the picture. */
export function crop(picture: Raster, { left, top, right, bottom }: Box): Raster {
  const { channels } = picture;
  const [width, height] = [right - left, bottom - top];
  const result = { data: new Uint8Array(width * height * channels), width, height, channels };
  paste(result, picture, -left, -top);
  return result;
}
