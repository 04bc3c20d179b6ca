/**
 * Text in a PNG file: tEXt (latin-1) and iTXt (UTF-8) chunks, PNG specification 3rd edition, 11.3.3.
 * Only the chunk layer is read here; pixels are left to sharp.
 */
import { crc32, inflateSync } from 'node:zlib';
import { DarkroomError } from '../errors.ts';

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** All texts of one file together, after inflation; a recipe has a few kilobytes. */
const TEXT_BYTES = 1 << 20;
/** What tEXt can say: printable latin-1 and newline. */
const LATIN1 = /^[\n\x20-\x7e\xa0-\xff]*$/;

interface Chunk {
  readonly type: string;
  /** Bytes of the whole chunk, length field to CRC. */
  readonly start: number;
  readonly end: number;
  readonly data: Uint8Array;
}

export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/** Whether a PNG moves: an acTL chunk before the first pixels (APNG), which sharp would pass over. */
export function isAnimatedPng(png: Uint8Array): boolean {
  for (const { type } of chunksOf(png)) {
    if (type === 'acTL') return true;
    if (type === 'IDAT') return false;
  }
  return false;
}

/**
 * The PNG with these texts added before its pixels; texts of the same keyword are replaced.
 * @param texts keyword (1 to 79 latin-1 characters) -> text; tEXt where latin-1 holds it, else iTXt
 */
export function writePngText(png: Uint8Array, texts: Readonly<Record<string, string>>): Uint8Array {
  const kept: Uint8Array[] = [];
  const added = Object.entries(texts).map(([keyword, text]) => textChunk(keyword, text));
  let end = SIGNATURE.length;
  for (const chunk of chunksOf(png)) {
    end = chunk.end;
    const replaced = isText(chunk.type) && Object.hasOwn(texts, keywordOf(chunk));
    if (!replaced) kept.push(png.subarray(chunk.start, chunk.end));
    if (chunk.type === 'IHDR') kept.push(...added);
  }
  return Buffer.concat([SIGNATURE, ...kept, png.subarray(end)]);
}

/**
 * The texts of a PNG by keyword; empty for a file that is no PNG.
 * @throws DarkroomError('bad_picture') for lengths that leave the file, wrong checksums, texts over 1 MiB
 */
export function readPngText(png: Uint8Array): Map<string, string> {
  const texts = new Map<string, string>();
  if (!isPng(png)) return texts;
  let budget = TEXT_BYTES;
  for (const chunk of chunksOf(png)) {
    if (!isText(chunk.type)) continue;
    const stored = new DataView(png.buffer, png.byteOffset + chunk.end - 4, 4).getUint32(0);
    if (crc32(png.subarray(chunk.start + 4, chunk.end - 4)) !== stored) throw damaged('a wrong checksum');
    const text = decodeText(chunk, budget);
    budget -= text.length;
    if (budget < 0) throw damaged('more than 1 MiB of text');
    texts.set(keywordOf(chunk), text);
  }
  return texts;
}

function* chunksOf(png: Uint8Array): Generator<Chunk> {
  if (!isPng(png)) throw damaged('no PNG signature');
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  let start = SIGNATURE.length;
  while (start + 12 <= png.byteLength) {
    const length = view.getUint32(start);
    const end = start + 12 + length;
    if (end > png.byteLength) throw damaged(`a chunk of ${length} bytes that leaves the file`);
    const type = String.fromCharCode(...png.subarray(start + 4, start + 8));
    yield { type, start, end, data: png.subarray(start + 8, end - 4) };
    if (type === 'IEND') return;
    start = end;
  }
  throw damaged('no end');
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
  const compressed = data[afterKeyword] === 1;
  const text = data.subarray(zeroAt(data, zeroAt(data, afterKeyword + 2) + 1) + 1);
  return new TextDecoder().decode(compressed ? inflate(text, budget) : text);
}

function inflate(data: Uint8Array, budget: number): Uint8Array {
  try {
    return inflateSync(data, { maxOutputLength: Math.max(1, budget) });
  } catch (cause) {
    throw damaged('compressed text that cannot be read', cause);
  }
}

function textChunk(keyword: string, text: string): Uint8Array {
  if (keyword.length < 1 || keyword.length > 79 || !LATIN1.test(keyword)) {
    throw new DarkroomError('internal', `A PNG keyword has 1 to 79 latin-1 characters; got ${keyword}.`);
  }
  const key = Buffer.from(`${keyword}\0`, 'latin1');
  return LATIN1.test(text)
    ? chunk('tEXt', Buffer.concat([key, Buffer.from(text, 'latin1')]))
    : chunk('iTXt', Buffer.concat([key, new Uint8Array(4), Buffer.from(text.replaceAll('\0', ''), 'utf8')]));
}

function chunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, 'latin1');
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}

function zeroAt(data: Uint8Array, from: number): number {
  const at = data.indexOf(0, from);
  if (at < 0) throw damaged('text without a keyword');
  return at;
}

const latin1 = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');

function damaged(what: string, cause?: unknown): DarkroomError {
  return new DarkroomError('bad_picture', `This PNG is damaged: it has ${what}. Save it again and resend.`, {
    cause,
  });
}
