/** The text encoders that several families share, as parts of a folder. */
import { DarkroomError } from '../../errors.ts';
import { readClipTextConfig, textEncoderGraph } from '../../graph/clip.ts';
import type { Component, Graph } from '../../graph/component.ts';
import { qwen3Graph, readQwen3Config } from '../../graph/qwen3.ts';
import { t5EncoderGraph } from '../../graph/t5.ts';
import type { Target } from '../../graph/target.ts';
import { isRecord } from '../../json.ts';
import type { Feeds } from '../../tensor.ts';
import { classOf, type ModelIndex } from '../parts.ts';
import type { QwenTokenizerFiles } from '../qwen-tokenizer.ts';
import { readQwenTokenizer } from '../qwen-tokenizer-files.ts';
import type { ModelSource } from '../source.ts';
import type { T5TokenizerFiles } from '../t5-tokenizer.ts';
import { readT5Tokenizer } from '../t5-tokenizer-files.ts';
import type { TokenizerFiles } from '../tokenizer.ts';
import { readTokenizer } from '../tokenizer-files.ts';
import { rotaryTables } from './rotary.ts';

/** The three that diffusers' folders can have: text_encoder, text_encoder_2, text_encoder_3. */
export type TextEncoderName = 'textEncoder' | 'textEncoder2' | 'textEncoder3';

export type TextEncoderPart = ClipPart | T5Part | QwenPart;

export interface ClipPart extends Part {
  readonly kind: 'clip';
  readonly tokenizer: TokenizerFiles;
  readonly rules: ClipRules;
  readonly hiddenSize: number;
  readonly hiddenLayers: number;
  /** Width of the pooled text; undefined where it has no projection. */
  readonly projectionDim: number | undefined;
}

export interface T5Part extends Part {
  readonly kind: 't5';
  readonly tokenizer: T5TokenizerFiles;
  /** Tokens that it reads where the request says nothing. */
  readonly length: number;
}

export interface QwenPart extends Part {
  readonly kind: 'qwen';
  readonly tokenizer: QwenTokenizerFiles;
  readonly rules: QwenRules;
  readonly hiddenSize: number;
  /** The inputs that place so many tokens. */
  positions(length: number): Feeds;
}

/** What a family takes from its Qwen. */
export interface QwenRules {
  /** Tokens that it reads where the request says nothing. */
  readonly length: number;
  /** Whether the frame of the prompt lets it think. */
  readonly thinks: boolean;
  /** Layers whose states are taken: what leaves the first i layers. */
  readonly layers: readonly number[];
  /** Whether padding up to the length is part of the states. */
  readonly pads: boolean;
}

interface Part {
  readonly name: TextEncoderName;
  readonly component: Component;
  /** @param component its own with other weights, as a LoRA changes them; the model's where left out */
  graph(target: Target, component?: Component): Graph;
}

/** Which states a family takes from its CLIP encoders, and how weights of words act on them. */
export interface ClipRules {
  /** As they leave their layer, or after the final layer norm. */
  readonly states: 'hidden_states' | 'normed_hidden_states';
  /** Layers before the last one, where the request skips none. */
  readonly skipped: number;
  /** `original`: the mean of the states is kept as it was (A1111's default); `no_norm`: it is not. */
  readonly emphasis: 'original' | 'no_norm';
  /** Only the summary of the prompt is taken, the normed state at its end; the states of its words are not. */
  readonly summaryOnly?: true;
}

/** The states before the last layer, as SDXL and everything after it takes them. */
export const PENULTIMATE: ClipRules = { states: 'hidden_states', skipped: 1, emphasis: 'no_norm' };

/** The summary of the prompt, as FLUX.1 takes it. */
export const SUMMARY: ClipRules = {
  states: 'normed_hidden_states',
  skipped: 0,
  emphasis: 'no_norm',
  summaryOnly: true,
};

/**
 * @param index whose class wins over the one in the part's own config.json, as in diffusers
 * @param suffix of the folders
 */
export async function openClip(
  files: ModelSource,
  index: ModelIndex,
  suffix: '' | '_2',
  rules: ClipRules,
): Promise<ClipPart> {
  const component = await openPart(files, index, `text_encoder${suffix}`);
  await requirePaddingAtEnd(files, `tokenizer${suffix}`);
  const config = readClipTextConfig(component);
  return {
    kind: 'clip',
    name: suffix === '' ? 'textEncoder' : 'textEncoder2',
    component,
    rules,
    tokenizer:
      (await files.sharedClipTokenizer?.(`tokenizer${suffix}`)) ??
      (await readTokenizer(files, `tokenizer${suffix}`, config.maxPositionEmbeddings)),
    hiddenSize: config.hiddenSize,
    hiddenLayers: config.numHiddenLayers,
    projectionDim: config.withProjection ? config.projectionDim : undefined,
    graph: (target, changed = component) => textEncoderGraph(changed, target, { takesVectors: true }),
  };
}

/** @param length tokens that it reads where the request says nothing */
export async function openT5(
  files: ModelSource,
  index: ModelIndex,
  suffix: '_2' | '_3',
  length: number,
): Promise<T5Part> {
  const component = await openPart(files, index, `text_encoder${suffix}`);
  await requirePaddingAtEnd(files, `tokenizer${suffix}`);
  return {
    kind: 't5',
    name: suffix === '_2' ? 'textEncoder2' : 'textEncoder3',
    component,
    tokenizer: (await files.sharedT5Tokenizer?.()) ?? (await readT5Tokenizer(files, `tokenizer${suffix}`)),
    length,
    graph: (target, changed = component) => t5EncoderGraph(changed, target),
  };
}

/** @param layersOf its depth: the layers whose states the family takes */
export async function openQwen(
  files: ModelSource,
  index: ModelIndex,
  { layersOf, ...rules }: Omit<QwenRules, 'layers'> & { layersOf(depth: number): readonly number[] },
): Promise<QwenPart> {
  const component = await openPart(files, index, 'text_encoder');
  // Where padding is cut off again, its side does not matter.
  if (rules.pads) await requirePaddingAtEnd(files, 'tokenizer');
  const { hiddenSize, numHiddenLayers, headDim, ropeTheta } = readQwen3Config(component);
  const layers = layersOf(numHiddenLayers);
  return {
    kind: 'qwen',
    name: 'textEncoder',
    component,
    tokenizer: (await files.sharedQwenTokenizer?.()) ?? (await readQwenTokenizer(files, 'tokenizer')),
    rules: { ...rules, layers },
    hiddenSize,
    positions: (length) =>
      rotaryTables(
        Array.from({ length }, (_, i) => [i]),
        { channels: [headDim], theta: ropeTheta, precision: 'float32' },
      ),
    graph: (target, changed = component) => qwen3Graph(changed, layers, target),
  };
}

/**
 * States of padding are part of what some models read, and every family here was trained with it at the end.
 * @throws DarkroomError('unsupported') for a tokenizer that pads at the beginning
 */
async function requirePaddingAtEnd(files: ModelSource, folder: string): Promise<void> {
  const name = `${folder}/tokenizer_config.json`;
  if (!(await files.has(name))) return;
  const { padding_side: side } = await files.json(name);
  if (side === undefined || side === null || side === 'right') return;
  throw new DarkroomError(
    'unsupported',
    `${files.label(name)}: padding_side (${JSON.stringify(side)?.slice(0, 40)}) is not supported; text encoders are padded at the end ("right").`,
  );
}

async function openPart(files: ModelSource, index: ModelIndex, part: string): Promise<Component> {
  const component = await files.component(part, 'model');
  // The config of a whole CLIP holds that of its text encoder.
  const { text_config: inner } = component.config;
  const own = isRecord(inner) ? inner : component.config;
  return { ...component, config: { ...own, architectures: [classOf(index, part)] } };
}
