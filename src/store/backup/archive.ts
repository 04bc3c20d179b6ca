/**
 * The file of a backup: a tar that any tar program opens. It begins with `manifest.json`, and ends with `SHA256SUMS`,
 * which `sha256sum -c` reads: a file without it was cut off. Between them lie `database/TABLE-NUMBER.ndjson`, one row a
 * line, and `pictures/ID.png`.
 */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createReadStream, existsSync } from 'node:fs';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { createTarDecoder, createTarPacker } from 'modern-tar';
import { DarkroomError } from '../../errors.ts';

interface ArchiveEntry {
  readonly name: string;
  readonly bytes: Uint8Array;
}

export const MANIFEST = 'manifest.json';
const SUMS = 'SHA256SUMS';
/** What may lie in a backup; a table's name and a picture's id are groups. */
const NAME =
  /^(?:manifest\.json|SHA256SUMS|database\/([a-z_]+)-\d{6}\.ndjson|pictures\/([0-9a-f]{32})\.png)$/;
/** Bytes of one entry, which is read as a whole: pictures have at most 64 megapixels. */
const LARGEST = 512 * 2 ** 20;

export type AddEntry = (name: string, bytes: Uint8Array | string) => Promise<void>;

/**
 * Writes a backup: the file is there as a whole when this resolves, or not at all.
 * @param fill adds the entries, the manifest first
 * @returns bytes of the file
 * @throws DarkroomError('forbidden') where the file exists or cannot be written
 */
export async function writeArchive(file: string, fill: (add: AddEntry) => Promise<void>): Promise<number> {
  const partial = `${file}.partial`;
  if (existsSync(file)) {
    throw new DarkroomError('forbidden', `${file} exists already. Name a file that does not exist.`);
  }
  const handle = await open(partial, 'wx', 0o600).catch((cause: NodeJS.ErrnoException) => {
    throw cannotWrite(partial, cause);
  });
  const { readable, controller } = createTarPacker();
  const written = writeAll(handle, readable);
  // Whoever adds an entry hears of it as well; here it is kept until everything was added.
  written.catch(() => {});
  const sums: string[] = [];
  const add: AddEntry = async (name, content) => {
    const bytes = typeof content === 'string' ? Buffer.from(content) : content;
    sums.push(`${sha256(bytes)}  ${name}`);
    const body = controller.add({ name, size: bytes.length, mode: 0o600 }).getWriter();
    await body.write(bytes);
    await body.close();
  };
  try {
    await fill(add);
    await add(SUMS, `${sums.join('\n')}\n`);
    controller.finalize();
    await written;
    const { size } = await stat(partial);
    await rename(partial, file);
    return size;
  } catch (error) {
    controller.error(error);
    const failed = await written.then(
      () => error,
      (cause: unknown) => cause,
    );
    await rm(partial, { force: true });
    throw isSystemError(failed) ? cannotWrite(file, failed) : error;
  }
}

async function writeAll(handle: FileHandle, readable: AsyncIterable<Uint8Array>): Promise<void> {
  const stream = handle.createWriteStream({ flush: true });
  const failed = once(stream, 'error').then(([error]) => {
    throw error;
  });
  failed.catch(() => {});
  try {
    for await (const bytes of readable) {
      if (!stream.write(bytes)) await Promise.race([once(stream, 'drain'), failed]);
    }
    stream.end();
    await Promise.race([once(stream, 'close'), failed]);
  } catch (error) {
    stream.destroy();
    throw error;
  }
}

/**
 * Reads a whole backup, entry by entry.
 * @throws DarkroomError('bad_request') where it is not a backup
 */
export async function* readArchive(file: string): AsyncGenerator<ArchiveEntry> {
  const source = ReadableStream.from<Uint8Array>(createReadStream(file, { highWaterMark: 2 ** 18 }));
  try {
    for await (const { header, body } of source.pipeThrough(createTarDecoder({ strict: true }))) {
      const { name, size, type = 'file' } = header;
      if (!NAME.test(name) || type !== 'file') throw notBackup(file, `it holds ${name.slice(0, 100)}`);
      if (size > LARGEST) throw notBackup(file, `${name} has ${size} bytes, and ${LARGEST} are allowed`);
      const parts: Uint8Array[] = [];
      for await (const part of body) parts.push(part);
      yield { name, bytes: Buffer.concat(parts) };
    }
  } catch (cause) {
    if (cause instanceof DarkroomError) throw cause;
    if (isSystemError(cause)) {
      throw new DarkroomError('bad_request', `${file} cannot be read (${cause.code}).`, { cause });
    }
    throw notBackup(file, 'it is not a whole tar file', cause);
  }
}

interface Verified {
  /** The manifest's text. */
  readonly manifest: string;
  /** SHA-256 of each entry, by name. */
  readonly sums: ReadonlyMap<string, string>;
}

/**
 * Reads every byte of a backup and compares it with its sums.
 * @throws DarkroomError('bad_request') where it is not a backup, is cut off, or is not what was written
 */
export async function verifyArchive(file: string): Promise<Verified> {
  const sums = new Map<string, string>();
  let manifest: string | undefined;
  let listed: string | undefined;
  for await (const { name, bytes } of readArchive(file)) {
    if (listed !== undefined || sums.has(name)) throw notBackup(file, `${name} does not belong there`);
    if (name === SUMS) {
      listed = Buffer.from(bytes).toString();
      continue;
    }
    if (manifest === undefined && name !== MANIFEST)
      throw notBackup(file, `it does not begin with ${MANIFEST}`);
    manifest ??= Buffer.from(bytes).toString();
    sums.set(name, sha256(bytes));
  }
  if (manifest === undefined) throw notBackup(file, 'it is empty');
  if (listed === undefined) throw notBackup(file, 'its end is missing: it was cut off');
  const lines = listed.trimEnd().split('\n');
  const changed = lines.find((line) => sums.get(line.slice(66)) !== line.slice(0, 64));
  if (changed !== undefined) throw notBackup(file, `${changed.slice(66)} is not what was written`);
  if (lines.length !== sums.size) throw notBackup(file, `${SUMS} does not list everything`);
  return { manifest, sums };
}

/** @returns the table of a part of the database, or the id of a picture */
export function contentOf(name: string): { readonly table?: string; readonly picture?: string } {
  const [, table, picture] = NAME.exec(name) ?? [];
  return { ...(table !== undefined && { table }), ...(picture !== undefined && { picture }) };
}

export const sha256 = (bytes: Uint8Array): string => createHash('sha256').update(bytes).digest('hex');

export const notBackup = (file: string, why: string, cause?: unknown) =>
  new DarkroomError('bad_request', `${file} cannot be restored: ${why}. Nothing was changed.`, { cause });

const isSystemError = (error: unknown): error is NodeJS.ErrnoException =>
  error instanceof Error && 'syscall' in error;

function cannotWrite(file: string, cause: NodeJS.ErrnoException): DarkroomError {
  const why =
    cause.code === 'ENOSPC'
      ? 'its disk is full'
      : cause.code === 'ENOENT'
        ? 'its folder does not exist'
        : cause.code === 'EEXIST'
          ? 'it exists: another backup is being written there, or was cut off. Delete it if none is'
          : `${cause.code}`;
  return new DarkroomError('forbidden', `${file} cannot be written: ${why}.`, { cause });
}
