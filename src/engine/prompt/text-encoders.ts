/** The parts of a model that read prompts, whatever its family. */

import { Lru } from '../../lru.ts';
import type { Family, ModelSpec } from '../../models/spec.ts';
import { createT5Tokenizer, type T5Tokenizer } from '../../models/t5-tokenizer.ts';
import { type ClipTokenizer, createTokenizer } from '../../models/tokenizer.ts';
import type { Tensor } from '../../tensor.ts';
import type { Session } from '../session.ts';

const NAMES = ['textEncoder', 'textEncoder2', 'textEncoder3'] as const;
export type TextEncoderName = (typeof NAMES)[number];

/** What a text encoder made of one window. Its tensors are shared with later prompts: never written to. */
export interface EncodedWindow {
  /** [1, S, D] */
  readonly states: Tensor;
  /** [1, P] */
  readonly pooled?: Tensor;
}

export interface TextReaders {
  /** One, or two side by side. */
  readonly clips: readonly { readonly name: TextEncoderName; readonly tokenizer: ClipTokenizer }[];
  /** Of SD3, which can do without. */
  readonly t5?: { readonly name: TextEncoderName; readonly tokenizer: T5Tokenizer };
}

export interface TextEncoders extends TextReaders {
  readonly family: Family;
  /** Width of the context where it is more than the CLIPs' states: SD3's joint_attention_dim. */
  readonly jointWidth?: number;
  /** A negative prompt that was left out is zeros (SDXL's force_zeros_for_empty_prompt). */
  readonly zeroNegative: boolean;
  readonly embeddings: Lru<EncodedWindow>;
  session(name: TextEncoderName): Promise<Session>;
}

/** The tokenizers of a model; making them reads tens of thousands of words. */
export function textReadersOf({ textEncoders }: ModelSpec): TextReaders {
  const clips: TextReaders['clips'][number][] = [];
  let t5: TextReaders['t5'];
  for (const [i, encoder] of textEncoders.entries()) {
    const name = NAMES[i]!;
    if (encoder.kind === 'clip') clips.push({ name, tokenizer: createTokenizer(encoder.tokenizer) });
    else t5 = { name, tokenizer: createT5Tokenizer(encoder.tokenizer) };
  }
  return t5 === undefined ? { clips } : { clips, t5 };
}

/** Kept of each model's encoded prompts: some hundred chunks of SDXL, a dozen prompts of SD3's T5. */
const EMBEDDING_BYTES = 64 * 2 ** 20;

export function textEncodersOf(spec: ModelSpec, session: TextEncoders['session']): TextEncoders {
  const { jointAttentionDim: jointWidth } = spec;
  return {
    ...textReadersOf(spec),
    family: spec.family,
    ...(jointWidth === undefined ? {} : { jointWidth }),
    zeroNegative: spec.forceZerosForEmptyPrompt,
    embeddings: new Lru({ limit: EMBEDDING_BYTES }),
    session,
  };
}
