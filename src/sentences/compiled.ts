/**
 * Messages for the web page, which says them without a parser: what intl-messageformat has read, as plain data. The
 * page's own `say.js` renders it.
 */
import { CATALOGUE, type Key } from './catalogue.ts';
import { LOCALES, type Locale } from './locale.ts';
import { astOf } from './say.ts';

/** A text, the name of an argument, a number in the reader's notation, or one of several forms. */
export type CompiledPart =
  | string
  | { readonly arg: string }
  | { readonly number: string }
  | {
      /** The argument that chooses. */
      readonly of: string;
      readonly by: 'cardinal' | 'ordinal' | 'value';
      readonly forms: Readonly<Record<string, readonly CompiledPart[]>>;
    };

type Element = ReturnType<typeof astOf>[number];

/** The messages whose keys start with one of the prefixes: `page.`. */
export function compiledMessages(
  locale: Locale,
  prefixes: readonly string[],
): Readonly<Record<string, readonly CompiledPart[]>> {
  const keys = (Object.keys(CATALOGUE[locale]) as Key[]).filter((key) =>
    prefixes.some((prefix) => key.startsWith(prefix)),
  );
  return Object.fromEntries(
    keys.map((key) => {
      return [key, astOf(locale, key).map((element) => compile(element, key))];
    }),
  );
}

/**
 * Labels without arguments, from every other language into one: a card is said in the language of whoever asked for it,
 * and each reader of the web chat has buttons in their own.
 */
export function labelsFrom(locale: Locale, prefixes: readonly string[]): Readonly<Record<string, string>> {
  const own = CATALOGUE[locale];
  const keys = (Object.keys(own) as Key[]).filter((key) => prefixes.some((prefix) => key.startsWith(prefix)));
  return Object.fromEntries(
    LOCALES.filter((other) => other !== locale).flatMap((other) =>
      keys
        .filter((key) => !own[key].includes('{') && own[key] !== CATALOGUE[other][key])
        .map((key) => [CATALOGUE[other][key], own[key]]),
    ),
  );
}

/** @param counted the argument that `#` stands for */
function compile(element: Element, key: Key, counted = ''): CompiledPart {
  // The numbers of the kinds are those of @formatjs/icu-messageformat-parser.
  if (element.type === 0) return element.value;
  if (element.type === 1) return { arg: element.value };
  if (element.type === 2) return { number: element.value };
  if (element.type === 7) return { number: counted };
  if (element.type !== 5 && element.type !== 6) {
    throw new TypeError(`the page cannot say ${key}: it has an argument of kind ${element.type}`);
  }
  const of = element.value;
  const inner = element.type === 6 ? of : counted;
  return {
    of,
    by: element.type === 5 ? 'value' : (element.pluralType ?? 'cardinal'),
    forms: Object.fromEntries(
      Object.entries(element.options).map(([form, { value }]) => [
        form,
        value.map((part) => compile(part, key, inner)),
      ]),
    ),
  };
}
