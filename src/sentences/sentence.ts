/**
 * A sentence for a person, in no language yet: a key of the catalogue and its arguments. It is plain data, so that it can
 * be stored with a job, and said later in the language of whoever reads it.
 */
import type { ArgumentsOf } from './arguments.ts';
import type { English, Key } from './catalogue.ts';

/** Names of which one is meant: "a or b". A plain list is written with commas. */
interface AnyOf {
  readonly anyOf: readonly string[];
}

/** What an argument may be; a sentence within a sentence is said in the same language. */
export type Value = string | number | Sentence | AnyOf | readonly (string | Sentence)[];

export interface Sentence {
  readonly key: Key;
  readonly args?: Readonly<Record<string, Value>>;
}

/** A sentence, or words that are the same in every language: a file's own text, an operator's sentence. */
export type Words = string | Sentence;

type Args<K extends Key> = ArgumentsOf<English[K], Value>;

/** The arguments of a key as the rest of a parameter list: none where it has none. */
export type ArgsOf<K extends Key> = keyof Args<K> extends never ? [] : [args: Args<K>];

/** The keys without arguments: labels, descriptions. */
export type PlainKey = { [K in Key]: ArgsOf<K> extends [] ? K : never }[Key];

/** @param args typed by the English message */
export function sentence<K extends Key>(key: K, ...[args]: ArgsOf<K>): Sentence {
  return args === undefined ? { key } : { key, args };
}
