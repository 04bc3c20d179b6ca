/** Says sentences in a language. The messages are ICU's, rendered by intl-messageformat. */
import { IntlMessageFormat } from 'intl-messageformat';
import { CATALOGUE, isKey, type Key } from './catalogue.ts';
import type { Locale } from './locale.ts';
import { type ArgsOf, sentence, type Value, type Words } from './sentence.ts';

/** Parsing costs more than rendering; each message is parsed once. */
const FORMATS: Readonly<Record<Locale, Map<Key, IntlMessageFormat>>> = { en: new Map(), ko: new Map() };

function formatOf(locale: Locale, key: Key): IntlMessageFormat {
  const known = FORMATS[locale].get(key);
  if (known !== undefined) return known;
  // `<` and `>` are signs like any other here.
  const format = new IntlMessageFormat(CATALOGUE[locale][key], locale, undefined, { ignoreTag: true });
  FORMATS[locale].set(key, format);
  return format;
}

/** A message as intl-messageformat has read it, for what renders it elsewhere. */
export const astOf = (locale: Locale, key: Key): ReturnType<IntlMessageFormat['getAst']> =>
  formatOf(locale, key).getAst();

const ALTERNATIVES: Readonly<Record<Locale, Intl.ListFormat>> = {
  en: new Intl.ListFormat('en', { type: 'disjunction' }),
  ko: new Intl.ListFormat('ko', { type: 'disjunction' }),
};

function render(locale: Locale, value: Value): string | number {
  if (typeof value === 'string' || typeof value === 'number') return value;
  if ('key' in value) return sayWords(locale, value);
  if ('anyOf' in value) return ALTERNATIVES[locale].format(value.anyOf);
  return value.map((item) => sayWords(locale, item)).join(', ');
}

/** Words as a person reads them. A key that an older version has stored and nobody knows any longer is said as it is. */
export function sayWords(locale: Locale, words: Words): string {
  if (typeof words === 'string') return words;
  const { key, args = {} } = words;
  if (!isKey(key)) return key;
  const values = Object.fromEntries(
    Object.entries(args).map(([name, value]) => [name, render(locale, value)]),
  );
  return String(formatOf(locale, key).format(values));
}

/** Says sentences in one language: `say('queue.none')`, or what was made elsewhere: `say.words(note)`. */
export interface Say {
  <K extends Key>(key: K, ...args: ArgsOf<K>): string;
  words(words: Words): string;
  readonly locale: Locale;
}

function createSay(locale: Locale): Say {
  const say = <K extends Key>(key: K, ...args: ArgsOf<K>) => sayWords(locale, sentence(key, ...args));
  return Object.assign(say, { locale, words: (words: Words) => sayWords(locale, words) });
}

const SAY: Readonly<Record<Locale, Say>> = { en: createSay('en'), ko: createSay('ko') };

export const sayIn = (locale: Locale): Say => SAY[locale];
