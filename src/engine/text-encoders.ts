/** The parts of a model that read prompts, whatever its family. */
import type { T5Tokenizer } from '../models/t5-tokenizer.ts';
import type { ClipTokenizer } from '../models/tokenizer.ts';
import type { Components } from './components.ts';
import type { EmbeddingCache } from './embedding-cache.ts';
import type { Session } from './session.ts';

export type TextEncoderName = 'textEncoder' | 'textEncoder2' | 'textEncoder3';

/** What of a model reads prompts. */
export interface TextEncoders {
  readonly family: 'sd' | 'sdxl' | 'sd3';
  /** One, or two side by side. */
  readonly clips: readonly { readonly name: TextEncoderName; readonly tokenizer: ClipTokenizer }[];
  /** Of SD3, which can do without. */
  readonly t5?: { readonly name: TextEncoderName; readonly tokenizer: T5Tokenizer };
  /** Width of the context where it is more than the CLIPs' states: SD3's joint_attention_dim. */
  readonly jointWidth?: number;
  /** A negative prompt that was left out is zeros (SDXL's force_zeros_for_empty_prompt). */
  readonly zeroNegative: boolean;
  readonly embeddings: EmbeddingCache;
  session(name: TextEncoderName): Promise<Session>;
}

export const textEncodersOf = (components: Components): TextEncoders => ({
  family: components.spec.family,
  clips: [{ name: 'textEncoder', tokenizer: components.tokenizer }],
  zeroNegative: false,
  embeddings: components.embeddings,
  session: (name) => components.session(name as 'textEncoder'),
});
