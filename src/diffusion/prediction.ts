/**
 * What a model's raw output says of the picture and of the noise. Products and differences are rounded to float32
 * one by one as torch rounds them: where little signal is left, dividing by it makes a rounding error large.
 */
import type { Thresholding } from './config.ts';
import type { PredictionType } from './scheduler-class.ts';

const { fround } = Math;

/**
 * The picture that a prediction stands for, where sample = alpha x picture + sigma x noise.
 * v is that of Salimans and Ho 2022, appendix D; a flow's prediction is noise - picture, alpha + sigma = 1.
 */
export function predictedDenoised(
  sample: Float32Array,
  prediction: Float32Array,
  alpha: number,
  sigma: number,
  type: PredictionType,
): Float32Array {
  const n = sample.length;
  const picture = new Float32Array(n);
  switch (type) {
    case 'epsilon':
      for (let i = 0; i < n; i++) {
        picture[i] = fround(sample[i]! - fround(sigma * prediction[i]!)) / alpha;
      }
      return picture;
    case 'v_prediction':
      for (let i = 0; i < n; i++) {
        picture[i] = fround(alpha * sample[i]!) - fround(sigma * prediction[i]!);
      }
      return picture;
    case 'flow_prediction':
      for (let i = 0; i < n; i++) picture[i] = sample[i]! - fround(sigma * prediction[i]!);
      return picture;
    case 'sample':
      picture.set(prediction);
      return picture;
  }
}

/** The noise that a prediction stands for; for a flow's prediction see predictedDenoised. */
export function predictedNoise(
  sample: Float32Array,
  prediction: Float32Array,
  alpha: number,
  sigma: number,
  type: Exclude<PredictionType, 'flow_prediction'>,
): Float32Array {
  const n = sample.length;
  const noise = new Float32Array(n);
  switch (type) {
    case 'epsilon':
      noise.set(prediction);
      return noise;
    case 'v_prediction':
      for (let i = 0; i < n; i++) {
        noise[i] = fround(alpha * prediction[i]!) + fround(sigma * sample[i]!);
      }
      return noise;
    case 'sample':
      return noiseBeside(sample, prediction, alpha, sigma);
  }
}

/** What is left of the sample when the picture is taken out. */
export function noiseBeside(
  sample: Float32Array,
  picture: Float32Array,
  alpha: number,
  sigma: number,
): Float32Array {
  const noise = new Float32Array(sample.length);
  for (let i = 0; i < noise.length; i++) {
    noise[i] = fround(sample[i]! - fround(alpha * picture[i]!)) / sigma;
  }
  return noise;
}

/** The picture where latents = picture + sigma x noise, and the model saw them divided by sqrt(sigma^2 + 1). */
export function denoisedAtSigma(
  latents: Float32Array,
  prediction: Float32Array,
  sigma: number,
  type: PredictionType,
): Float32Array {
  const n = latents.length;
  const picture = new Float32Array(n);
  const power = fround(fround(sigma * sigma) + 1);
  const slope = fround(-sigma / fround(Math.sqrt(power)));
  switch (type) {
    case 'epsilon':
    case 'flow_prediction':
      for (let i = 0; i < n; i++) picture[i] = latents[i]! - fround(sigma * prediction[i]!);
      return picture;
    case 'v_prediction':
      for (let i = 0; i < n; i++) {
        picture[i] = fround(prediction[i]! * slope) + fround(latents[i]! / power);
      }
      return picture;
    case 'sample':
      picture.set(prediction);
      return picture;
  }
}

/** Latents as the model takes them where they grow with the noise. */
export function scaledForModel(latents: Float32Array, sigma: number): Float32Array {
  const scale = fround(Math.sqrt(fround(fround(sigma * sigma) + 1)));
  const scaled = new Float32Array(latents.length);
  for (let i = 0; i < scaled.length; i++) scaled[i] = latents[i]! / scale;
  return scaled;
}

/** Clips an estimate, or thresholds it where that is asked, in place. */
export function limitInto(
  picture: Float32Array,
  clipRange: number | undefined,
  thresholding: Thresholding | undefined,
): void {
  if (thresholding !== undefined) thresholdInto(picture, thresholding);
  else if (clipRange !== undefined) clampInto(picture, clipRange);
}

function clampInto(values: Float32Array, range: number): void {
  for (let i = 0; i < values.length; i++) values[i] = Math.min(Math.max(values[i]!, -range), range);
}

/** Dynamic thresholding, Saharia et al. 2022 (Imagen), section 2.3. */
function thresholdInto(picture: Float32Array, { ratio, maxValue }: Thresholding): void {
  const sizes = picture.map(Math.abs).sort();
  const at = ratio * (sizes.length - 1);
  const low = Math.floor(at);
  const quantile = sizes[low]! + (sizes[Math.min(low + 1, sizes.length - 1)]! - sizes[low]!) * (at - low);
  const range = Math.min(Math.max(fround(quantile), 1), maxValue);
  clampInto(picture, range);
  for (let i = 0; i < picture.length; i++) picture[i]! /= range;
}
