/**
 * SentencePiece's precompiled normaliser (Kudo & Richardson 2018), read as the tokenizers library reads it: a
 * double-array trie (darts-clone) from byte strings to places in a list of replacements. T5's holds nmt_nfkc: NFKC,
 * white space of all kinds to spaces, control characters away.
 */
import { DarkroomError } from '../errors.ts';

/** Graphemes of more bytes are read character by character. */
const LONGEST_GRAPHEME = 5;
const GRAPHEMES = new Intl.Segmenter('en', { granularity: 'grapheme' });

/**
 * @param charsmap length of the trie in bytes (uint32), the trie, then replacements with a zero after each
 * @throws DarkroomError('bad_model') where the lengths contradict each other
 */
export function createNormalizer(charsmap: Uint8Array): (text: string) => string {
  const view = new DataView(charsmap.buffer, charsmap.byteOffset, charsmap.byteLength);
  const trieBytes = charsmap.length >= 8 ? view.getUint32(0, true) : 0;
  if (trieBytes === 0 || trieBytes % 4 !== 0 || 4 + trieBytes > charsmap.length) {
    throw new DarkroomError('bad_model', "The tokenizer's precompiled_charsmap is cut off.");
  }
  const units = Uint32Array.from({ length: trieBytes / 4 }, (_, i) => view.getUint32(4 + 4 * i, true));
  const replacements = charsmap.subarray(4 + trieBytes);
  const encoder = new TextEncoder();
  const decoder = new TextDecoder();

  /** What the shortest known beginning of the bytes becomes; the rest of them goes. */
  const replacement = (bytes: Uint8Array): string | undefined => {
    let node = offset(units[0]!);
    for (const byte of bytes) {
      if (byte === 0) return undefined;
      node ^= byte;
      const unit = units[node];
      if (unit === undefined || label(unit) !== byte) return undefined;
      node ^= offset(unit);
      if (!hasLeaf(unit)) continue;
      const start = (units[node] ?? 0) & 0x7fffffff;
      const end = replacements.indexOf(0, start);
      return decoder.decode(replacements.subarray(start, end === -1 ? undefined : end));
    }
    return undefined;
  };

  return (text) => {
    let out = '';
    for (const { segment } of GRAPHEMES.segment(text)) {
      const bytes = encoder.encode(segment);
      const whole = bytes.length <= LONGEST_GRAPHEME ? replacement(bytes) : undefined;
      if (whole !== undefined) out += whole;
      else for (const character of segment) out += replacement(encoder.encode(character)) ?? character;
    }
    return out;
  };
}

/** A unit's fields (darts-clone's DoubleArrayUnit). */
const hasLeaf = (unit: number) => ((unit >>> 8) & 1) === 1;
const label = (unit: number) => (unit & 0x800000ff) >>> 0;
const offset = (unit: number) => ((unit >>> 10) << ((unit & 0x200) >>> 6)) >>> 0;
