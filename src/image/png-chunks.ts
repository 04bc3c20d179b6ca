/** The chunks of a PNG file (PNG specification, third edition, 5.3), without any of its pixels. */
import { crc32 } from 'node:zlib';
import { DarkroomError } from '../errors.ts';
import { type Sentence, sentence } from '../sentences.ts';

const SIGNATURE = Uint8Array.of(0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a);
/** Editors write a few hundred chunks at most; each one costs time on every pass over the file. */
const MOST_CHUNKS = 65_536;

export interface Chunk {
  readonly type: string;
  /** Bytes of the whole chunk, length field to CRC. */
  readonly start: number;
  readonly end: number;
  readonly data: Uint8Array;
}

export function isPng(bytes: Uint8Array): boolean {
  return SIGNATURE.every((byte, i) => bytes[i] === byte);
}

/**
 * Up to IEND, or to the end of the file where that is missing.
 * @throws DarkroomError('bad_picture') for lengths that leave the file, too many chunks, or less than a chunk at the end
 */
export function* chunksOf(png: Uint8Array): Generator<Chunk> {
  if (!isPng(png)) throw damagedPng(sentence('picture.png.no_signature'));
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  let start = SIGNATURE.length;
  for (let count = 1; start + 12 <= png.byteLength; count++) {
    if (count > MOST_CHUNKS) throw damagedPng(sentence('picture.png.chunks', { limit: MOST_CHUNKS }));
    const length = view.getUint32(start);
    const end = start + 12 + length;
    if (end > png.byteLength) throw damagedPng(sentence('picture.png.chunk', { length }));
    const type = String.fromCharCode(...png.subarray(start + 4, start + 8));
    yield { type, start, end, data: png.subarray(start + 8, end - 4) };
    if (type === 'IEND') return;
    start = end;
  }
  if (start !== png.byteLength) throw damagedPng(sentence('picture.png.no_end'));
}

/** @throws DarkroomError('bad_picture') for a wrong checksum */
export function assertChecksum(png: Uint8Array, { start, end }: Chunk): void {
  const stored = new DataView(png.buffer, png.byteOffset + end - 4, 4).getUint32(0);
  if (crc32(png.subarray(start + 4, end - 4)) !== stored) throw damagedPng(sentence('picture.png.checksum'));
}

export function encodeChunk(type: string, data: Uint8Array): Uint8Array {
  const bytes = Buffer.alloc(12 + data.length);
  bytes.writeUInt32BE(data.length, 0);
  bytes.write(type, 4, 'latin1');
  bytes.set(data, 8);
  bytes.writeUInt32BE(crc32(bytes.subarray(4, 8 + data.length)), 8 + data.length);
  return bytes;
}

/** @param chunks whole chunks, length field to CRC */
export function joinChunks(chunks: readonly Uint8Array[]): Uint8Array {
  return Buffer.concat([SIGNATURE, ...chunks]);
}

export function damagedPng(what: Sentence, cause?: unknown): DarkroomError {
  return new DarkroomError('bad_picture', sentence('picture.damaged_png', { what }), {
    cause,
  });
}
