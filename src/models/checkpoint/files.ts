/** A single file, read as the folder in diffusers' layout that it could have been saved as. */
import { DarkroomError } from '../../errors.ts';
import type { Component } from '../../graph/component.ts';
import type { QwenTokenizerFiles } from '../qwen-tokenizer.ts';
import type { SeenFiles } from '../seen.ts';
import type { ModelSource } from '../source.ts';
import type { T5TokenizerFiles } from '../t5-tokenizer.ts';
import type { TokenizerFiles } from '../tokenizer.ts';
import { type Beside, nameOfBeside } from './beside.ts';
import { clipTokenizer } from './clip-tokenizer.ts';
import type { CheckpointParts } from './layout.ts';
import { qwenTokenizer } from './qwen-vocabulary.ts';
import { t5Tokenizer } from './t5-text.ts';

const CARD = 'darkroom.json';

export class CheckpointFiles implements ModelSource {
  /** Real path of the file. */
  readonly folder: string;
  readonly #label: string;
  readonly #parts: CheckpointParts;
  readonly #json: ReadonlyMap<string, Readonly<Record<string, unknown>>>;
  readonly #seen: SeenFiles;

  /** @param seen holds whatever the parts were read from */
  constructor(
    { file, label }: { readonly file: string; readonly label: string },
    parts: CheckpointParts,
    beside: Beside,
    seen: SeenFiles,
  ) {
    this.folder = file;
    this.#label = label;
    this.#parts = parts;
    this.#seen = seen;
    this.#json = new Map([
      ['model_index.json', parts.index],
      ['scheduler/scheduler_config.json', parts.scheduler],
      ...(beside.card === undefined ? [] : [[CARD, beside.card] as const]),
    ]);
  }

  label(name: string): string {
    return name === CARD ? nameOfBeside(this.#label) : `${name} of ${this.#label}`;
  }

  async has(name: string): Promise<boolean> {
    return this.#json.has(name);
  }

  async list(): Promise<string[]> {
    return [];
  }

  async text(name: string): Promise<string> {
    return JSON.stringify(this.#find(this.#json, name));
  }

  async bytes(name: string): Promise<Buffer> {
    return Buffer.from(await this.text(name));
  }

  async json(name: string): Promise<Record<string, unknown>> {
    return { ...this.#find(this.#json, name) };
  }

  async component(subfolder: string): Promise<Component> {
    return this.#find(this.#parts.components, subfolder);
  }

  async sharedClipTokenizer(subfolder: string): Promise<TokenizerFiles> {
    return clipTokenizer(this.#find(this.#parts.tokenizers, subfolder));
  }

  sharedT5Tokenizer(): Promise<T5TokenizerFiles> {
    return t5Tokenizer();
  }

  sharedQwenTokenizer(): Promise<QwenTokenizerFiles> {
    return qwenTokenizer();
  }

  isUnchanged(): Promise<boolean> {
    return this.#seen.areUnchanged();
  }

  get version(): string {
    return this.#seen.version;
  }

  #find<Value>(parts: ReadonlyMap<string, Value>, name: string): Value {
    const found = parts.get(name);
    if (found !== undefined) return found;
    throw new DarkroomError('bad_model', `${this.#label} holds no ${name}.`);
  }
}
