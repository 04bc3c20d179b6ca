/**
 * T5's tokenizer, as transformers 5's T5Tokenizer: the precompiled normaliser, words at white space, and for each
 * word the cut into pieces of the highest total score (unigram language model, Kudo 2018).
 */

import { createNormalizer } from './t5-charsmap.ts';
import type { AddedToken } from './tokenizer.ts';
import { type EncodedPrompt, partsOf, type Word } from './tokenizer.ts';

/** What the tokenizer is made of: readT5Tokenizer (t5-tokenizer-files.ts). */
export interface T5TokenizerFiles {
  /** Pieces in the order of their ids, with their log probabilities. */
  readonly pieces: readonly (readonly [piece: string, score: number])[];
  /** Tokens found in a prompt as they stand, before any cutting. */
  readonly added: readonly AddedToken[];
  /** SentencePiece's compiled normaliser; absent where the text is taken as it is. */
  readonly charsmap?: Uint8Array;
  readonly eosId: number;
  readonly padId: number;
  readonly unkId: number;
}

export interface T5Tokenizer {
  /**
   * @param maxLength number of ids to return; longer texts are cut, and the end token stays
   */
  encode(prompt: string, maxLength: number): EncodedPrompt;
  /** A text of any length, without the end token. */
  words(text: string): Iterable<Word>;
  /** maxLength ids: up to maxLength - 1 of the ids, the end token, padding. */
  frame(ids: readonly number[], maxLength: number): BigInt64Array;
}

const WHITE_SPACE = /\p{White_Space}+/u;
/** Stands for a space, and begins each word. */
const SPACE = '▁';
/** How much worse than the least likely piece an unknown character is. */
const UNKNOWN_PENALTY = 10;

/** @throws DarkroomError('bad_model') where the normaliser is damaged */
export function createT5Tokenizer(files: T5TokenizerFiles): T5Tokenizer {
  const { added, charsmap, eosId, padId, unkId } = files;
  const normalize = charsmap === undefined ? (text: string) => text : createNormalizer(charsmap);
  const pieces = new Map(files.pieces.map(([piece, score], id) => [piece, { id, score }]));
  const longest = files.pieces.reduce((most, [piece]) => Math.max(most, piece.length), 1);
  const unknownScore = files.pieces.reduce((least, [, score]) => Math.min(least, score), 0) - UNKNOWN_PENALTY;
  const parts = partsOf(added, normalize);

  /** Viterbi's best path; unknown characters that follow each other are one unknown token. */
  const cut = (word: string): number[] => {
    const ends: ({ id: number; score: number; start: number } | undefined)[] = new Array(word.length + 1);
    const reach = (end: number, id: number, score: number, start: number) => {
      const known = ends[end];
      if (known === undefined || score > known.score) ends[end] = { id, score, start };
    };
    for (let start = 0; start < word.length; ) {
      const before = ends[start]?.score ?? 0;
      const next = start + (word.codePointAt(start)! > 0xffff ? 2 : 1);
      let known = false;
      for (let end = next; end <= Math.min(word.length, start + longest); end++) {
        const piece = pieces.get(word.slice(start, end));
        if (piece === undefined) continue;
        reach(end, piece.id, before + piece.score, start);
        known ||= end === next;
      }
      if (!known) reach(next, unkId, before + unknownScore, start);
      start = next;
    }
    const ids: number[] = [];
    for (let end = word.length; end > 0; end = ends[end]!.start) {
      const { id } = ends[end]!;
      if (id !== unkId || ids.at(-1) !== unkId) ids.push(id);
    }
    return ids.reverse();
  };

  function* words(prompt: string): Generator<Word> {
    for (const { text, id } of parts(prompt.toWellFormed())) {
      if (id !== undefined) {
        yield { text, ids: [id] };
        continue;
      }
      for (const word of text.split(WHITE_SPACE)) {
        if (word === '') continue;
        const marked = word.startsWith(SPACE) ? word : SPACE + word;
        // A sign for a space within the word begins a word of its own.
        yield { text: word, ids: marked.split(/(?=▁)/).flatMap(cut) };
      }
    }
  }

  const frame = (text: readonly number[], maxLength: number): BigInt64Array => {
    const ids = new BigInt64Array(maxLength).fill(BigInt(padId));
    const count = Math.min(text.length, maxLength - 1);
    for (let i = 0; i < count; i++) ids[i] = BigInt(text[i]!);
    ids[count] = BigInt(eosId);
    return ids;
  };

  return {
    words,
    frame,
    encode(prompt, maxLength) {
      const ids: number[] = [];
      const dropped: string[] = [];
      for (const word of words(prompt)) {
        for (const id of word.ids) ids.push(id);
        if (ids.length > maxLength - 1) dropped.push(word.text);
      }
      return { ids: frame(ids, maxLength), dropped: dropped.join(' '), count: ids.length + 1 };
    },
  };
}
