/**
 * What a denoiser was trained to predict. A single file has no scheduler_config.json; some say it by an empty tensor, some
 * in words, and some not at all.
 */
import { DarkroomError } from '../../errors.ts';
import { readValues, type Weights } from '../weights.ts';
import type { Beside, PredictionType } from './beside.ts';

export interface Prediction {
  readonly type: PredictionType;
  /** The noise of the last training step hides the picture completely (Lin et al. 2023). */
  readonly zeroTerminalSnr: boolean;
  /** Trained on Karras et al.'s sigmas instead of betas. */
  readonly sigmas?: { readonly min: number; readonly max: number };
}

/**
 * The operator's word first, then the file's markers, then its metadata.
 * @param fallback of the family, asked where nothing says it
 * @throws DarkroomError('bad_model' | 'unsupported') for metadata that names another kind
 */
export async function readPrediction(
  weights: Weights,
  beside: Beside,
  fallback: (weights: Weights) => Promise<PredictionType> = async () => 'epsilon',
): Promise<Prediction> {
  const { tensors } = weights;
  const sigmas = await readSigmas(weights);
  const marked = tensors.has('v_pred') || sigmas !== undefined ? 'v_prediction' : undefined;
  const type = beside.predictionType ?? marked ?? fromMetadata(weights) ?? (await fallback(weights));
  return {
    type,
    zeroTerminalSnr: beside.zeroTerminalSnr ?? tensors.has('ztsnr'),
    ...(sigmas !== undefined && { sigmas }),
  };
}

/** CosXL's two markers. */
async function readSigmas({ tensors, label }: Weights): Promise<Prediction['sigmas']> {
  const [max, min] = ['edm_vpred.sigma_max', 'edm_vpred.sigma_min'].map((name) => tensors.get(name));
  if (max === undefined) return undefined;
  const [highest] = await readValues(max);
  const [lowest] = min === undefined ? [0.002] : await readValues(min);
  if (highest === undefined || lowest === undefined || !(lowest > 0 && lowest < highest && highest < 1e4)) {
    throw new DarkroomError(
      'bad_model',
      `${label}: edm_vpred says sigmas from ${lowest} to ${highest}; they must be above 0 and below 10000.`,
    );
  }
  return { min: lowest, max: highest };
}

/** Stability's ModelSpec (github.com/Stability-AI/ModelSpec): `epsilon` or `v`. */
function fromMetadata({ metadata, label }: Weights): PredictionType | undefined {
  const said = metadata.get('modelspec.prediction_type')?.trim().toLowerCase();
  if (said === undefined || said === '') return undefined;
  if (said === 'v' || said === 'v_prediction' || said === 'v-prediction') return 'v_prediction';
  if (said === 'epsilon' || said === 'eps') return 'epsilon';
  throw new DarkroomError(
    'unsupported',
    `${label}: its metadata says prediction_type ${JSON.stringify(said.slice(0, 40))}; this version of Darkroom knows epsilon and v_prediction.`,
  );
}

/** global_step of Stable Diffusion 2 base, which predicts the noise; the other public ones predict the velocity. */
const SD2_BASE_STEPS = 875_000;
/** ComfyUI (supported_models.py, SD20) tells them apart by the spread of one bias. */
const SD2_BIAS = 'output_blocks.11.1.transformer_blocks.0.norm1.bias';
const SD2_SPREAD = 0.09;

/** Stable Diffusion 2 in 512 pixels predicts the noise, in 768 the velocity; the shapes are the same. */
export async function predictionOfSd2(weights: Weights, prefix: string): Promise<PredictionType> {
  const steps = weights.numbers.get('global_step');
  if (steps !== undefined) return steps === SD2_BASE_STEPS ? 'epsilon' : 'v_prediction';
  const bias = weights.tensors.get(`${prefix}${SD2_BIAS}`);
  if (bias === undefined) return 'v_prediction';
  const values = await readValues(bias);
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  const spread = values.reduce((sum, value) => sum + (value - mean) ** 2, 0) / (values.length - 1);
  return Math.sqrt(spread) > SD2_SPREAD ? 'v_prediction' : 'epsilon';
}
