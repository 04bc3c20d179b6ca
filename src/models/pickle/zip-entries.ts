/** The entries of a zip archive (PKWARE APPNOTE.TXT, sections 4.3 and 4.5.3), as PyTorch writes them: stored, never packed. */
import type { FileHandle } from 'node:fs/promises';
import type { DarkroomError } from '../../errors.ts';

export interface ZipEntry {
  readonly name: string;
  /** Whether its bytes lie in the file as they are. */
  readonly isStored: boolean;
  readonly length: number;
  /** Where its own header begins. */
  readonly header: number;
}

const END = 0x06054b50;
const END64 = 0x06064b50;
const LOCATOR64 = 0x07064b50;
const CENTRAL = 0x02014b50;
const LOCAL = 0x04034b50;
const MOST = { directory: 64_000_000, entries: 200_000 };
/** The end record, with the longest comment. */
const TAIL = 22 + 0xffff;

/** @throws what `broken` makes, for anything that disagrees with itself or with the file's size */
export async function readZipEntries(
  handle: FileHandle,
  size: number,
  broken: (reason: string) => DarkroomError,
): Promise<ReadonlyMap<string, ZipEntry>> {
  const read = (at: number, length: number) => readExactly(handle, at, length, broken);
  const tailAt = Math.max(0, size - TAIL);
  const tail = await read(tailAt, size - tailAt);
  const end = tail.lastIndexOf(Buffer.from('PK\x05\x06', 'latin1'));
  if (end === -1 || end + 22 > tail.length || tail.readUInt32LE(end) !== END) {
    throw broken('its directory is missing, as of a download that did not end');
  }
  let count = tail.readUInt16LE(end + 10);
  let length = tail.readUInt32LE(end + 12);
  let start = tail.readUInt32LE(end + 16);
  const locator = end - 20;
  if (locator >= 0 && tail.readUInt32LE(locator) === LOCATOR64) {
    const record = await read(Number(tail.readBigUInt64LE(locator + 8)), 56);
    if (record.readUInt32LE() !== END64) throw broken('its directory is damaged');
    count = Number(record.readBigUInt64LE(32));
    length = Number(record.readBigUInt64LE(40));
    start = Number(record.readBigUInt64LE(48));
  }
  if (length > MOST.directory || count > MOST.entries) throw broken(`its directory has ${count} entries`);
  if (start + length > size) throw broken('its directory lies outside the file');
  const directory = await read(start, length);

  const entries = new Map<string, ZipEntry>();
  for (let at = 0, i = 0; i < count; i++) {
    if (at + 46 > directory.length || directory.readUInt32LE(at) !== CENTRAL) {
      throw broken('its directory is damaged');
    }
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((field) =>
      directory.readUInt16LE(at + field),
    ) as [number, number, number];
    const next = at + 46 + nameLength + extraLength + commentLength;
    if (next > directory.length) throw broken('its directory is damaged');
    const name = directory.toString('utf8', at + 46, at + 46 + nameLength);
    if (entries.has(name)) throw broken(`it holds ${name} twice`);
    const extra = directory.subarray(at + 46 + nameLength, at + 46 + nameLength + extraLength);
    const [packed, plain, header] = largeSizes(extra, [
      directory.readUInt32LE(at + 20),
      directory.readUInt32LE(at + 24),
      directory.readUInt32LE(at + 42),
    ]);
    const isEncrypted = (directory.readUInt16LE(at + 8) & 1) === 1;
    const isStored = directory.readUInt16LE(at + 10) === 0 && packed === plain && !isEncrypted;
    entries.set(name, { name, isStored, length: plain, header });
    at = next;
  }
  return entries;
}

/** First byte of an entry's content, which must lie within the file. */
export async function contentOf(
  handle: FileHandle,
  size: number,
  { name, isStored, header, length }: ZipEntry,
  broken: (reason: string) => DarkroomError,
): Promise<number> {
  if (!isStored) throw broken(`its entry ${name} is packed or encrypted, which PyTorch does not do`);
  const local = await readExactly(handle, header, 30, broken);
  if (local.readUInt32LE() !== LOCAL) throw broken(`its entry ${name} is damaged`);
  const start = header + 30 + local.readUInt16LE(26) + local.readUInt16LE(28);
  if (start + length > size) throw broken(`its entry ${name} lies outside the file`);
  return start;
}

/** The sizes that do not fit into 32 bits stand in an extra field, in this order. */
function largeSizes(
  extra: Buffer,
  [packed, plain, header]: readonly [number, number, number],
): readonly [packed: number, plain: number, header: number] {
  let found: Buffer = Buffer.alloc(0);
  for (let at = 0; at + 4 <= extra.length; at += 4 + extra.readUInt16LE(at + 2)) {
    if (extra.readUInt16LE(at) === 1) found = extra.subarray(at + 4, at + 4 + extra.readUInt16LE(at + 2));
  }
  let at = 0;
  const large = (value: number): number => {
    if (value !== 0xffffffff || at + 8 > found.length) return value;
    at += 8;
    return Number(found.readBigUInt64LE(at - 8));
  };
  const sizes = [large(plain), large(packed), large(header)] as const;
  return [sizes[1], sizes[0], sizes[2]];
}

export async function readExactly(
  handle: FileHandle,
  at: number,
  length: number,
  broken: (reason: string) => DarkroomError,
): Promise<Buffer> {
  if (!Number.isSafeInteger(at) || at < 0) throw broken('it points outside itself');
  const bytes = Buffer.alloc(length);
  const { bytesRead } = await handle.read(bytes, 0, length, at);
  if (bytesRead < length) throw broken('it ends too early');
  return bytes;
}
