/** Where a model's parts come from: a folder in diffusers' layout, or a single file that is read as if it were one. */
import type { Component } from '../graph/component.ts';
import type { QwenTokenizerFiles } from './qwen-tokenizer.ts';
import type { T5TokenizerFiles } from './t5-tokenizer.ts';
import type { TokenizerFiles } from './tokenizer.ts';

/** Names are those of diffusers' layout: unet/config.json, tokenizer_2/vocab.json. */
export interface ModelSource {
  /** Real path of the folder, or of the single file. */
  readonly folder: string;
  /** A file of it as a sentence names it. */
  label(name: string): string;
  has(name: string): Promise<boolean>;
  /** Names in a subfolder; empty where there is none. */
  list(subfolder: string): Promise<string[]>;
  text(name: string): Promise<string>;
  /** For all but weights. @throws DarkroomError('bad_model') where it is missing or too large to be read whole */
  bytes(name: string): Promise<Buffer>;
  /** A JSON object; -Infinity, Infinity and NaN are read as numbers. */
  json(name: string): Promise<Record<string, unknown>>;
  /**
   * config.json and the tensors of one component.
   * @param base of the weight files: 'model' (transformers) or 'diffusion_pytorch_model'
   */
  component(subfolder: string, base: string): Promise<Component>;
  /** The tokenizer that all models of the kind share, where the source brings none of its own. */
  sharedClipTokenizer?(subfolder: string): Promise<TokenizerFiles>;
  sharedT5Tokenizer?(): Promise<T5TokenizerFiles>;
  sharedQwenTokenizer?(): Promise<QwenTokenizerFiles>;
  /** Whether all that was looked at is still what it was. */
  isUnchanged(): Promise<boolean>;
  /** Of all that was looked at: another one for each change. */
  readonly version: string;
}
