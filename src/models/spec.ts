/** What is known of a model before any of its weights is loaded. */
import type { Component, Graph } from '../graph/component.ts';
import type { Target } from '../graph/target.ts';
import type { FewSteps, ModelDefaults } from '../request.ts';
import type { FamilyModel, LatentScales } from './families/family.ts';
import type { TextEncoderName } from './families/text-encoders.ts';
import type { SafetyPart } from './safety.ts';
import type { TokenizerFiles } from './tokenizer.ts';

/** A part of a model that runs as a graph of its own. */
export type ComponentName =
  | TextEncoderName
  | 'denoiser'
  | 'vaeEncoder'
  | 'vaeDecoder'
  | 'upscaler'
  | TiledPart;

/** The halves of the VAE's parts for pictures that are run in tiles. */
type TiledPart = 'vaeEncoderFirst' | 'vaeEncoderLast' | 'vaeDecoderFirst' | 'vaeDecoderLast';

export interface ModelSpec extends Omit<FamilyModel, 'latentScales'> {
  /** Catalogue name: the folder's own name. */
  readonly name: string;
  /** Real path of the folder. */
  readonly folder: string;
  /** Name of its family, for people: whatever depends on it is in FamilyModel. */
  readonly family: string;
  readonly defaults: ModelDefaults;
  /** How it was distilled to draw in a few steps, where something says so. */
  readonly fewSteps?: FewSteps;
  readonly vae: Component;
  /** Enlarges finished pictures; absent where the folder has none. */
  readonly upscaler?: Component;
  /** Looks at finished pictures where an admin wants it; absent where the folder has none. */
  readonly safetyChecker?: SafetyPart;
  /** Of the VAE. The sampler's latents can have others (latentShape). */
  readonly latentChannels: number;
  /** Pixels per latent on each side. */
  readonly vaeScaleFactor: number;
  /** What the sides of a picture must be multiples of: vaeScaleFactor, times the patches of a transformer. */
  readonly sizeMultiple: number;
  /** Of pictures on their way into latents and back. @param isMasked whether the request has a mask */
  latentScales(isMasked: boolean): LatentScales;
  /** scheduler_config.json, with the class that model_index.json names; -Infinity and NaN, which diffusers writes, are read as numbers. */
  readonly schedulerConfig: Readonly<Record<string, unknown>>;
  /** The model's own ControlNet folders, controlnets/KIND, by kind. */
  readonly controlnets: ReadonlyMap<string, string>;
  /** A linear fit from latents (the sampler's) to RGB, for previews; absent where the folder has none. */
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
  /** @throws DarkroomError('bad_model' | 'unsupported') where the weights and the config of the part disagree */
  graph(part: ComponentName, target: Target): Graph;
  /** Parts that are not the model's own, by part: what its file lacks, and another VAE; absent where all are. */
  readonly lent?: ReadonlyMap<string, LentPart>;
  /** What stands beside its file without effect on it, a sentence each, for the operator; absent where all has some. */
  readonly idle?: readonly string[];
  /** Whether the files of the folder are still those that this was read from. */
  isCurrent(): Promise<boolean>;
  /** First 10 hex digits of the sha256 over the denoiser's weight files, in the order of their names; computed once, on demand. @throws FilesChanged where they are gone or others by now */
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

/** A part of a model that lies in a file of the inventory other than the model's own. */
export interface LentPart {
  readonly name: string;
  readonly path: string;
  readonly component: Component;
}

export interface LatentRgb {
  /** [channels of the sampler's latents][3]: rgb in -1..1 = latents x factors + bias. */
  readonly factors: readonly (readonly [number, number, number])[];
  readonly bias: readonly [number, number, number];
}

export interface GalleryEntry {
  readonly prompt: string;
  readonly seed?: number;
}
