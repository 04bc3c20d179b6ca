/**
 * Reads a config.json key by key and lets none pass unread. `null` is not an absent key: it means what diffusers makes
 * of Python's None there, and is refused where diffusers could not run with it.
 */
import { DarkroomError } from '../errors.ts';
import type { Component } from './component.ts';

/**
 * What libraries write about themselves, and training scripts about a run and its moving average (EMA). None of it
 * changes a number of a forward pass.
 */
const BOOKKEEPING: readonly RegExp[] = [
  /^_/,
  /^(architectures|model_type|dtype|torch_dtype|revision|variant|commit_hash|license)$/,
  /(^|_)(name_or_path|version)$/,
  /^(decay|min_decay|inv_gamma|power|optimization_step|update_after_step|use_ema_warmup|use_ema|ema_decay)$/,
];

/** What transformers writes for every model, and for text generation; none of it acts in a text encoder. */
const TRANSFORMERS = [
  ...['output_attentions', 'output_hidden_states', 'return_dict', 'use_cache', 'torchscript', 'use_bfloat16'],
  ...['tf_legacy_loss', 'tie_word_embeddings', 'tie_encoder_decoder', 'chunk_size_feed_forward'],
  ...['problem_type', 'finetuning_task', 'id2label', 'label2id', 'task_specific_params', 'tokenizer_class'],
  ...['prefix', 'bos_token_id', 'pad_token_id', 'sep_token_id', 'decoder_start_token_id'],
  ...['max_length', 'min_length', 'do_sample', 'early_stopping', 'num_beams', 'num_beam_groups'],
  ...['diversity_penalty', 'temperature', 'top_k', 'top_p', 'typical_p', 'repetition_penalty'],
  ...['length_penalty', 'no_repeat_ngram_size', 'encoder_no_repeat_ngram_size', 'bad_words_ids'],
  ...['num_return_sequences', 'output_scores', 'return_dict_in_generate', 'forced_bos_token_id'],
  ...['forced_eos_token_id', 'remove_invalid_values', 'exponential_decay_length_penalty'],
  ...['suppress_tokens', 'begin_suppress_tokens'],
];

export const isBookkeeping = (key: string): boolean => BOOKKEEPING.some((known) => known.test(key));

export class ConfigReader {
  readonly #component: Component;
  readonly #read = new Set<string>();

  constructor(component: Component) {
    this.#component = component;
  }

  /** A whole number of 1 or more (or of `min` or more). */
  integer(key: string, fallback?: number, min = 1): number {
    return this.#typed(key, fallback, `a whole number of ${min} or more`, (v): v is number =>
      isInteger(v, min),
    );
  }

  /** The same where null is a value of its own. */
  integerOrNull(key: string, fallback: number | null, min = 1): number | null {
    return this.#given(key, fallback) === null ? null : this.integer(key, fallback ?? undefined, min);
  }

  number(key: string, fallback?: number): number {
    return this.#typed(
      key,
      fallback,
      'a number',
      (v): v is number => typeof v === 'number' && Number.isFinite(v),
    );
  }

  /** null is false, whatever the fallback: diffusers only asks whether the value is true. */
  boolean(key: string, fallback?: boolean): boolean {
    if (this.#value(key) === null) return false;
    return this.#typed(key, fallback, 'true or false', (v): v is boolean => typeof v === 'boolean');
  }

  /** A list of whole numbers of `min` or more; it may be empty where it may be left out. */
  integers(key: string, fallback?: readonly number[], min = 1): readonly number[] {
    return this.#typed(
      key,
      fallback,
      'a list of whole numbers',
      (v): v is readonly number[] =>
        Array.isArray(v) && (v.length > 0 || fallback !== undefined) && v.every((n) => isInteger(n, min)),
    );
  }

  /** A list with one whole number a block, or a single number that holds for all blocks. */
  perBlock(key: string, blocks: number, fallback?: number): number[] {
    const value = this.#typed(
      key,
      fallback,
      `a whole number, or a list of ${blocks}`,
      (v): v is number | number[] =>
        isInteger(v, 1) || (Array.isArray(v) && v.length === blocks && v.every((n) => isInteger(n, 1))),
    );
    return typeof value === 'number' ? new Array<number>(blocks).fill(value) : value;
  }

  /**
   * Whole numbers of 0 or more for each layer of each block: one for all blocks, or a list with one for each block,
   * which is a number for all of its layers or a list of its own. A longer list of layers ends unread, as in Python.
   * @param layers of each block
   * @returns undefined where the key is absent
   */
  perLayer(key: string, layers: readonly number[]): (readonly number[])[] | undefined {
    if (this.#value(key) === undefined) return undefined;
    const isCount = (v: unknown): v is number => isInteger(v, 0);
    const value = this.#typed(
      key,
      undefined,
      `a whole number, or a list of ${layers.length} that can hold a list for each layer`,
      (v): v is number | (number | number[])[] =>
        isCount(v) ||
        (Array.isArray(v) &&
          v.length === layers.length &&
          v.every(
            (of, i) => isCount(of) || (Array.isArray(of) && of.length >= layers[i]! && of.every(isCount)),
          )),
    );
    return layers.map((count, i) => {
      const of = typeof value === 'number' ? value : value[i]!;
      return typeof of === 'number' ? new Array<number>(count).fill(of) : of.slice(0, count);
    });
  }

  flagPerBlock(key: string, blocks: number, fallback: boolean): boolean[] {
    const value = this.#typed(
      key,
      fallback,
      `true or false, or a list of ${blocks}`,
      (v): v is boolean | boolean[] =>
        typeof v === 'boolean' ||
        (Array.isArray(v) && v.length === blocks && v.every((flag) => typeof flag === 'boolean')),
    );
    return typeof value === 'boolean' ? new Array<boolean>(blocks).fill(value) : value;
  }

  /** One of the names that the builder implements; null only where it is one of them. */
  choice<Name extends string | null>(key: string, names: readonly Name[], fallback?: Name): Name {
    const value = this.#given(key, fallback);
    if (names.some((name) => name === value)) return value as Name;
    throw this.#unsupported(key, value, names.map((name) => JSON.stringify(name)).join(' or '));
  }

  /** A list of names, each one that the builder implements. */
  choices<Name extends string>(key: string, names: readonly Name[], length: number): Name[] {
    const list = this.#typed(key, undefined, `a list of ${length} names`, (v): v is unknown[] => {
      return Array.isArray(v) && v.length === length;
    });
    return list.map((value) => {
      if (names.some((name) => name === value)) return value as Name;
      throw this.#unsupported(key, value, names.map((name) => JSON.stringify(name)).join(' or '));
    });
  }

  /** Options that are carried out at one value only, which an absent key has too. null is the same as false. */
  only(options: Readonly<Record<string, number | boolean | string | null>>): void {
    for (const [key, supported] of Object.entries(options)) {
      const value = this.#given(key, supported);
      const isSame = value === supported || (value === null && supported === false);
      if (!isSame) throw this.#unsupported(key, value, JSON.stringify(supported));
    }
  }

  /** Keys that change nothing about this graph, whatever they say. */
  harmless(keys: readonly string[]): void {
    for (const key of keys) this.#read.add(key);
  }

  /** Keys of transformers' that change nothing about a text encoder. */
  transformers(): void {
    this.harmless(TRANSFORMERS);
    this.only({ is_decoder: false, add_cross_attention: false });
    this.harmless(['cross_attention_hidden_size']);
  }

  /** A value that parses but contradicts another one. */
  contradiction(key: string, reason: string): DarkroomError {
    const { configFile, config } = this.#component;
    return new DarkroomError(
      'bad_model',
      `${configFile}: ${key} is ${JSON.stringify(config[key])}, but ${reason}.`,
    );
  }

  /** @throws DarkroomError('unsupported') for the first key that nobody asked for */
  finish(): void {
    const { configFile, config } = this.#component;
    for (const [key, value] of Object.entries(config)) {
      if (this.#read.has(key) || isBookkeeping(key)) continue;
      throw new DarkroomError(
        'unsupported',
        `${configFile}: ${key} (${JSON.stringify(value)}) is not known to this version of Darkroom.`,
      );
    }
  }

  /** undefined where the key is absent. */
  #value(key: string): unknown {
    this.#read.add(key);
    const { config } = this.#component;
    return Object.hasOwn(config, key) ? config[key] : undefined;
  }

  /** The fallback stands in for an absent key, not for null. */
  #given(key: string, fallback: unknown): unknown {
    const value = this.#value(key);
    return value === undefined ? fallback : value;
  }

  #typed<T>(key: string, fallback: T | undefined, wanted: string, is: (value: unknown) => value is T): T {
    const value = this.#given(key, fallback);
    if (is(value)) return value;
    const { configFile } = this.#component;
    throw new DarkroomError(
      'bad_model',
      value === undefined
        ? `${configFile}: ${key} is missing; it must be ${wanted}.`
        : `${configFile}: ${key} is ${JSON.stringify(value)}; it must be ${wanted}.`,
    );
  }

  #unsupported(key: string, value: unknown, supported: string): DarkroomError {
    return new DarkroomError(
      'unsupported',
      `${this.#component.configFile}: ${key} is ${JSON.stringify(value)}; this version of Darkroom supports ${supported}.`,
    );
  }
}

const isInteger = (value: unknown, min: number): value is number =>
  typeof value === 'number' && Number.isSafeInteger(value) && value >= min;
