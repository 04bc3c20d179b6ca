/** What a family says of its single files: how they are recognised, and how they are read as a folder's parts. */
import type { Component } from '../../graph/component.ts';
import type { ModelIndex } from '../parts.ts';
import type { Weights } from '../weights.ts';
import type { Beside, FamilyWord } from './beside.ts';
import type { SchedulerConfig } from './schedulers.ts';
import type { Tensors } from './tensors.ts';
import { lackingText, requireWhole } from './whole.ts';

export interface CheckpointLayout {
  /** Which of the words of NAME.json that only some families know it reads. */
  readonly words: readonly FamilyWord[];
  /** From names and shapes; undefined where the file is of another family. */
  recognise(weights: Weights): CheckpointTraits | undefined;
  /** What the denoiser predicts: from markers, metadata, and what lies beside the file. */
  prediction(weights: Weights, beside: Beside): Promise<'epsilon' | 'v_prediction' | 'flow'>;
  /** @throws DarkroomError('bad_model' | 'unsupported') naming file, tensor and value */
  read(weights: Weights, beside: Beside): Promise<CheckpointParts>;
}

export interface CheckpointTraits {
  /** Which of the family's models: `Stable Diffusion 2`. LoRAs and ControlNets of another one do not fit. */
  readonly base: string;
  /** What sets it apart from an ordinary one: `inpainting`. */
  readonly variant?: string;
  /** Why this version does not run it, as a sentence; absent where it does. */
  readonly refusal?: string;
  readonly hasVae: boolean;
  readonly hasTextEncoders: boolean;
}

/** The parts of a folder in diffusers' layout. */
export interface CheckpointParts {
  readonly index: ModelIndex;
  readonly scheduler: SchedulerConfig;
  /** By the name of their folder. */
  readonly components: ReadonlyMap<string, Component>;
  /** Padding of the CLIP tokenizers, by the name of their folder. */
  readonly tokenizers: ReadonlyMap<string, ClipPadding>;
  /** Parts that the file does not hold. */
  readonly missing: readonly MissingPart[];
}

/** OpenAI's encoders are padded with the end of the text, open_clip's with id 0. */
export type ClipPadding = '<|endoftext|>' | '!';

export interface MissingPart {
  /** The name of its folder. */
  readonly part: string;
  /** As a sentence names it: `the text encoder CLIP-L`. */
  readonly what: string;
  /** The address of a file that holds it; absent where models of the family bring it. */
  readonly source?: string;
  /** A VAE of its own is taken though nobody names it, where it is the only one of this size. */
  readonly isTakenUnnamed?: true;
  /** From a file that holds nothing else; undefined where that is another part, or one of another size. */
  read(tensors: Tensors): Pick<Component, 'tensors' | 'config'> | undefined;
}

/**
 * A part as a sentence names it where its config would be named: "unet of dreams.safetensors".
 * @throws DarkroomError('bad_model') for a text encoder that is not whole
 */
export function partOf(
  weights: Weights,
  part: string,
  { tensors, config }: Pick<Component, 'tensors' | 'config'>,
): Component {
  requireWhole(weights.label, part.replaceAll('_', ' '), lackingText(tensors));
  return { configFile: `${part} of ${weights.label}`, config, tensors };
}
