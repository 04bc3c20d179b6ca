/** Text in PNG files: tEXt and zTXt (latin-1) and iTXt (UTF-8) chunks, PNG specification, third edition, 11.3.3. */
import { inflateSync } from 'node:zlib';
import { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';
import {
  assertChecksum,
  type Chunk,
  chunksOf,
  damagedPng,
  encodeChunk,
  isPng,
  joinChunks,
} from './png-chunks.ts';
import { XMP } from './provenance.ts';

/** All texts of one file together, after inflation; a recipe has a few kilobytes. */
const TEXT_BYTES = 1 << 20;
/** What tEXt can hold: printable latin-1 and newline. */
const LATIN1 = /^[\n\x20-\x7e\xa0-\xff]*$/;

/**
 * The PNG with these texts added before its pixels; texts of the same keyword are replaced.
 * @param texts keyword (1 to 79 latin-1 characters) -> text; tEXt if latin-1 can hold it, else iTXt; XMP is always iTXt
 */
export function writePngText(png: Uint8Array, texts: Readonly<Record<string, string>>): Uint8Array {
  const kept: Uint8Array[] = [];
  const added = Object.entries(texts).map(([keyword, text]) => textChunk(keyword, text));
  for (const chunk of chunksOf(png)) {
    const isReplaced = isText(chunk.type) && Object.hasOwn(texts, keywordOf(chunk));
    if (!isReplaced) kept.push(png.subarray(chunk.start, chunk.end));
    if (chunk.type === 'IHDR') kept.push(...added);
  }
  return joinChunks(kept);
}

/** The PNG without what it says of itself in texts and EXIF, except for XMP; a file of another format as it is. */
export function withoutPngTexts(png: Uint8Array): Uint8Array {
  if (!isPng(png)) return png;
  const kept = chunksOf(png).filter(
    (chunk) => chunk.type !== 'eXIf' && (!isText(chunk.type) || keywordOf(chunk) === XMP),
  );
  return joinChunks([...kept].map(({ start, end }) => png.subarray(start, end)));
}

/**
 * The texts of a PNG by keyword; empty for a file of another format.
 * @param wanted keywords; the others are passed over unread. Absent: all
 * @throws DarkroomError('bad_picture') for lengths that leave the file, wrong checksums, texts over 1 MiB
 */
export function readPngText(png: Uint8Array, wanted?: readonly string[]): Map<string, string> {
  const texts = new Map<string, string>();
  if (!isPng(png)) return texts;
  let budget = TEXT_BYTES;
  for (const chunk of chunksOf(png)) {
    if (!isText(chunk.type)) continue;
    if (wanted !== undefined && !wanted.includes(keywordOf(chunk))) continue;
    assertChecksum(png, chunk);
    // The chunk itself counts too: thousands of empty texts are work as well.
    budget -= chunk.end - chunk.start;
    const text = decodeText(chunk, budget);
    budget -= text.length;
    if (budget < 0) throw damagedPng(sentence('picture.png.much_text'));
    texts.set(keywordOf(chunk), text);
  }
  return texts;
}

const isText = (type: string) => type === 'tEXt' || type === 'zTXt' || type === 'iTXt';

function keywordOf({ data }: Chunk): string {
  return latin1(data.subarray(0, zeroAt(data, 0)));
}

function decodeText({ type, data }: Chunk, budget: number): string {
  const afterKeyword = zeroAt(data, 0) + 1;
  if (type === 'tEXt') return latin1(data.subarray(afterKeyword));
  if (type === 'zTXt') return latin1(inflate(data.subarray(afterKeyword + 1), budget));
  // iTXt: compression flag, compression method, language tag, translated keyword, text.
  const isCompressed = data[afterKeyword] === 1;
  const text = data.subarray(zeroAt(data, zeroAt(data, afterKeyword + 2) + 1) + 1);
  return new TextDecoder().decode(isCompressed ? inflate(text, budget) : text);
}

function inflate(data: Uint8Array, budget: number): Uint8Array {
  try {
    return inflateSync(data, { maxOutputLength: Math.max(1, budget) });
  } catch (cause) {
    throw damagedPng(sentence('picture.png.bad_text'), cause);
  }
}

function textChunk(keyword: string, text: string): Uint8Array {
  if (keyword.length < 1 || keyword.length > 79 || !LATIN1.test(keyword)) {
    throw new DarkroomError('internal', `A PNG keyword has 1 to 79 latin-1 characters; got ${keyword}.`);
  }
  const key = Buffer.from(`${keyword}\0`, 'latin1');
  return LATIN1.test(text) && keyword !== XMP
    ? encodeChunk('tEXt', Buffer.concat([key, Buffer.from(text, 'latin1')]))
    : encodeChunk(
        'iTXt',
        Buffer.concat([key, new Uint8Array(4), Buffer.from(text.replaceAll('\0', ''), 'utf8')]),
      );
}

function zeroAt(data: Uint8Array, from: number): number {
  const at = data.indexOf(0, from);
  if (at < 0) throw damagedPng(sentence('picture.png.no_keyword'));
  return at;
}

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
