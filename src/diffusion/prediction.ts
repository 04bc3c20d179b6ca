/** What a model's raw output says, where sample = alpha x picture + sigma x noise and alpha^2 + sigma^2 = 1. */
import type { PredictionType } from './config.ts';

/** The picture that a prediction stands for. v is that of Salimans and Ho 2022, appendix D. */
export function predictedPicture(
  sample: Float32Array,
  prediction: Float32Array,
  alpha: number,
  sigma: number,
  type: PredictionType,
): Float32Array {
  switch (type) {
    case 'epsilon':
      return sample.map((x, i) => (x - sigma * prediction[i]!) / alpha);
    case 'v_prediction':
      return sample.map((x, i) => alpha * x - sigma * prediction[i]!);
    case 'sample':
      return prediction.slice();
  }
}

/** The noise that a prediction stands for. */
export function predictedNoise(
  sample: Float32Array,
  prediction: Float32Array,
  alpha: number,
  sigma: number,
  type: PredictionType,
): Float32Array {
  switch (type) {
    case 'epsilon':
      return prediction;
    case 'v_prediction':
      return sample.map((x, i) => alpha * prediction[i]! + sigma * x);
    case 'sample':
      return sample.map((x, i) => (x - alpha * prediction[i]!) / sigma);
  }
}
