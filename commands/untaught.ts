/** What is said of a prompt's words that a small model was never taught. */

import { type Sentence, sentence, shorten } from '../src/sentences.ts';
import type { ModelInfo } from './ports.ts';

/** Of either kind of words in the sentence, and characters of each that was typed. */
const QUOTED = { words: 8, characters: 40 };
const WORD = /\p{L}[\p{L}\p{M}]*(?:['’]s(?!\p{L}))?/gu;
/** A1111's mark between two chunks of a prompt. */
const BREAK = 'BREAK';

/** @returns one sentence; none where the model knows all the words, or does not list what it knows */
export function describeUntaught(prompt: string, { vocabulary, words }: ModelInfo): Sentence[] {
  if (vocabulary.length === 0) return [];
  const known = new Set(vocabulary.flatMap((word) => [word, ...stemsOf(word)]));
  const typed = (prompt.match(WORD) ?? []).filter((word) => word !== BREAK).map((word) => word.toLowerCase());
  const untaught = [...new Set(typed)].filter(
    (word) => ![word, ...stemsOf(word), ...pluralsOf(word)].some((form) => known.has(form)),
  );
  if (untaught.length === 0) return [];
  const args = {
    words: untaught.slice(0, QUOTED.words).map((word) => shorten(word, QUOTED.characters)),
    known: words.slice(0, QUOTED.words),
  };
  const more = untaught.length - args.words.length;
  return [more > 0 ? sentence('draw.untaught_more', { ...args, more }) : sentence('draw.untaught', args)];
}

/** Particles of Korean nouns, the longest first. */
const PARTICLE =
  /(?:에서의|으로의|에서|에게|으로|처럼|하고|이랑|까지|부터|보다|들을|들이|들의|들|을|를|이|가|은|는|의|와|과|에|로|랑|도|만)$/u;

/** What a word may be an inflection of: `cats`, `cat's`, `고양이를`. */
function stemsOf(word: string): string[] {
  const plain = word.replace(/['’]s$/, '');
  const own = plain === word ? [] : [plain];
  if (PARTICLE.test(plain)) return [...own, plain.replace(PARTICLE, '')];
  if (!/^[a-z]{3,}s$/.test(plain)) return own;
  return [
    ...own,
    plain.slice(0, -1),
    plain.slice(0, -2),
    plain.replace(/ies$/, 'y'),
    plain.replace(/ves$/, 'f'),
  ];
}

/** A word may be known as a plural only: `mountain`. */
const pluralsOf = (word: string) => (/^[a-z]{3,}$/.test(word) ? [`${word}s`] : []);
