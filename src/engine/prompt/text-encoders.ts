/** The text encoders of an open model, and their tokenizers. */
import { Lru } from '../../lru.ts';
import type { EncodedText } from '../../models/families/family.ts';
import type { ClipRules, QwenRules, TextEncoderName } from '../../models/families/text-encoders.ts';
import { createQwenTokenizer, type QwenTokenizer } from '../../models/qwen-tokenizer.ts';
import type { ModelSpec } from '../../models/spec.ts';
import { createT5Tokenizer, type T5Tokenizer } from '../../models/t5-tokenizer.ts';
import { type ClipTokenizer, createTokenizer } from '../../models/tokenizer.ts';
import type { Feeds } from '../../tensor.ts';
import type { Runner } from '../session.ts';

/** One text encoder without its weights: what is needed to say which words of a prompt it reads. */
export type TextReader = ClipReader | T5Reader | QwenReader;

export interface ClipReader {
  readonly kind: 'clip';
  readonly name: TextEncoderName;
  readonly tokenizer: ClipTokenizer;
  readonly rules: ClipRules;
  /** Of its embeddings. */
  readonly width: number;
}

export interface T5Reader {
  readonly kind: 't5';
  readonly name: TextEncoderName;
  readonly tokenizer: T5Tokenizer;
  /** Tokens that it reads where the request says nothing. */
  readonly length: number;
}

export interface QwenReader {
  readonly kind: 'qwen';
  readonly name: TextEncoderName;
  readonly tokenizer: QwenTokenizer;
  readonly rules: QwenRules;
  /** The inputs that place so many tokens. */
  positions(length: number): Feeds;
}

export interface TextEncoders {
  readonly spec: ModelSpec;
  readonly readers: readonly TextReader[];
  /** What the encoders made of the last prompts. Its tensors are shared: they are never written to. */
  readonly embeddings: Lru<EncodedText>;
  session(name: TextEncoderName): Promise<Runner>;
  /** LoRAs beside the weights: what the graphs take as well, by the encoder's name; another key for other ones. */
  readonly factors?: { readonly feeds: ReadonlyMap<string, Feeds>; readonly key: string };
}

/** The tokenizers of a model; making them reads tens of thousands of words. */
export function textReadersOf({ textEncoders }: ModelSpec): TextReader[] {
  return textEncoders.map((part) => {
    const { name } = part;
    if (part.kind === 'clip') {
      const { rules, hiddenSize: width } = part;
      return { kind: 'clip', name, tokenizer: createTokenizer(part.tokenizer), rules, width };
    }
    if (part.kind === 't5') {
      return { kind: 't5', name, tokenizer: createT5Tokenizer(part.tokenizer), length: part.length };
    }
    const { rules, positions } = part;
    return { kind: 'qwen', name, tokenizer: createQwenTokenizer(part.tokenizer), rules, positions };
  });
}

/** Kept of each model's encoded prompts: some hundred chunks of SDXL, a dozen prompts of SD3's T5. */
const EMBEDDING_BYTES = 64 * 2 ** 20;

export function textEncodersOf(spec: ModelSpec, session: TextEncoders['session']): TextEncoders {
  return { spec, readers: textReadersOf(spec), embeddings: new Lru({ limit: EMBEDDING_BYTES }), session };
}
