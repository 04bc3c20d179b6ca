/** What is known of a model before any of its weights is loaded. */
import type { Component } from '../graph/component.ts';
import type { ModelDefaults } from '../request.ts';
import type { T5TokenizerFiles } from './t5-tokenizer.ts';
import type { TokenizerFiles } from './tokenizer.ts';

/**
 * `sd`: Stable Diffusion 1.x and 2.x, latent consistency models of them; `sdxl`: SDXL, Turbo, Lightning; `sd3`:
 * Stable Diffusion 3 and 3.5.
 */
export type Family = 'sd' | 'sdxl' | 'sd3';

export type TextEncoderPart =
  | { readonly kind: 'clip'; readonly component: Component; readonly tokenizer: TokenizerFiles }
  | { readonly kind: 't5'; readonly component: Component; readonly tokenizer: T5TokenizerFiles };

export interface ModelSpec {
  /** Catalogue name: the folder's own name. */
  readonly name: string;
  /** Real path of the folder. */
  readonly folder: string;
  readonly family: Family;
  readonly defaults: ModelDefaults;
  /** text_encoder, text_encoder_2, text_encoder_3; SD3's third may be absent. */
  readonly textEncoders: readonly TextEncoderPart[];
  /** unet -> unetGraph, transformer -> sd3TransformerGraph of src/graph. */
  readonly denoiser: { readonly kind: 'unet' | 'transformer'; readonly component: Component };
  /** vae -> vaeEncoderGraph and vaeDecoderGraph of src/graph. */
  readonly vae: Component;
  readonly latentChannels: number;
  /** Channels of the denoiser's input: latentChannels, or more for an inpainting UNet. */
  readonly inChannels: number;
  /** Pixels per latent on each side. */
  readonly vaeScaleFactor: number;
  /** What the sides of a picture must be multiples of: vaeScaleFactor, times the patches of a transformer. */
  readonly sizeMultiple: number;
  /** Latents are (the VAE's - shiftFactor) times this; finite and above 0. */
  readonly scalingFactor: number;
  /** 0 where the VAE has none. */
  readonly shiftFactor: number;
  /** SDXL: a negative prompt that is left out is zeros rather than the encoded empty prompt. */
  readonly forceZerosForEmptyPrompt: boolean;
  /** Of a LatentConsistencyModelPipeline: it is never drawn against a negative prompt. */
  readonly isLatentConsistency: boolean;
  /** Channels in which a guidance-distilled UNet is told its guidance. */
  readonly timeCondProjDim?: number;
  /** Width of SD3's context: the T5's, to which CLIP's states are padded. */
  readonly jointAttentionDim?: number;
  /** scheduler_config.json as it stands; -Infinity and NaN, which diffusers writes, are read as numbers. */
  readonly schedulerConfig: Readonly<Record<string, unknown>>;
  /** ControlNet folders that the model brings along as controlnets/KIND, by kind. */
  readonly controlnets: ReadonlyMap<string, string>;
  /** A linear fit from latents (times scalingFactor) to RGB, for previews; absent where the folder has none. */
  readonly latentRgb?: LatentRgb;
  /** Requests that show the model at its best. */
  readonly gallery: readonly GalleryEntry[];
  /** What the model draws, in the words for it, where the folder lists them; empty for a general model. */
  readonly words: readonly string[];
  /** Every word that it was taught, in lower case, where the folder lists them; empty for a general model. */
  readonly vocabulary: readonly string[];
  /** SPDX name of the weights' licence, or words; absent where the folder states none. */
  readonly licence?: string;
  /** Whether the licence allows commercial use, where the folder says. */
  readonly commercialUse?: boolean;
  /** First 10 hex digits of the sha256 over the denoiser's weight files, in the order of their names; computed once, on demand. */
  modelHash(): Promise<string>;
}

/** The first text encoder's; every family has a CLIP there. */
export function clipTokenizerOf({
  textEncoders,
  name,
}: Pick<ModelSpec, 'textEncoders' | 'name'>): TokenizerFiles {
  const [first] = textEncoders;
  if (first?.kind !== 'clip') throw new Error(`${name} has no CLIP text encoder`);
  return first.tokenizer;
}

export interface LatentRgb {
  /** [latentChannels][3]: rgb in -1..1 = latents x factors + bias. */
  readonly factors: readonly (readonly [number, number, number])[];
  readonly bias: readonly [number, number, number];
}

export interface GalleryEntry {
  readonly prompt: string;
  readonly seed?: number;
}
