/** Opens a model folder in diffusers' layout. Only headers and JSON are read; the weights stay where they are. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { DarkroomError } from '../errors.ts';
import { readClipTextConfig } from '../graph/clip.ts';
import type { Component } from '../graph/component.ts';
import { readUnetConfig } from '../graph/unet.ts';
import { readVaeConfig } from '../graph/vae.ts';
import { LIMITS, type ModelDefaults, samplerOfClass } from '../request.ts';
import { type Card, readCard } from './card.ts';
import { ModelFiles } from './files.ts';
import type { ModelSpec } from './spec.ts';
import { readTokenizer } from './tokenizer-files.ts';

const PIPELINES = [
  'StableDiffusionPipeline',
  'StableDiffusionImg2ImgPipeline',
  'StableDiffusionInpaintPipeline',
];
const PARTS = {
  text_encoder: 'CLIPTextModel',
  tokenizer: 'CLIPTokenizer',
  unet: 'UNet2DConditionModel',
  vae: 'AutoencoderKL',
} as const;

/** diffusers' default where vae/config.json has none, as the hub's SD 1.5 has not. */
const DEFAULT_SCALING_FACTOR = 0.18215;

/**
 * @param path of a folder that holds model_index.json
 * @param name under which the catalogue knows it; the folder's own name where left out
 * @throws DarkroomError('not_found' | 'bad_model' | 'unsupported') with a sentence that names file and value
 */
export async function openModelFolder(path: string, name?: string): Promise<ModelSpec> {
  const files = await ModelFiles.at(path);
  await checkIndex(files);
  const [textEncoder, unet, vae] = await Promise.all([
    files.component('text_encoder', 'model'),
    files.component('unet', 'diffusion_pytorch_model'),
    files.component('vae', 'diffusion_pytorch_model'),
  ]);
  const textConfig = readClipTextConfig(textEncoder);
  const unetConfig = readUnetConfig(unet);
  const vaeConfig = readVaeConfig(vae);
  const { latentChannels } = vaeConfig;
  if (textConfig.hiddenSize !== unetConfig.crossAttentionDim) {
    throw new DarkroomError(
      'bad_model',
      `The text encoder's hidden_size (${textConfig.hiddenSize}) is not the UNet's cross_attention_dim (${unetConfig.crossAttentionDim}): the parts come from different models.`,
    );
  }
  if (latentChannels !== unetConfig.outChannels) {
    throw new DarkroomError(
      'bad_model',
      `The VAE has ${latentChannels} latent channels, the UNet ${unetConfig.outChannels}: the parts come from different models.`,
    );
  }
  const vaeScaleFactor = 2 ** (vaeConfig.blockOutChannels.length - 1);
  const schedulerConfig = await files.json('scheduler/scheduler_config.json');
  const card = await readCard(files, latentChannels);
  const tokenizer = await readTokenizer(files, 'tokenizer', textConfig.maxPositionEmbeddings);
  let hash: Promise<string> | undefined;
  return {
    name: name ?? basename(files.folder),
    folder: files.folder,
    family: 'sd',
    defaults: chooseDefaults(card, schedulerConfig, unet, vaeScaleFactor),
    latentChannels,
    unetInChannels: unetConfig.inChannels,
    vaeScaleFactor,
    scalingFactor: readScalingFactor(vae),
    schedulerConfig,
    tokenizer,
    components: { textEncoder, unet, vae },
    ...(card.latentRgb === undefined ? {} : { latentRgb: card.latentRgb }),
    gallery: card.gallery,
    words: card.words,
    modelHash() {
      hash ??= hashWeights(unet);
      return hash;
    },
  };
}

async function checkIndex(files: ModelFiles): Promise<void> {
  const label = basename(files.folder);
  if (!(await files.has('model_index.json'))) {
    const single = (await files.list('.')).find((file) => /\.(ckpt|pt|pth|bin|safetensors)$/.test(file));
    throw new DarkroomError(
      'bad_model',
      single === undefined
        ? `${label} holds no model_index.json; a model is a folder in diffusers' layout.`
        : `${label} holds ${single} but no model_index.json. Convert it to a diffusers folder with safetensors weights first.`,
    );
  }
  const index = await files.json('model_index.json');
  const pipeline = index['_class_name'];
  if (typeof pipeline !== 'string' || !PIPELINES.includes(pipeline)) {
    throw new DarkroomError(
      'unsupported',
      `${label}/model_index.json: _class_name is ${JSON.stringify(pipeline)}; this version of Darkroom supports ${PIPELINES.join(', ')}.`,
    );
  }
  for (const [part, known] of Object.entries(PARTS)) {
    const entry = index[part];
    const found = Array.isArray(entry) ? entry[1] : undefined;
    // A fast tokenizer is the same tokenizer in other words.
    if (found === known || found === `${known}Fast`) continue;
    throw new DarkroomError(
      'unsupported',
      `${label}/model_index.json: ${part} is ${JSON.stringify(entry ?? null)}; this version of Darkroom supports ${known}.`,
    );
  }
}

function chooseDefaults(
  card: Card,
  schedulerConfig: Readonly<Record<string, unknown>>,
  unet: Component,
  vaeScaleFactor: number,
): ModelDefaults {
  const size = unet.config['sample_size'] ?? 64;
  const [height, width] = Array.isArray(size) ? size : [size, size];
  const isSide = (side: unknown): side is number =>
    typeof side === 'number' && Number.isInteger(side) && side > 0;
  if (!isSide(height) || !isSide(width)) {
    throw new DarkroomError('bad_model', `${unet.configFile}: sample_size is ${JSON.stringify(size)}.`);
  }
  return {
    numInferenceSteps: 50,
    guidanceScale: 7.5,
    // PNDM (SD 1.x on the hub), LMS, Heun, UniPC and the others that are not carried out yet fall to DDIM, the
    // first-order rule that they refine, with the same spacing.
    sampler: samplerOfClass(schedulerConfig['_class_name']) ?? 'ddim',
    schedule: schedulerConfig['use_karras_sigmas'] === true ? 'karras' : 'normal',
    width: width * vaeScaleFactor,
    height: height * vaeScaleFactor,
    strength: 0.8,
    maxSize: LIMITS.size.max,
    ...card.defaults,
  };
}

/** Far beyond what any VAE has: outside it, the number is a mistake and the picture would be grey or noise. */
const SCALING_FACTOR = { min: 1e-4, max: 1e4 };

function readScalingFactor(vae: Component): number {
  const { scaling_factor: given, ...rest } = vae.config;
  const factor = given ?? DEFAULT_SCALING_FACTOR;
  if (typeof factor !== 'number' || !(factor >= SCALING_FACTOR.min && factor <= SCALING_FACTOR.max)) {
    throw new DarkroomError(
      'bad_model',
      `${vae.configFile}: scaling_factor is ${factor}; it must be a number from ${SCALING_FACTOR.min} to ${SCALING_FACTOR.max}.`,
    );
  }
  for (const key of ['shift_factor', 'latents_mean', 'latents_std']) {
    if ((rest[key] ?? null) !== null) {
      throw new DarkroomError(
        'unsupported',
        `${vae.configFile}: ${key} is ${JSON.stringify(rest[key])}; this version of Darkroom supports null.`,
      );
    }
  }
  return factor;
}

async function hashWeights(component: Component): Promise<string> {
  const hash = createHash('sha256');
  const files = new Set([...component.tensors.values()].map(({ file }) => file));
  for (const file of [...files].sort()) {
    for await (const chunk of createReadStream(file, { highWaterMark: 1 << 20 }))
      hash.update(chunk as Buffer);
  }
  return hash.digest('hex').slice(0, 10);
}
