/** Which family a folder's model_index.json belongs to, and which parts that family is made of. */
import { basename } from 'node:path';
import { DarkroomError } from '../errors.ts';
import type { ModelFiles } from './files.ts';
import type { Family } from './spec.ts';

/** Pipelines of diffusers by the beginning of their names; what follows (Img2Img, Inpaint, ...) is the request's to say. */
const FAMILY_OF_PIPELINE: readonly (readonly [RegExp, Family])[] = [
  [/^StableDiffusion3(Img2Img|Inpaint|ControlNet|ControlNetInpainting)?Pipeline$/, 'sd3'],
  [/^StableDiffusionXL(Img2Img|Inpaint|ControlNet|ControlNetImg2Img|ControlNetInpaint)?Pipeline$/, 'sdxl'],
  [/^StableDiffusion(Img2Img|Inpaint|ControlNet|ControlNetImg2Img|ControlNetInpaint)?Pipeline$/, 'sd'],
  [/^LatentConsistencyModel(Img2Img)?Pipeline$/, 'sd'],
];

/** Classes of each part; `null` where the part may be absent. */
const PARTS: Readonly<Record<Family, Readonly<Record<string, readonly (string | null)[]>>>> = {
  sd: {
    text_encoder: ['CLIPTextModel'],
    tokenizer: ['CLIPTokenizer'],
    unet: ['UNet2DConditionModel'],
    vae: ['AutoencoderKL'],
  },
  sdxl: {
    text_encoder: ['CLIPTextModel'],
    tokenizer: ['CLIPTokenizer'],
    text_encoder_2: ['CLIPTextModelWithProjection'],
    tokenizer_2: ['CLIPTokenizer'],
    unet: ['UNet2DConditionModel'],
    vae: ['AutoencoderKL'],
  },
  sd3: {
    text_encoder: ['CLIPTextModelWithProjection'],
    tokenizer: ['CLIPTokenizer'],
    text_encoder_2: ['CLIPTextModelWithProjection'],
    tokenizer_2: ['CLIPTokenizer'],
    text_encoder_3: ['T5EncoderModel', null],
    tokenizer_3: ['T5Tokenizer', null],
    transformer: ['SD3Transformer2DModel'],
    vae: ['AutoencoderKL'],
  },
};

export interface ModelIndex {
  readonly family: Family;
  /** Whether text_encoder_3 is there; only SD3 has one. */
  readonly hasT5: boolean;
  readonly forceZerosForEmptyPrompt: boolean;
  /** LatentConsistencyModelPipeline: its own defaults of steps and guidance. */
  readonly isLatentConsistency: boolean;
}

/** @throws DarkroomError('bad_model' | 'unsupported') that names file, part and class */
export async function readModelIndex(files: ModelFiles): Promise<ModelIndex> {
  const label = basename(files.folder);
  if (!(await files.has('model_index.json'))) throw await noIndex(files, label);
  const index = await files.json('model_index.json');
  const pipeline = String(index['_class_name']);
  const family = FAMILY_OF_PIPELINE.find(([name]) => name.test(pipeline))?.[1];
  if (family === undefined) {
    throw new DarkroomError(
      'unsupported',
      `${label}/model_index.json: _class_name is ${JSON.stringify(index['_class_name'])}; this version of Darkroom runs Stable Diffusion 1, 2, XL, 3 and LatentConsistencyModel pipelines.`,
    );
  }
  for (const [part, classes] of Object.entries(PARTS[family])) checkPart(label, index, part, classes);
  const optional = (key: string) => ![undefined, null, false].includes(index[key] as never);
  if (optional('requires_aesthetics_score')) {
    throw new DarkroomError(
      'unsupported',
      `${label}/model_index.json: requires_aesthetics_score is set, as SDXL's refiner has it; this version of Darkroom does not run refiners.`,
    );
  }
  return {
    family,
    hasT5: family === 'sd3' && classOf(index, 'text_encoder_3') !== null,
    // diffusers' own default where the index does not say.
    forceZerosForEmptyPrompt: family === 'sdxl' && (index['force_zeros_for_empty_prompt'] ?? true) === true,
    isLatentConsistency: pipeline.startsWith('LatentConsistencyModel'),
  };
}

/** The class that model_index.json gives a part; null where it names none. */
function classOf(index: Readonly<Record<string, unknown>>, part: string): unknown {
  const entry = index[part];
  return Array.isArray(entry) ? (entry[1] ?? null) : null;
}

function checkPart(
  label: string,
  index: Readonly<Record<string, unknown>>,
  part: string,
  classes: readonly (string | null)[],
) {
  const found = classOf(index, part);
  // A fast tokenizer is the same tokenizer in other words.
  if (classes.some((known) => found === known || (known !== null && found === `${known}Fast`))) return;
  throw new DarkroomError(
    'unsupported',
    `${label}/model_index.json: ${part} is ${JSON.stringify(index[part] ?? null)}; this version of Darkroom supports ${classes[0]}.`,
  );
}

async function noIndex(files: ModelFiles, label: string): Promise<DarkroomError> {
  const single = (await files.list('.')).find((file) => /\.(ckpt|pt|pth|bin|safetensors)$/.test(file));
  return new DarkroomError(
    'bad_model',
    single === undefined
      ? `${label} holds no model_index.json; a model is a folder in diffusers' layout.`
      : `${label} holds ${single} but no model_index.json. Convert it to a diffusers folder with safetensors weights first.`,
  );
}
