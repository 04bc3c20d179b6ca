/** Reads files out of a zip (a wheel is one) without holding it in memory. */
import { createReadStream, createWriteStream } from 'node:fs';
import { type FileHandle, open, rm } from 'node:fs/promises';
import { pipeline } from 'node:stream/promises';
import { crc32, createInflateRaw } from 'node:zlib';
import { DarkroomError } from '../errors.ts';

export interface ZipEntry {
  readonly name: string;
  /** Bytes once unpacked. */
  readonly size: number;
  readonly compressed: number;
  readonly method: number;
  /** CRC-32 of what is unpacked. */
  readonly crc: number;
  /** Where its local header begins. */
  readonly offset: number;
}

/** APPNOTE.TXT of PKWARE, sections 4.3.12 and 4.3.16. */
const END = { signature: 0x06054b50, bytes: 22, longestComment: 65_535 };
const CENTRAL = { signature: 0x02014b50, bytes: 46 };
const LOCAL_BYTES = 30;
const LOCAL_SIGNATURE = 0x04034b50;
const METHODS = { stored: 0, deflated: 8 };
/** Far more than a wheel lists. */
const MAX_DIRECTORY = 64 * 2 ** 20;

/** @throws DarkroomError('bad_request') where the file is no zip that can be read */
export async function readZip(path: string): Promise<ZipEntry[]> {
  const file = await open(path);
  try {
    return await readDirectory(file, path);
  } finally {
    await file.close();
  }
}

async function readDirectory(file: FileHandle, path: string): Promise<ZipEntry[]> {
  const damaged = () =>
    new DarkroomError('bad_request', `${path} is no zip that can be read: it is damaged or cut off.`);
  const { size } = await file.stat();
  if (size < END.bytes) throw damaged();
  const tailBytes = Math.min(size, END.bytes + END.longestComment);
  const tail = Buffer.alloc(tailBytes);
  await file.read(tail, 0, tailBytes, size - tailBytes);
  let at = tailBytes - END.bytes;
  while (at >= 0 && tail.readUInt32LE(at) !== END.signature) at--;
  if (at < 0) throw damaged();
  const count = tail.readUInt16LE(at + 10);
  const bytes = tail.readUInt32LE(at + 12);
  const start = tail.readUInt32LE(at + 16);
  if (bytes > MAX_DIRECTORY || start + bytes > size) throw damaged();
  const directory = Buffer.alloc(bytes);
  await file.read(directory, 0, bytes, start);
  const entries: ZipEntry[] = [];
  for (let i = 0, from = 0; i < count; i++) {
    if (from + CENTRAL.bytes > bytes || directory.readUInt32LE(from) !== CENTRAL.signature) throw damaged();
    const [nameBytes, extraBytes, commentBytes] = [28, 30, 32].map((field) =>
      directory.readUInt16LE(from + field),
    ) as [number, number, number];
    entries.push({
      name: directory.toString('utf8', from + CENTRAL.bytes, from + CENTRAL.bytes + nameBytes),
      method: directory.readUInt16LE(from + 10),
      crc: directory.readUInt32LE(from + 16),
      compressed: directory.readUInt32LE(from + 20),
      size: directory.readUInt32LE(from + 24),
      offset: directory.readUInt32LE(from + 42),
    });
    from += CENTRAL.bytes + nameBytes + extraBytes + commentBytes;
  }
  return entries;
}

/** @throws DarkroomError('bad_request') where the entry is packed in a way that wheels do not use */
export async function extract(path: string, entry: ZipEntry, to: string): Promise<void> {
  const { method, compressed, size, crc, offset, name } = entry;
  if (method !== METHODS.stored && method !== METHODS.deflated) {
    throw new DarkroomError(
      'bad_request',
      `${path}: ${name} is packed by method ${method}; 0 and 8 are read.`,
    );
  }
  const damaged = (cause?: unknown) =>
    new DarkroomError('bad_request', `${path}: ${name} is damaged. Fetch the file again.`, { cause });
  const header = Buffer.alloc(LOCAL_BYTES);
  const file = await open(path);
  const { size: fileSize } = await file.stat();
  await file.read(header, 0, LOCAL_BYTES, Math.min(offset, fileSize));
  await file.close();
  const start = offset + LOCAL_BYTES + header.readUInt16LE(26) + header.readUInt16LE(28);
  if (header.readUInt32LE(0) !== LOCAL_SIGNATURE || compressed === 0 || start + compressed > fileSize)
    throw damaged();
  let bytes = 0;
  let sum = 0;
  // No more is written than the directory says: what a few bytes unpack to has no end otherwise.
  const measured = async function* (chunks: AsyncIterable<Uint8Array>) {
    for await (const chunk of chunks) {
      bytes += chunk.length;
      if (bytes > size) throw damaged();
      sum = crc32(chunk, sum);
      yield chunk;
    }
    if (bytes < size || sum !== crc) throw damaged();
  };
  const packed = createReadStream(path, { start, end: start + compressed - 1 });
  const out = createWriteStream(to);
  try {
    await (method === METHODS.deflated
      ? pipeline(packed, createInflateRaw(), measured, out)
      : pipeline(packed, measured, out));
  } catch (cause) {
    await rm(to, { force: true });
    throw (cause as NodeJS.ErrnoException).code?.startsWith('Z_') === true ? damaged(cause) : cause;
  }
}
