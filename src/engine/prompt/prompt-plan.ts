/** A prompt cut into what the text encoders are fed, without any model: token ids, weights, and what is left out. */
import { chunkTokens, type WeightedToken } from '../../diffusion/prompt-chunks.ts';
import { type ParsedPrompt, parsePrompt, WEIGHT_LIMIT } from '../../diffusion/prompt-weights.ts';
import type { Inversion } from '../../models/inversion/inversion.ts';
import type { T5Tokenizer } from '../../models/t5-tokenizer.ts';
import type { ClipTokenizer, Word } from '../../models/tokenizer.ts';
import type { GenerationRequest, PromptSyntax } from '../../request.ts';
import { type Sentence, sentence, type Words } from '../../sentences.ts';
import { type PlacedWord, placeInversions, type SpelledInversion, spell, type Vector } from './inversions.ts';
import type { QwenReader, TextReader } from './text-encoders.ts';
import type { PromptTexts } from './texts.ts';
import { describeUnread, type EncoderTitle, textName } from './unread.ts';

/**
 * Chunks of one prompt that are read. Cross-attention grows with them; at 16 (1200 tokens) it still costs less than
 * the attention among a 512x512 picture's own latents.
 */
const MAX_CHUNKS = 16;

/** One forward pass of a text encoder. */
export interface Window {
  /** As long as the encoder's window. */
  readonly ids: BigInt64Array;
  /** One for each id; 1 for BOS, EOS and padding. */
  readonly weights: readonly number[];
  /** What stands in place of tokens' own embeddings, one for each id; absent where nothing does. */
  readonly vectors?: readonly (Vector | undefined)[];
}

/** One text for one encoder. */
interface EncoderPlan {
  readonly windows: readonly Window[];
  /** The words that are not read; '' where all are. */
  readonly dropped: string;
  /** A weight beyond WEIGHT_LIMIT, which was clamped. */
  readonly excess?: number;
  /** Names of the embeddings that are called. */
  readonly embeddings?: readonly string[];
  /** Whether it was given weights of words, which do not reach it. */
  readonly ignoresWeights?: true;
}

/** A prompt or a negative prompt for all encoders of a model. */
export interface PromptPlan {
  /** In the order of the model's text encoders. */
  readonly encoders: readonly EncoderPlan[];
  /** Sentences for the user: words that are ignored and weights that were clamped. */
  readonly notes: readonly Words[];
}

/** @param label which prompt it is, for the notes: "prompt", "negative prompt" */
export function planPrompt(
  readers: readonly TextReader[],
  { promptSyntax, maxSequenceLength }: Pick<GenerationRequest, 'promptSyntax' | 'maxSequenceLength'>,
  label: string,
  texts: PromptTexts,
  inversions: readonly Inversion[] = [],
): PromptPlan {
  const encoders = readers.map((reader, i) => {
    const text = texts[i]!;
    if (reader.kind === 'clip') {
      const { tokenizer, rules } = reader;
      const chunks = rules.summaryOnly === true ? 1 : MAX_CHUNKS;
      return planClip(tokenizer, text, promptSyntax, { inversions: spell(inversions, i, tokenizer), chunks });
    }
    if (reader.kind === 'qwen') {
      return planQwen(reader, text, promptSyntax, maxSequenceLength ?? reader.rules.length);
    }
    return planT5(reader.tokenizer, text, promptSyntax, maxSequenceLength ?? reader.length);
  });
  const notes = readers.flatMap((reader, i) => {
    const { kind } = reader;
    const isSame = texts[i] === texts[0];
    // What its summary leaves out is read by the encoder of the words.
    const isSummary = kind === 'clip' && reader.rules.summaryOnly === true;
    if (isSummary && readers.some((_, other) => other !== i && texts[other] === texts[i])) {
      return describePlan(label, TITLES[kind], { ...encoders[i]!, dropped: '' });
    }
    // Two CLIPs that read the same text stop at the same word, save for an odd spelling.
    if (kind === 'clip' && i > 0 && isSame) return [];
    return describePlan(isSame ? label : `${label} ${i + 1}`, TITLES[kind], encoders[i]!);
  });
  return { encoders, notes: withoutRepeats(notes) };
}

const TITLES = { clip: 'CLIP', t5: 'T5', qwen: 'Qwen' } as const;

/** `plain`: one window, cut at its end. `a1111`: as many as the prompt needs, up to `chunks`. */
function planClip(
  tokenizer: ClipTokenizer,
  text: string,
  syntax: PromptSyntax,
  {
    inversions = [],
    chunks: most = MAX_CHUNKS,
  }: { readonly inversions?: readonly SpelledInversion[]; readonly chunks?: number } = {},
): EncoderPlan {
  const { maxLength, comma } = tokenizer;
  if (syntax === 'plain') {
    const { ids, dropped } = tokenizer.encode(text);
    return { windows: [{ ids, weights: neutral(maxLength) }], dropped };
  }
  const size = maxLength - 2;
  const parsed = parsePrompt(text);
  const words = weightedWords(parsed, tokenizer, inversions);
  const sections = words.map((section) => section.flatMap(tokensOf));
  const chunks = chunkTokens(sections, { size, comma });
  const kept = chunks.slice(0, most);
  const read = kept.reduce((sum, chunk) => sum + chunk.length, 0);
  return {
    windows: kept.map((chunk) => {
      const weights = neutral(maxLength);
      for (const [i, { weight }] of chunk.entries()) weights[i + 1] = weight;
      const ids = tokenizer.frame(chunk.map(({ id }) => id));
      if (chunk.every(({ vector }) => vector === undefined)) return { ids, weights };
      const vectors = Array.from(weights, (_, i) => (i === 0 ? undefined : chunk[i - 1]?.vector));
      return { ids, weights, vectors };
    }),
    dropped: wordsAfter(words.flat(), read),
    embeddings: words.flat().flatMap(({ text: word, vectors }) => (vectors === undefined ? [] : word.trim())),
    ...excessOf(parsed),
  };
}

interface PlacedToken extends WeightedToken {
  readonly vector?: Vector;
}

/** The vectors of an embedding stay together. */
function tokensOf({ ids, weight, vectors }: WeightedWord): PlacedToken[] {
  if (vectors === undefined) return ids.map((id) => ({ id, weight }));
  const token = (id: number, i: number): PlacedToken => ({ id, weight, vector: vectors[i]! });
  return ids.map((id, i) => (i === 0 ? { ...token(id, i), run: ids.length } : token(id, i)));
}

/** The same window without words. */
export function emptyWindow(tokenizer: ClipTokenizer): Window {
  return { ids: tokenizer.frame([]), weights: neutral(tokenizer.maxLength) };
}

/**
 * T5 reads one window of `length` tokens, whatever the syntax: BREAK means nothing to it, its weights are the same.
 * (A1111 does so too.)
 */
function planT5(tokenizer: T5Tokenizer, text: string, syntax: PromptSyntax, length: number): EncoderPlan {
  if (syntax === 'plain') {
    const { ids, dropped } = tokenizer.encode(text, length);
    return { windows: [{ ids, weights: neutral(length) }], dropped };
  }
  const parsed = parsePrompt(text);
  const words = weightedWords(parsed, tokenizer).flat();
  const tokens = words.flatMap(({ ids }) => ids);
  const weights = neutral(length);
  let at = 0;
  for (const { ids, weight } of words) {
    for (let i = 0; i < ids.length && at < length - 1; i++) weights[at++] = weight;
  }
  return {
    windows: [{ ids: tokenizer.frame(tokens, length), weights }],
    dropped: wordsAfter(words, length - 1, ' '),
    ...excessOf(parsed),
  };
}

/** One window within its chat frame, as it stands: weights of words do not reach a Qwen. */
function planQwen(
  { tokenizer, rules }: QwenReader,
  text: string,
  syntax: PromptSyntax,
  length: number,
): EncoderPlan {
  const segments = syntax === 'plain' ? [] : parsePrompt(text).sections.flat();
  const isWeighted = segments.some(({ weight }) => weight !== 1);
  const words = isWeighted ? segments.map((segment) => segment.text).join('') : text;
  const { ids, dropped } = tokenizer.encode(words, { maxLength: length, thinks: rules.thinks });
  return {
    windows: [{ ids: BigInt64Array.from(ids, BigInt), weights: [] }],
    dropped,
    ...(isWeighted && { ignoresWeights: true }),
  };
}

/** Several encoders may say the same. */
const withoutRepeats = (notes: readonly Words[]) => [
  ...new Map(notes.map((note) => [JSON.stringify(note), note])).values(),
];

function describePlan(label: string, name: EncoderTitle, plan: EncoderPlan): Sentence[] {
  const notes: Sentence[] = [];
  const text = textName(label);
  if (plan.ignoresWeights === true) {
    notes.push(sentence('engine.weights_idle', { text, encoder: name }));
  }
  const unread = describeUnread(label, name, plan.dropped);
  if (unread !== undefined) notes.push(unread);
  if (plan.excess !== undefined) {
    const limit = Math.sign(plan.excess) * WEIGHT_LIMIT;
    const isShort = Math.abs(plan.excess) < 1e6;
    const value = isShort
      ? sentence('engine.the_weight', { weight: Number(plan.excess.toPrecision(4)) })
      : sentence('engine.a_weight');
    notes.push(sentence('engine.weight_range', { value, text, limit: WEIGHT_LIMIT, used: limit }));
  }
  return notes;
}

interface WeightedWord extends PlacedWord {
  readonly weight: number;
}

/** The words of each section; a space or a BREAK between two segments goes to the word after it. */
function weightedWords(
  { sections }: ParsedPrompt,
  tokenizer: { words(text: string): Iterable<Word> },
  inversions: readonly SpelledInversion[] = [],
): WeightedWord[][] {
  let isApart = false;
  return sections.map((segments) => {
    const words: WeightedWord[] = [];
    for (const { text, weight } of segments) {
      for (const word of placeInversions(tokenizer.words(text), inversions)) {
        words.push({ ...word, text: isApart ? ` ${word.text}` : word.text, weight });
        isApart = false;
      }
      isApart ||= /\s$/.test(text);
    }
    isApart = true;
    return words;
  });
}

const neutral = (length: number) => new Array<number>(length).fill(1);

const excessOf = ({ excess }: ParsedPrompt) => (excess === undefined ? {} : { excess });

/** The words that do not end within the first `count` tokens. T5's are spelled without the space before them. */
function wordsAfter(words: readonly Word[], count: number, space = ''): string {
  let end = 0;
  const after = words.filter(({ ids }) => {
    end += ids.length;
    return end > count;
  });
  return after
    .map(({ text }) => text)
    .join(space)
    .trim();
}
