/**
 * How a field is written on a line: `--steps 20`. The shell, the chats' typed lines and the platforms' own menus all
 * derive their options from these.
 */
import type { PlainKey, Words } from '../sentences.ts';

type Json = Readonly<Record<string, unknown>>;

/**
 * text: the words up to the next flag (one argument on the shell); word: one word; switch: on or off, and on where
 * it stands without a value.
 */
export type OptionType = 'text' | 'word' | 'integer' | 'number' | 'choice' | 'switch';
export type OptionValue = string | number;

export interface FieldOption<
  Names extends readonly [string, ...string[]] = readonly [string, ...string[]],
  Type extends OptionType = OptionType,
> {
  /** Without dashes. Chats and recipes use the first; all of them are read everywhere. */
  readonly names: Names;
  readonly type: Type;
  readonly description: PlainKey;
  readonly example: string;
  /** What stands for its value in the shell's help; by its type where left out. */
  readonly hint?: string;
  /** Place in the platforms' own menus, lowest first; an option without one can only be typed. */
  readonly menu?: number;
  /** Of an integer or a number. */
  readonly min?: number;
  readonly max?: number;
  /** Of a choice. */
  readonly choices?: readonly string[];
  /** Other spellings, which may hold spaces. @returns the value; undefined where it is none */
  readonly spelling?: (text: string) => string | undefined;
  /** Of a word: what it looks like where it is typed with spaces, `256 x 192`. */
  readonly pattern?: RegExp;
  /** Of a choice: words that go into the names, `Karras`. */
  readonly partOfName?: RegExp;
  /** Says how a number above `max` is written; undefined where it is refused like any other. */
  readonly beyond?: (text: string) => Words | undefined;
  /** Of an integer: words behind it that only name what is counted, `pictures` of `--n 4 pictures`. */
  readonly unit?: RegExp;
  /** It may be given several times: the values are joined with commas. */
  readonly repeats?: true;
  /**
   * What the value sets in a draft; the field itself where left out.
   * @throws DarkroomError('bad_request')
   */
  readonly read?: (value: OptionValue) => Json;
  /** What a recipe's command writes for a filled draft; undefined where nothing need be written. */
  readonly write?: (draft: Json) => OptionValue | undefined;
}

/** Keeps names and type as literals. */
export const option = <const Names extends readonly [string, ...string[]], const Type extends OptionType>(
  one: FieldOption<Names, Type>,
): FieldOption<Names, Type> => one;

/** `512x768`, `512 × 768`. */
export const SIZE = /^(\d+)\s*[x×*]\s*(\d+)$/i;

/** @returns [width, height] */
export function parseSize(text: string): readonly [number, number] | undefined {
  const match = SIZE.exec(text.trim().normalize('NFKC'));
  return match === null ? undefined : [Number(match[1]), Number(match[2])];
}
