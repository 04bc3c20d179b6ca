/** Reads a config.json key by key and lets none pass unread. */
import { DarkroomError } from '../errors.ts';
import type { Component } from './component.ts';

/** Written by the libraries about themselves; they change no number. */
const BOOKKEEPING = [
  '_class_name',
  '_diffusers_version',
  '_name_or_path',
  '_use_default_values',
  'architectures',
  'model_type',
  'transformers_version',
  'torch_dtype',
  'dtype',
];

export class ConfigReader {
  readonly #component: Component;
  readonly #read = new Set<string>(BOOKKEEPING);

  constructor(component: Component) {
    this.#component = component;
  }

  /** A whole number of 1 or more (or of `min` or more). */
  integer(key: string, fallback?: number, min = 1): number {
    return this.#typed(key, fallback, `a whole number of ${min} or more`, (v): v is number =>
      isInteger(v, min),
    );
  }

  number(key: string, fallback?: number): number {
    return this.#typed(
      key,
      fallback,
      'a number',
      (v): v is number => typeof v === 'number' && Number.isFinite(v),
    );
  }

  boolean(key: string, fallback?: boolean): boolean {
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

  /** One of the names that the builder implements; null, where it is one of them, stands for none. */
  choice<Name extends string | null>(key: string, names: readonly Name[], fallback?: Name): Name {
    const value = this.#value(key) ?? fallback;
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

  /** Options that are carried out at one value only. An absent key or null has that value. */
  only(options: Readonly<Record<string, number | boolean | string | null>>): void {
    for (const [key, supported] of Object.entries(options)) {
      const value = this.#value(key) ?? null;
      if (value !== null && value !== supported)
        throw this.#unsupported(key, value, JSON.stringify(supported));
    }
  }

  /** Keys that change nothing about this graph, whatever they say. */
  harmless(keys: readonly string[]): void {
    for (const key of keys) this.#read.add(key);
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
      if (this.#read.has(key)) continue;
      throw new DarkroomError(
        'unsupported',
        `${configFile}: ${key} (${JSON.stringify(value)}) is not known to this version of Darkroom.`,
      );
    }
  }

  #value(key: string): unknown {
    this.#read.add(key);
    return this.#component.config[key];
  }

  #typed<T>(key: string, fallback: T | undefined, wanted: string, is: (value: unknown) => value is T): T {
    const value = this.#value(key) ?? fallback;
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
