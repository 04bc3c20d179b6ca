/** What a family of models must define. Each family has a file in this folder; index.ts lists them. */
import type { PipelineHabits } from '../../diffusion/pipeline-habits.ts';
import type { Component, Graph } from '../../graph/component.ts';
import type { Target } from '../../graph/target.ts';
import type { GenerationRequest, ModelDefaults } from '../../request.ts';
import type { Feeds, Tensor } from '../../tensor.ts';
import type { CheckpointLayout } from '../checkpoint/layout.ts';
import type { LatentScale } from '../latent-scale.ts';
import type { ModelIndex } from '../parts.ts';
import type { ModelSource } from '../source.ts';
import type { TextEncoderPart } from './text-encoders.ts';

export interface Family {
  /** As `darkroom models show` prints it. */
  readonly name: string;
  /** As a sentence names it. */
  readonly title: string;
  /** The pipelines of diffusers, as model_index.json names them. The request says whether one starts from a picture. */
  readonly pipelines: RegExp;
  /** The classes that each part of the folder can have; null where the part can be absent. */
  readonly parts: Readonly<Record<string, readonly (string | null)[]>>;
  /** Of its pipeline's __call__ in diffusers 0.42. */
  readonly defaults: PipelineDefaults;
  /**
   * Reads every part but the VAE and the scheduler.
   * @param index model_index.json, whose parts are checked
   * @throws DarkroomError('bad_model' | 'unsupported') naming file, key and value
   */
  open(files: ModelSource, index: ModelIndex): Promise<FamilyModel>;
  /** Its single files; absent where it has none, or another family reads them. */
  readonly checkpoint?: CheckpointLayout;
}

export type PipelineDefaults = Pick<ModelDefaults, 'numInferenceSteps' | 'guidanceScale' | 'strength'> & {
  readonly inpaintStrength: number;
  /** Side in latents where the denoiser's config.json names none. */
  readonly sampleSize: number;
};

/** A model as its family runs it. */
export interface FamilyModel {
  /** Which of the fields that only some families have it reads. */
  readonly reads: readonly FamilyField[];
  /** Of this model, where they are other ones than its family's. */
  readonly defaults?: Partial<PipelineDefaults>;
  /** In the order of the prompts that they read. */
  readonly textEncoders: readonly TextEncoderPart[];
  readonly denoiser: Denoiser;
  /** A negative prompt that is left out is zeros rather than the encoded empty prompt. */
  readonly zeroNegative: boolean;
  /** What its pipelines read of the VAE's numbers; some leave a part of them out, and the same picture needs the same omission. */
  latentScales(vae: LatentScale, isMasked: boolean): LatentScales;
  /** [1, C, h, w] of the latents that the sampler works on. */
  latentShape(size: Size, vae: LatentGrid): readonly number[];
  /** Encodes one prompt, the positive or the negative one. */
  encodePrompt(side: PromptSide): Promise<EncodedPrompt>;
  /** Its pipeline blends along the edge of a mask, which it samples between pixels; others take whole latents. */
  readonly blendsMask?: true;
  /** Whether a request is drawn against its negative prompt: both halves of guidance then run in one batch. */
  isGuided(guidanceScale: number): boolean;
  /**
   * Its prompt can be an instruction about the pictures that come with it, such as `make it blue`: it sees them as
   * references beside what it draws (PassConditions), and does not start from them.
   */
  readonly editsByInstruction?: boolean;
  /** Added to the guidance scale, where its pipelines call 0 what others call 1: no guidance. */
  readonly guidanceOffset?: number;
  /** Both halves of guidance are calls of their own, since what they are conditioned on has another shape or is long. */
  readonly guidesApart?: true;
  /** What its pipeline does to the scheduler. */
  habits(request: Pick<GenerationRequest, 'maskImage' | 'outpaint' | 'controls'>): PipelineHabits;
}

export type FamilyField =
  | 'originalSize'
  | 'cropsCoordsTopLeft'
  | 'targetSize'
  | 'maxSequenceLength'
  | 'guidanceScale';

export interface Size {
  readonly width: number;
  readonly height: number;
}

export interface LatentScales {
  readonly encode: LatentScale;
  readonly decode: LatentScale;
  /** A picture's latents are the mean of what the encoder sees in it; elsewhere they are drawn from it. */
  readonly takesMean?: true;
}

interface LatentGrid {
  readonly channels: number;
  /** Pixels for each latent, on each side. */
  readonly scaleFactor: number;
}

export interface Denoiser {
  readonly component: Component;
  /** As a sentence names it. */
  readonly label: 'UNet' | 'transformer';
  /** Which of the family's models it is, as CheckpointTraits.base; absent where the family has one. */
  readonly base?: string;
  /** Channels of its input: those of the latents, or more for inpainting. */
  readonly inChannels: number;
  /** Channels of its output, which are the latents'. */
  readonly outChannels: number;
  /** Rows and columns of the VAE's latents that it reads as one token; the sides of a picture are multiples of them. */
  readonly patchSize: number;
  /** Largest side in latents, where it has one. */
  readonly maxSide?: number;
  /** Names of the graph's input for the latents and of its output. */
  readonly names: { readonly sample: string; readonly output: string };
  /**
   * @param controlNets built into the same graph; only where the model takes any
   * @param component its own with other weights, as a LoRA changes them; the model's where left out
   */
  graph(controlNets: readonly Component[], target: Target, component?: Component): Graph;
  /** Whether it keeps its quality where its layers compute in 8 bits. */
  readonly takesInt8?: true;
  /** What a module is called in LoRAs beside its own name: by the network's authors and by those who trained for it. */
  originalNames(module: string): readonly OriginalName[];
  /**
   * Families of which a LoRA can have only layers that this one has too, of the same names and sizes. What the file says
   * of itself (lora/origin.ts) then decides.
   */
  readonly loraKin?: readonly string[];
  /** The inputs that stay the same over all calls of a pass; the latents and the timestep come on top. */
  conditioning(pass: PassConditions): Feeds;
  /** Absent where the family takes no ControlNets. */
  readonly controlNets?: ControlNetReader;
}

export interface OriginalName {
  readonly name: string;
  /** The original module holds several in its rows, `of` equal parts: these are the `count` (1) parts from `index` on. */
  readonly rows?: { readonly index: number; readonly of: number; readonly count?: number };
  /** The two halves of its rows come in the other order. */
  readonly halvesSwapped?: boolean;
}

export interface PassConditions {
  readonly request: GenerationRequest;
  /** Of this pass, in pixels. */
  readonly size: Size;
  /** [1, C, h, w] of its latents. */
  readonly dims: readonly number[];
  /** With guidance of batch 2, the negative half first; one half where the family guides apart. */
  readonly prompt: EncodedPrompt;
  /** Pictures beside the drawing, each [1, C, h, w] in the sampler's scale; only of a model that edits by instruction. */
  readonly references: readonly Tensor[];
}

export interface ControlNetReader {
  /** As far as names tell: those of `CheckpointTraits.base`. Opening one says for certain. */
  fits(base: string | undefined): boolean;
  /** A ControlNet that came as a single file, with what it shares with the denoiser. */
  complete(component: Component): Component;
  /** @throws DarkroomError where the ControlNet cannot be used with this model */
  read(component: Component): ControlNetTraits;
}

export interface ControlNetTraits {
  /** What it adds to the denoiser: one residual for each skip connection, and one for the middle. */
  readonly residuals: number;
  /** global_pool_conditions of its config.json. */
  readonly pools: boolean;
}

/** One prompt, positive or negative, before the text encoders of the model. The engine runs them. */
export interface PromptSide {
  /** @returns the states of all chunks of one CLIP encoder, and the summary of the first where it has one */
  clip(encoder: number): Promise<EncodedText>;
  /** @returns [1, S, D] of a Qwen: the states of several layers side by side */
  qwen(encoder: number): Promise<Tensor>;
  /** @returns [1, S, D] of a T5 */
  t5(encoder: number): Promise<Tensor>;
  /** Of the request. */
  readonly maxSequenceLength: number | undefined;
}

export interface EncodedText {
  /** [1, S, D] */
  readonly states: Tensor;
  /** [1, P], of encoders with a projection. */
  readonly pooled?: Tensor;
}

/** Of one side of guidance [1, ...], or of both [2, ...]. */
export interface EncodedPrompt {
  /** [B, S, D]: what the denoiser attends to. */
  readonly context: Tensor;
  /** [B, P]: a summary of the prompt, for models that take one. */
  readonly pooled?: Tensor;
}

/** Latents as an AutoencoderKL makes them. */
export const imageLatents: FamilyModel['latentShape'] = ({ width, height }, { channels, scaleFactor }) => [
  1,
  channels,
  height / scaleFactor,
  width / scaleFactor,
];
