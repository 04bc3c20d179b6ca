// @ts-check
/**
 * What the page says, in the language that the server chose for this browser: the sentences come with the HTML, as
 * src/sentences/compiled.ts made them.
 * @import { CompiledPart } from '../../../src/sentences/compiled.ts'
 * @import { Key, English } from '../../../src/sentences/catalogue.ts'
 * @import { ArgumentsOf } from '../../../src/sentences/arguments.ts'
 */

/**
 * @typedef {Extract<Key, `page.${string}` | `button.${string}`>} PageKey
 * @typedef {Record<string, string | number>} Arguments
 */
/** @template {PageKey} K @typedef {ArgumentsOf<English[K], string | number>} ArgumentsOfKey */
/** @template {PageKey} K @typedef {keyof ArgumentsOfKey<K> extends never ? [] : [args: ArgumentsOfKey<K>]} Rest */
/** @typedef {{ [K in PageKey]: keyof ArgumentsOfKey<K> extends never ? K : never }[PageKey]} PlainKey a key without arguments */

/** @type {{ sentences: Record<string, readonly CompiledPart[]>, labels: Record<string, string> }} */
const { sentences: SENTENCES, labels } = JSON.parse(
  document.getElementById('sentences')?.textContent ?? '{}',
);
const LABELS = new Map(Object.entries(labels));

const { lang } = document.documentElement;
/** How this reader writes dates and numbers: their own form of the page's language (en-GB), where they have one. */
const LOCALE = navigator.languages.find((tag) => tag.split('-')[0] === lang) ?? lang;

const NUMBERS = new Intl.NumberFormat(LOCALE);
const PLURALS = {
  cardinal: new Intl.PluralRules(lang),
  ordinal: new Intl.PluralRules(lang, { type: 'ordinal' }),
};

/**
 * @template {PageKey} K
 * @param {K} key
 * @param {Rest<K>} rest its arguments, where it has any
 * @returns {string}
 */
export function say(key, ...rest) {
  return render(SENTENCES[key] ?? [], rest[0] ?? {});
}

/** @param {readonly CompiledPart[]} parts @param {Arguments} args @returns {string} */
const render = (parts, args) => parts.map((part) => renderPart(part, args)).join('');

/** @param {CompiledPart} part @param {Arguments} args */
function renderPart(part, args) {
  if (typeof part === 'string') return part;
  if ('arg' in part) return String(args[part.arg]);
  if ('number' in part) return NUMBERS.format(Number(args[part.number]));
  const value = args[part.of];
  const form = part.by === 'value' ? String(value) : PLURALS[part.by].select(Number(value));
  return render(part.forms[`=${value}`] ?? part.forms[form] ?? part.forms['other'] ?? [], args);
}

/**
 * A label of a card or its form. A card is in the language of whoever asked for it; what can be pressed is in the reader's.
 * @param {string} text
 */
export const sayLabel = (text) => LABELS.get(text) ?? text;

/** A format costs more to make than to use, and each message has two. @type {Map<string, Intl.DateTimeFormat>} */
const DATES = new Map();

/** @param {Date} date @param {Intl.DateTimeFormatOptions} [options] */
export function sayDate(date, options = { dateStyle: 'short', timeStyle: 'medium' }) {
  const key = `${options.dateStyle} ${options.timeStyle}`;
  const format = DATES.get(key) ?? new Intl.DateTimeFormat(LOCALE, options);
  DATES.set(key, format);
  return format.format(date);
}
