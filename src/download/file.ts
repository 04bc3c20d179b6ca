/** One file from a server onto the disk: resumed where it broke off, and checked before it gets its name. */
import type { Hash } from 'node:crypto';
import { type FileHandle, open, rename, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { DarkroomError } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';
import { sentence } from '../sentences.ts';
import { persist, TryAgain } from './ask.ts';
import { fetchPieces } from './pieces.ts';
import {
  brokeOff,
  chunksOf,
  type DownloadOptions,
  digestOf,
  larger,
  type RemoteFile,
  rangeOf,
  startHash,
} from './remote.ts';

/**
 * Fetches a file. What an earlier try left behind is gone on with.
 * @throws DarkroomError('bad_model') where the bytes are not those that were announced, ('too_large') where the disk is
 *   full, ('not_found' | 'forbidden' | 'too_many' | 'cancelled')
 */
export async function downloadFile(file: RemoteFile, to: string, options: DownloadOptions): Promise<void> {
  await makeFolder(dirname(to));
  if (await isThere(file, to)) return options.onBytes(file.bytes);
  const part = `${to}.part`;
  let isWhole: boolean;
  try {
    isWhole = (await fetchPieces(file, part, options)) ?? (await fetchInOrder(file, part, options));
  } catch (error) {
    throw describeDisk(error, file);
  }
  if (!isWhole) {
    await rm(part, { force: true });
    const what = file.digest?.algorithm === 'git' ? 'hash' : 'SHA-256';
    throw new DarkroomError(
      'bad_model',
      sentence('download.damaged', { file: file.label, what, host: file.url.host }),
    );
  }
  await rename(part, to);
}

/** @returns whether the bytes are those that were announced */
async function fetchInOrder(file: RemoteFile, part: string, options: DownloadOptions): Promise<boolean> {
  const { patience, signal } = options;
  const partial = await Partial.open(part, file);
  try {
    await persist((progressed) => fetchRest(file, partial, { ...options, progressed }), { patience, signal });
    return partial.isWhole();
  } finally {
    await partial.close();
  }
}

async function isThere(file: RemoteFile, path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined);
  if (found?.size !== file.bytes || file.digest === undefined) return false;
  return (await digestOf(path, file.digest.algorithm)) === file.digest.hex;
}

/** The part of a file that has come, with the hash of it. */
class Partial {
  readonly #handle: FileHandle;
  readonly #file: RemoteFile;
  #hash: Hash;
  bytes = 0;
  /** The most that was ever there. */
  #furthest = 0;

  private constructor(handle: FileHandle, file: RemoteFile) {
    this.#handle = handle;
    this.#file = file;
    this.#hash = startHash(file.digest?.algorithm, file.bytes);
  }

  static async open(path: string, file: RemoteFile): Promise<Partial> {
    // Without a hash nobody could tell whether the beginning is of the same file.
    const isKept = file.digest !== undefined;
    const handle = await open(path, isKept ? 'a+' : 'w+');
    const partial = new Partial(handle, file);
    const { size } = await handle.stat();
    if (size > file.bytes) await partial.restart();
    else if (size > 0) {
      for await (const chunk of handle.createReadStream({
        start: 0,
        autoClose: false,
        highWaterMark: 2 ** 20,
      }))
        partial.#hash.update(chunk as Buffer);
      partial.bytes = size;
    }
    return partial;
  }

  /** @returns whether more is there than ever before */
  async write(chunk: Uint8Array): Promise<boolean> {
    if (this.bytes + chunk.length > this.#file.bytes) {
      throw new DarkroomError('bad_model', larger(this.#file));
    }
    let written = 0;
    while (written < chunk.length)
      written += (await this.#handle.write(chunk, written, chunk.length - written)).bytesWritten;
    this.#hash.update(chunk);
    this.bytes += chunk.length;
    const isProgress = this.bytes > this.#furthest;
    if (isProgress) this.#furthest = this.bytes;
    return isProgress;
  }

  async restart(): Promise<void> {
    await this.#handle.truncate(0);
    this.#hash = startHash(this.#file.digest?.algorithm, this.#file.bytes);
    this.bytes = 0;
  }

  /** Called once, at the end. */
  isWhole(): boolean {
    const { bytes, digest } = this.#file;
    return this.bytes === bytes && (digest === undefined || this.#hash.digest('hex') === digest.hex);
  }

  close(): Promise<void> {
    return this.#handle.close();
  }
}

async function fetchRest(
  file: RemoteFile,
  partial: Partial,
  options: DownloadOptions & { progressed: () => void },
): Promise<void> {
  const { onBytes, progressed } = options;
  onBytes(partial.bytes);
  if (partial.bytes === file.bytes) return;
  const headers = partial.bytes === 0 ? {} : rangeOf(file, partial.bytes);
  for await (const chunk of chunksOf(file, options, headers, (response) => accept(response, file, partial))) {
    // Who always starts from the beginning and breaks off makes none.
    if (await partial.write(chunk)) progressed();
    onBytes(partial.bytes);
  }
  if (partial.bytes < file.bytes) throw new TryAgain(brokeOff(file));
}

async function accept(response: Response, file: RemoteFile, partial: Partial): Promise<void> {
  if (response.status === 416) {
    await partial.restart();
    throw new TryAgain(sentence('download.reason.no_part', { host: file.url.host, file: file.label }), 0);
  }
  if (!response.ok) throw file.refuse(response);
  const begins = /^bytes (\d+)-/.exec(response.headers.get('content-range') ?? '')?.[1];
  const isRest = response.status === 206 && Number(begins) === partial.bytes;
  if (!isRest && partial.bytes > 0) await partial.restart();
}

const DISK_ERRORS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EFBIG: 'the disk takes no file of that size',
  EIO: 'the disk reports an error',
  EROFS: 'the folder cannot be written to',
  EACCES: 'the folder cannot be written to',
};

function describeDisk(error: unknown, { label }: RemoteFile): unknown {
  const code = (error as { code?: unknown } | null)?.code;
  const reason = typeof code === 'string' && Object.hasOwn(DISK_ERRORS, code) ? DISK_ERRORS[code] : undefined;
  if (reason === undefined) return error;
  return new DarkroomError('too_large', sentence('download.not_stored', { file: label, reason }), {
    cause: error,
  });
}
