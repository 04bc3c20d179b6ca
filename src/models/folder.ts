/** Opens a model folder in diffusers' layout. Only headers and JSON are read; the weights stay where they are. */
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { DarkroomError } from '../errors.ts';
import { readClipTextConfig } from '../graph/clip.ts';
import type { Component } from '../graph/component.ts';
import { readSd3TransformerConfig } from '../graph/mmdit.ts';
import { readT5Config } from '../graph/t5.ts';
import { readUnetConfig } from '../graph/unet.ts';
import { readVaeConfig, type VaeConfig } from '../graph/vae.ts';
import { type Card, readCard } from './card.ts';
import { modelControlnets } from './controlnet.ts';
import { chooseDefaults } from './defaults.ts';
import { type ModelIndex, readModelIndex } from './family.ts';
import { ModelFiles } from './files.ts';
import type { ModelSpec, TextEncoderPart } from './spec.ts';
import { readT5Tokenizer } from './t5-tokenizer-files.ts';
import { readTokenizer } from './tokenizer-files.ts';

/** diffusers' default where vae/config.json has none, as the hub's SD 1.5 has not. */
const DEFAULT_SCALING_FACTOR = 0.18215;
/** Far beyond what any VAE has: outside it, the number is a mistake and the picture would be grey or noise. */
const SCALING_FACTOR = { min: 1e-4, max: 1e4 };
const SHIFT_FACTOR = { min: -1e2, max: 1e2 };

/**
 * @param path of a folder that holds model_index.json
 * @param name under which the catalogue knows it; the folder's own name where left out
 * @throws DarkroomError('not_found' | 'bad_model' | 'unsupported') with a sentence that names file and value
 */
export async function openModelFolder(path: string, name?: string): Promise<ModelSpec> {
  const files = await ModelFiles.at(path);
  const index = await readModelIndex(files);
  const textEncoders = await readTextEncoders(files, index);
  const vae = await files.component('vae', 'diffusion_pytorch_model');
  const vaeConfig = readVaeConfig(vae);
  const denoiser = index.family === 'sd3' ? await readTransformer(files) : await readUnet(files, index);
  checkSameModel(textEncoders, vaeConfig, denoiser);
  const vaeScaleFactor = 2 ** (vaeConfig.blockOutChannels.length - 1);
  const schedulerConfig = await files.json('scheduler/scheduler_config.json');
  const card: Card = await readCard(files, vaeConfig.latentChannels);
  const { kind, component, inChannels, patchSize, timeCondProjDim, jointAttentionDim, maxSide } = denoiser;
  const sizeMultiple = vaeScaleFactor * patchSize;
  let hash: Promise<string> | undefined;
  return {
    name: name ?? basename(files.folder),
    folder: files.folder,
    family: index.family,
    defaults: chooseDefaults(card, {
      index,
      schedulerConfig,
      denoiser: component,
      vaeScaleFactor,
      sizeMultiple,
      maxSide,
    }),
    textEncoders,
    denoiser: { kind, component },
    vae,
    latentChannels: vaeConfig.latentChannels,
    inChannels,
    vaeScaleFactor,
    sizeMultiple,
    scalingFactor: readFactor(vae, 'scaling_factor', DEFAULT_SCALING_FACTOR, SCALING_FACTOR),
    shiftFactor: readFactor(vae, 'shift_factor', 0, SHIFT_FACTOR),
    forceZerosForEmptyPrompt: index.forceZerosForEmptyPrompt,
    isLatentConsistency: index.isLatentConsistency,
    ...(timeCondProjDim !== undefined && { timeCondProjDim }),
    ...(jointAttentionDim !== undefined && { jointAttentionDim }),
    schedulerConfig,
    controlnets: await modelControlnets(files),
    ...(card.latentRgb === undefined ? {} : { latentRgb: card.latentRgb }),
    gallery: card.gallery,
    words: card.words,
    vocabulary: card.vocabulary,
    ...(card.licence === undefined ? {} : { licence: card.licence }),
    ...(card.commercialUse === undefined ? {} : { commercialUse: card.commercialUse }),
    modelHash() {
      hash ??= hashWeights(component);
      return hash;
    },
  };
}

async function readTextEncoders(
  files: ModelFiles,
  { family, hasT5 }: ModelIndex,
): Promise<TextEncoderPart[]> {
  const clips = family === 'sd' ? [''] : ['', '_2'];
  const parts: TextEncoderPart[] = await Promise.all(
    clips.map(async (suffix) => {
      const component = await files.component(`text_encoder${suffix}`, 'model');
      const { maxPositionEmbeddings } = readClipTextConfig(component);
      const tokenizer = await readTokenizer(files, `tokenizer${suffix}`, maxPositionEmbeddings);
      return { kind: 'clip' as const, component, tokenizer };
    }),
  );
  if (hasT5) {
    const component = await files.component('text_encoder_3', 'model');
    parts.push({ kind: 't5', component, tokenizer: await readT5Tokenizer(files, 'tokenizer_3') });
  }
  return parts;
}

interface Denoiser {
  readonly kind: 'unet' | 'transformer';
  readonly component: Component;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly patchSize: number;
  /** Width of the context, and of the pooled text where it takes one. */
  readonly contextDim: number;
  readonly pooledDim?: number;
  readonly timeCondProjDim?: number;
  readonly jointAttentionDim?: number;
  /** Largest side in latents: a transformer's table of positions ends there. */
  readonly maxSide?: number;
}

async function readUnet(files: ModelFiles, { family }: ModelIndex): Promise<Denoiser> {
  const component = await files.component('unet', 'diffusion_pytorch_model');
  const config = readUnetConfig(component);
  const isXl = config.addition !== undefined;
  if (isXl !== (family === 'sdxl')) {
    throw new DarkroomError(
      'bad_model',
      `${component.configFile}: addition_embed_type is ${isXl ? '"text_time"' : 'null'}, which does not belong to this pipeline: the parts come from different models.`,
    );
  }
  const { inChannels, outChannels, crossAttentionDim: contextDim, timeCondProjDim, addition } = config;
  return {
    kind: 'unet',
    component,
    inChannels,
    outChannels,
    patchSize: 1,
    contextDim,
    ...(addition !== undefined && { pooledDim: addition.textDim }),
    ...(timeCondProjDim !== undefined && { timeCondProjDim }),
  };
}

async function readTransformer(files: ModelFiles): Promise<Denoiser> {
  const component = await files.component('transformer', 'diffusion_pytorch_model');
  const config = readSd3TransformerConfig(component);
  const { inChannels, outChannels, patchSize, jointAttentionDim, pooledProjectionDim } = config;
  return {
    kind: 'transformer',
    component,
    inChannels,
    outChannels,
    patchSize,
    contextDim: jointAttentionDim,
    pooledDim: pooledProjectionDim,
    jointAttentionDim,
    maxSide: config.posEmbedMaxSize * patchSize,
  };
}

/** @throws DarkroomError('bad_model') where the parts' widths show that they were not trained together */
function checkSameModel(textEncoders: readonly TextEncoderPart[], vae: VaeConfig, denoiser: Denoiser): void {
  const refuse = (words: string) =>
    new DarkroomError('bad_model', `${words}: the parts come from different models.`);
  const denoiserName = denoiser.kind === 'unet' ? 'UNet' : 'transformer';
  if (vae.latentChannels !== denoiser.outChannels) {
    throw refuse(
      `The VAE has ${vae.latentChannels} latent channels, the ${denoiserName} ${denoiser.outChannels}`,
    );
  }
  const clips = textEncoders
    .filter(({ kind }) => kind === 'clip')
    .map(({ component }) => readClipTextConfig(component));
  const width = clips.reduce((sum, { hiddenSize }) => sum + hiddenSize, 0);
  if (denoiser.kind === 'unet') {
    if (width !== denoiser.contextDim) {
      const whose =
        clips.length === 1 ? "The text encoder's hidden_size" : "The text encoders' hidden sizes, together";
      throw refuse(`${whose} (${width}) is not the UNet's cross_attention_dim (${denoiser.contextDim})`);
    }
  } else if (width > denoiser.contextDim) {
    throw refuse(
      `The CLIP encoders' states (${width}) are wider than joint_attention_dim (${denoiser.contextDim})`,
    );
  }
  const t5 = textEncoders.find(({ kind }) => kind === 't5');
  if (t5 !== undefined && readT5Config(t5.component).dModel !== denoiser.contextDim) {
    throw refuse(
      `The T5's d_model (${readT5Config(t5.component).dModel}) is not joint_attention_dim (${denoiser.contextDim})`,
    );
  }
  if (denoiser.pooledDim === undefined) return;
  const pooled = clips
    .filter(({ withProjection }) => withProjection)
    .reduce((sum, { projectionDim }) => sum + projectionDim, 0);
  if (pooled !== denoiser.pooledDim) {
    throw refuse(
      `The text encoders' projections (${pooled}) are not what the ${denoiserName} takes (${denoiser.pooledDim})`,
    );
  }
}

function readFactor(
  vae: Component,
  key: string,
  fallback: number,
  range: { readonly min: number; readonly max: number },
): number {
  const factor = vae.config[key] ?? fallback;
  for (const unread of ['latents_mean', 'latents_std']) {
    if ((vae.config[unread] ?? null) === null) continue;
    throw new DarkroomError(
      'unsupported',
      `${vae.configFile}: ${unread} is ${JSON.stringify(vae.config[unread])}; this version of Darkroom supports null.`,
    );
  }
  if (typeof factor === 'number' && factor >= range.min && factor <= range.max) return factor;
  throw new DarkroomError(
    'bad_model',
    `${vae.configFile}: ${key} is ${factor}; it must be a number from ${range.min} to ${range.max}.`,
  );
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
