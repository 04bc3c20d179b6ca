/** Gaussian smoothing in floats, for line detection by differences of Gaussians (Marr and Hildreth 1980). */
import type { Raster } from './resample.ts';

/**
 * Borders are mirrored at their last pixel, and the kernel reaches four standard deviations, as in cv2.GaussianBlur.
 * @param sigma standard deviation in pixels, above 0
 * @returns [height, width, channels]
 */
export function smooth({ data, width, height, channels }: Raster, sigma: number): Float32Array {
  const kernel = kernelOf(sigma);
  const line = width * channels;
  const across = new Float32Array(data.length);
  for (let y = 0; y < height; y++) {
    for (let c = 0; c < channels; c++) {
      convolve(data, across, { start: y * line + c, step: channels, length: width }, kernel);
    }
  }
  const down = new Float32Array(data.length);
  for (let x = 0; x < line; x++) convolve(across, down, { start: x, step: line, length: height }, kernel);
  return down;
}

function kernelOf(sigma: number): Float64Array {
  const reach = Math.round(sigma * 8 + 1) >> 1;
  const weights = Float64Array.from({ length: 2 * reach + 1 }, (_, i) =>
    Math.exp(-((i - reach) ** 2) / (2 * sigma * sigma)),
  );
  const sum = weights.reduce((total, weight) => total + weight, 0);
  return weights.map((weight) => weight / sum);
}

interface Line {
  readonly start: number;
  readonly step: number;
  readonly length: number;
}

function convolve(
  from: Uint8Array | Float32Array,
  to: Float32Array,
  { start, step, length }: Line,
  kernel: Float64Array,
): void {
  const reach = kernel.length >> 1;
  const padded = new Float64Array(length + 2 * reach);
  for (let i = 0; i < padded.length; i++) padded[i] = from[start + mirror(i - reach, length) * step]!;
  for (let i = 0; i < length; i++) {
    let sum = 0;
    for (let k = 0; k < kernel.length; k++) sum += kernel[k]! * padded[i + k]!;
    to[start + i * step] = sum;
  }
}

/** ... 2 1 0 1 2 ... length-2 length-1 length-2 ... */
function mirror(i: number, length: number): number {
  if (length === 1) return 0;
  const period = 2 * (length - 1);
  const within = ((i % period) + period) % period;
  return within < length ? within : period - within;
}
