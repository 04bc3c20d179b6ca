/**
 * CLIP's byte-level BPE (Sennrich et al. 2016; Radford et al. 2021), as transformers 5's CLIPTokenizer does it:
 * NFC, white space to single spaces, lower case, words split by CLIP's pattern, then merges.
 */
import { DarkroomError } from '../errors.ts';

/** What the tokenizer is made of: readTokenizer (tokenizer-files.ts). */
export interface TokenizerFiles {
  readonly vocab: ReadonlyMap<string, number>;
  /** Best first. */
  readonly merges: readonly (readonly [string, string])[];
  /** Tokens found in a prompt as they stand, before any merging: the special ones and any the folder adds. */
  readonly added: readonly AddedToken[];
  readonly bosToken: string;
  readonly eosToken: string;
  readonly padToken: string;
  readonly unkToken: string;
  /** Ids of one prompt with BOS and EOS: 77. */
  readonly modelMaxLength: number;
}

export interface AddedToken {
  readonly content: string;
  readonly id: number;
  /** Looked for in the text after normalisation (lower case) rather than before. */
  readonly normalized: boolean;
}

export interface EncodedPrompt {
  /** Exactly maxLength ids: BOS, the text, EOS, padding. */
  readonly ids: BigInt64Array;
  /** The words beyond the limit, in normalised spelling; '' where everything was read. */
  readonly dropped: string;
  /** Ids that the whole text would need, with BOS and EOS. */
  readonly count: number;
}

/** A word in normalised spelling, with the space before it, and its ids. */
export interface Word {
  readonly text: string;
  readonly ids: readonly number[];
}

export interface ClipTokenizer {
  /** Ids of one window with BOS and EOS: 77. */
  readonly maxLength: number;
  /** Id of a comma that ends a word, where the vocabulary has one. */
  readonly comma: number | undefined;
  /** A text as diffusers takes it: cut at maxLength. */
  encode(prompt: string): EncodedPrompt;
  /** A text of any length, without BOS and EOS. */
  words(text: string): Iterable<Word>;
  /** maxLength ids: BOS, up to maxLength - 2 of the ids, EOS, padding. */
  frame(ids: readonly number[]): BigInt64Array;
}

const WHITE_SPACE = /\p{White_Space}+/gu;
const CLIP_WORDS =
  /<\|startoftext\|>|<\|endoftext\|>|'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}|[^\p{White_Space}\p{L}\p{N}]+/gu;
/** The byte-level stage splits once more; that shows only where a special token was typed in capitals. */
const BYTE_LEVEL_WORDS = /'s|'t|'re|'ve|'m|'ll|'d|\p{L}+|\p{N}+|[^\p{L}\p{N}]+/gu;
const END_OF_WORD = '</w>';
/** Words whose ids are remembered. */
const WORDS_KEPT = 20_000;

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
  const replaced = companions(files.added);
  const parts = partsOf(files.added, normalize);
  const cache = new Map<string, readonly number[]>();

  const bpe = (word: string): readonly number[] => {
    const known = cache.get(word);
    if (known !== undefined) return known;
    const ids = mergeWord(word, ranks).map((symbol) => vocab.get(symbol) ?? unk);
    if (cache.size >= WORDS_KEPT) cache.clear();
    if (word.length <= 32) cache.set(word, ids);
    return ids;
  };

  const words = (prompt: string): Iterable<Word> => {
    if (replaced.length === 0) return split(prompt);
    // Only of tokens that the tokenizer finds: a longer token may hold the name of a shorter one.
    const found = new Set(Array.from(split(prompt), ({ ids }) => ids).flat());
    let text = prompt;
    for (const { id, content, all } of replaced)
      if (found.has(id)) text = text.replaceAll(content, () => all);
    return split(text);
  };

  function* split(prompt: string): Generator<Word> {
    for (const { text, id } of parts(prompt)) {
      if (id !== undefined) {
        yield { text, ids: [id] };
        continue;
      }
      let end = 0;
      for (const match of text.matchAll(CLIP_WORDS)) {
        const spaced = text.slice(end, match.index) + match[0];
        end = match.index + match[0].length;
        yield { text: spaced, ids: match[0].match(BYTE_LEVEL_WORDS)!.flatMap(bpe) };
      }
    }
  }

  const room = modelMaxLength - 2;
  const frame = (text: readonly number[]): BigInt64Array => {
    const ids = new BigInt64Array(modelMaxLength).fill(BigInt(pad));
    ids[0] = BigInt(bos);
    const count = Math.min(text.length, room);
    for (let i = 0; i < count; i++) ids[i + 1] = BigInt(text[i]!);
    ids[count + 1] = BigInt(eos);
    return ids;
  };

  return {
    maxLength: modelMaxLength,
    comma: vocab.get(`,${END_OF_WORD}`),
    words,
    frame,
    encode(prompt) {
      const ids: number[] = [];
      let dropped = '';
      for (const word of words(prompt)) {
        for (const id of word.ids) ids.push(id);
        if (ids.length > room) dropped += word.text;
      }
      return { ids: frame(ids), dropped: dropped.trim(), count: ids.length + 2 };
    },
  };
}

/**
 * A textual inversion of several vectors (Gal et al. 2022) is a token with companions: `<cat>`, `<cat>_1`, `<cat>_2`.
 * diffusers' maybe_convert_prompt writes all of them where the prompt has the first.
 * @returns the first tokens, each with what stands for it
 */
function companions(tokens: readonly AddedToken[]): { id: number; content: string; all: string }[] {
  const contents = new Set(tokens.map(({ content }) => content));
  return tokens.flatMap(({ id, content }) => {
    const all = [content];
    while (contents.has(`${content}_${all.length}`)) all.push(`${content}_${all.length}`);
    return all.length > 1 ? [{ id, content, all: all.join(' ') }] : [];
  });
}

/** Lower case goes by single characters, without the final sigma of whole words, as the reference's does. */
function normalize(text: string): string {
  const spaced = text.normalize('NFC').replace(WHITE_SPACE, ' ');
  return Array.from(spaced, (character) => character.toLowerCase()).join('');
}

/** An added token, or the normalised text between two of them. */
interface Part {
  readonly text: string;
  /** Of a token. */
  readonly id?: number;
}

/** Cuts a text at added tokens: those that the normaliser does not touch first, then the others in what it makes of the rest. */
export function partsOf(
  added: readonly AddedToken[],
  normalize: (text: string) => string,
): (text: string) => Iterable<Part> {
  const splitRaw = splitter(added.filter(({ normalized }) => !normalized));
  const splitNormal = splitter(
    added
      .filter(({ normalized }) => normalized)
      .map((token) => ({ ...token, content: normalize(token.content) })),
  );
  return function* (text) {
    for (const raw of splitRaw(text)) {
      if (raw.id === undefined) yield* splitNormal(normalize(raw.text));
      else yield raw;
    }
  };
}

/** Cuts a text at tokens, which are never merged with what stands around them; the longest one wins. */
function splitter(tokens: readonly AddedToken[]): (text: string) => Iterable<Part> {
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

/**
 * Merges the pair of lowest rank, the leftmost first, until none is left. Symbols are a linked list and the pairs a
 * heap, so that a word of thousands of letters costs n log n.
 */
function mergeWord(word: string, ranks: ReadonlyMap<string, number>): string[] {
  const symbols: (string | undefined)[] = Array.from(
    new TextEncoder().encode(word),
    (byte) => BYTE_CHARACTERS[byte]!,
  );
  const count = symbols.length;
  symbols[count - 1] += END_OF_WORD;
  const next = Array.from({ length: count }, (_, i) => i + 1);
  const previous = Array.from({ length: count }, (_, i) => i - 1);
  const rankAt = (i: number) => ranks.get(`${symbols[i]} ${symbols[next[i]!]}`);
  // A pair as one number that sorts by rank, then by place; it is stale when the rank at its place has changed.
  const heap = new Heap();
  const offer = (i: number) => {
    if (i < 0 || next[i]! >= count) return;
    const rank = rankAt(i);
    if (rank !== undefined) heap.push(rank * count + i);
  };
  for (let i = 0; i < count - 1; i++) offer(i);
  for (let pair = heap.pop(); pair !== undefined; pair = heap.pop()) {
    const left = pair % count;
    const right = next[left]!;
    if (symbols[left] === undefined || right >= count || rankAt(left) !== (pair - left) / count) continue;
    symbols[left] += symbols[right]!;
    symbols[right] = undefined;
    next[left] = next[right]!;
    if (next[left]! < count) previous[next[left]!] = left;
    offer(previous[left]!);
    offer(left);
  }
  return symbols.filter((symbol) => symbol !== undefined);
}

/** Numbers, the lowest first (Williams 1964). */
class Heap {
  readonly #items: number[] = [];

  push(item: number): void {
    const items = this.#items;
    let at = items.push(item) - 1;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (items[above]! <= item) break;
      items[at] = items[above]!;
      at = above;
    }
    items[at] = item;
  }

  pop(): number | undefined {
    const items = this.#items;
    const top = items[0];
    const item = items.pop();
    if (items.length === 0 || item === undefined) return top;
    let at = 0;
    for (let below = 1; below < items.length; below = 2 * at + 1) {
      if (below + 1 < items.length && items[below + 1]! < items[below]!) below++;
      if (items[below]! >= item) break;
      items[at] = items[below]!;
      at = below;
    }
    items[at] = item;
    return top;
  }
}

/** One printable character for each byte: printable bytes stand for themselves, the others from U+0100 on. */
export const BYTE_CHARACTERS: readonly string[] = (() => {
  let next = 256;
  return Array.from({ length: 256 }, (_, byte) => {
    const printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
    return String.fromCharCode(printable ? byte : next++);
  });
})();
