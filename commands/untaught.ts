/** What is said of a prompt's words that a small model was never taught. */
import type { ModelInfo } from './ports.ts';

/** Of either kind of words in the sentence. */
const QUOTED = 8;
const WORD = /\p{L}[\p{L}\p{M}]*/gu;
/** A1111's mark between two chunks of a prompt. */
const BREAK = 'BREAK';

/** @returns one sentence; none where the model knows all the words, or does not list what it knows */
export function describeUntaught(prompt: string, { vocabulary, words }: ModelInfo): string[] {
  if (vocabulary.length === 0) return [];
  const known = new Set(vocabulary);
  const typed = (prompt.match(WORD) ?? []).filter((word) => word !== BREAK).map((word) => word.toLowerCase());
  const untaught = [...new Set(typed)].filter((word) => !known.has(word));
  if (untaught.length === 0) return [];
  const rest = untaught.length > QUOTED ? ` and ${untaught.length - QUOTED} more` : '';
  return [
    `This small model was not taught: ${untaught.slice(0, QUOTED).map(shorten).join(', ')}${rest}. ` +
      `It knows ${words.slice(0, QUOTED).join(', ')} and more: /help lists its words.`,
  ];
}

const shorten = (word: string) => (word.length > 40 ? `${word.slice(0, 40)}…` : word);
