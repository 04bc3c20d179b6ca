/**
 * CLIP's byte-level BPE (Sennrich et al. 2016; Radford et al. 2021), as transformers 5's CLIPTokenizer does it:
 * NFC, white space to single spaces, lower case, words split by CLIP's pattern, then merges.
 */
import { DarkroomError } from '../errors.ts';
import type { AddedToken, TokenizerFiles } from './spec.ts';

export interface EncodedPrompt {
  /** Exactly modelMaxLength ids: BOS, the text, EOS, padding. */
  readonly ids: BigInt64Array;
  /** The words beyond the limit, in normalised spelling; '' where everything was read. */
  readonly dropped: string;
  /** Ids that the whole text would need, with BOS and EOS. */
  readonly count: number;
}

export interface ClipTokenizer {
  encode(prompt: string): EncodedPrompt;
}

interface Word {
  readonly text: string;
  readonly ids: readonly number[];
}

const WHITE_SPACE = /\p{White_Space}+/gu;
const CLIP_WORDS =
  /<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\p{White_Space}\p{L}\p{N}]+/gu;
/** The byte-level stage splits once more; that shows only where a special token was typed in capitals. */
const BYTE_LEVEL_WORDS = /'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}+|[^\p{L}\p{N}]+/gu;
const END_OF_WORD = '</w>';

/** @throws DarkroomError('bad_model') where a special token has no id */
export function createTokenizer(files: TokenizerFiles): ClipTokenizer {
  const { vocab, modelMaxLength } = files;
  const id = (token: string) => {
    const found = vocab.get(token) ?? files.added.find(({ content }) => content === token)?.id;
    if (found === undefined)
      throw new DarkroomError('bad_model', `The tokenizer's vocabulary lacks ${token}.`);
    return found;
  };
  const [bos, eos, pad, unk] = [files.bosToken, files.eosToken, files.padToken, files.unkToken].map(id) as [
    number,
    number,
    number,
    number,
  ];
  const ranks = new Map(files.merges.map(([left, right], rank) => [`${left} ${right}`, rank]));
  const splitRaw = splitter(files.added.filter(({ normalized }) => !normalized));
  const splitNormal = splitter(
    files.added
      .filter(({ normalized }) => normalized)
      .map((token) => ({ ...token, content: normalize(token.content) })),
  );
  const cache = new Map<string, readonly number[]>();

  const bpe = (word: string): readonly number[] => {
    const known = cache.get(word);
    if (known !== undefined) return known;
    const ids = mergeWord(word, ranks).map((symbol) => vocab.get(symbol) ?? unk);
    if (word.length <= 32) cache.set(word, ids);
    return ids;
  };

  function* words(prompt: string): Generator<Word> {
    for (const raw of splitRaw(prompt)) {
      if (raw.id !== undefined) {
        yield { text: raw.text, ids: [raw.id] };
        continue;
      }
      for (const part of splitNormal(normalize(raw.text))) {
        if (part.id !== undefined) {
          yield { text: part.text, ids: [part.id] };
          continue;
        }
        let end = 0;
        for (const match of part.text.matchAll(CLIP_WORDS)) {
          const spaced = part.text.slice(end, match.index) + match[0];
          end = match.index + match[0].length;
          yield { text: spaced, ids: match[0].match(BYTE_LEVEL_WORDS)!.flatMap(bpe) };
        }
      }
    }
  }

  return {
    encode(prompt) {
      const room = modelMaxLength - 2;
      const ids = new BigInt64Array(modelMaxLength).fill(BigInt(pad));
      ids[0] = BigInt(bos);
      let count = 0;
      let dropped = '';
      for (const word of words(prompt)) {
        for (const [i, token] of word.ids.entries()) {
          if (count + i < room) ids[count + i + 1] = BigInt(token);
        }
        count += word.ids.length;
        if (count > room) dropped += word.text;
      }
      ids[Math.min(count, room) + 1] = BigInt(eos);
      return { ids, dropped: dropped.trim(), count: count + 2 };
    },
  };
}

/** Lower case goes by single characters, without the final sigma of whole words, as the reference's does. */
function normalize(text: string): string {
  const spaced = text.normalize('NFC').replace(WHITE_SPACE, ' ');
  return Array.from(spaced, (character) => character.toLowerCase()).join('');
}

/** Cuts a text at added tokens, which are never merged with what stands around them; the longest one wins. */
function splitter(tokens: readonly AddedToken[]): (text: string) => Iterable<{ text: string; id?: number }> {
  if (tokens.length === 0) return (text) => [{ text }];
  const ids = new Map(tokens.map(({ content, id }) => [content, id]));
  const longestFirst = [...ids.keys()].sort((a, b) => b.length - a.length);
  const pattern = new RegExp(
    `(${longestFirst.map((s) => s.replace(/[.*+?^${}()|[\]\\/]/g, '\\$&')).join('|')})`,
    'u',
  );
  return (text) =>
    text.split(pattern).map((part) => {
      const id = ids.get(part);
      return id === undefined ? { text: part } : { text: part, id };
    });
}

/** Merges the pair of lowest rank, the leftmost first, until none is left. */
function mergeWord(word: string, ranks: ReadonlyMap<string, number>): string[] {
  const symbols = Array.from(new TextEncoder().encode(word), (byte) => BYTE_CHARACTERS[byte]!);
  symbols.push(symbols.pop()! + END_OF_WORD);
  const rankAt = (i: number) => ranks.get(`${symbols[i]} ${symbols[i + 1]}`) ?? Number.POSITIVE_INFINITY;
  const pairs = symbols.slice(1).map((_, i) => rankAt(i));
  while (pairs.length > 0) {
    let best = 0;
    for (let i = 1; i < pairs.length; i++) if (pairs[i]! < pairs[best]!) best = i;
    if (pairs[best] === Number.POSITIVE_INFINITY) break;
    symbols.splice(best, 2, symbols[best]! + symbols[best + 1]!);
    pairs.splice(best, 1);
    if (best > 0) pairs[best - 1] = rankAt(best - 1);
    if (best < pairs.length) pairs[best] = rankAt(best);
  }
  return symbols;
}

/** One printable character for each byte: printable bytes stand for themselves, the others from U+0100 on. */
const BYTE_CHARACTERS: readonly string[] = (() => {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCharCode(printable ? byte : next++);
  });
})();
