/** What is known of a model before any of its weights is loaded. */
import type { Component } from '../graph/component.ts';
import type { ModelDefaults } from '../request.ts';

export interface ModelSpec {
  /** Catalogue name: the folder's own name. */
  readonly name: string;
  /** Real path of the folder. */
  readonly folder: string;
  /** 'sd': Stable Diffusion 1.x and 2.x (one CLIP text encoder, a UNet, an AutoencoderKL). */
  readonly family: 'sd';
  readonly defaults: ModelDefaults;
  readonly latentChannels: number;
  /** Channels of the UNet's input: latentChannels, or more for an inpainting UNet. */
  readonly unetInChannels: number;
  /** Pixels per latent on each side. */
  readonly vaeScaleFactor: number;
  /** Latents are the VAE's times this; finite and above 0. */
  readonly scalingFactor: number;
  /** scheduler_config.json as it stands; -Infinity and NaN, which diffusers writes, are read as numbers. */
  readonly schedulerConfig: Readonly<Record<string, unknown>>;
  readonly tokenizer: TokenizerFiles;
  /** textEncoder -> textEncoderGraph, unet -> unetGraph, vae -> vaeEncoderGraph and vaeDecoderGraph of src/graph. */
  readonly components: { readonly textEncoder: Component; readonly unet: Component; readonly vae: Component };
  /** A linear fit from latents (times scalingFactor) to RGB, for previews; absent where the folder has none. */
  readonly latentRgb?: LatentRgb;
  /** Requests that show the model at its best. */
  readonly gallery: readonly GalleryEntry[];
  /** Words that the model was trained on, where the folder lists them; empty for a general model. */
  readonly words: readonly string[];
  /** First 10 hex digits of the sha256 over the UNet's weight files, in the order of their names; computed once, on demand. */
  modelHash(): Promise<string>;
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

/** What the CLIP tokenizer is made of: createTokenizer (src/models/tokenizer.ts). */
export interface TokenizerFiles {
  readonly vocab: ReadonlyMap<string, number>;
  /** Best first. */
  readonly merges: readonly (readonly [string, string])[];
  /** Tokens found in a prompt as they stand, before any merging: the special ones and any the folder adds. */
  readonly added: readonly AddedToken[];
  readonly bosToken: string;
  readonly eosToken: string;
  readonly padToken: string;
  readonly unkToken: string;
  /** Ids of one prompt with BOS and EOS: 77. */
  readonly modelMaxLength: number;
}

export interface AddedToken {
  readonly content: string;
  readonly id: number;
  /** Looked for in the text after normalisation (lower case) rather than before. */
  readonly normalized: boolean;
}
