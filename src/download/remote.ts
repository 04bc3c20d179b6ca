/** A file on a server, and what tells whether its bytes are the right ones. */
import { createHash, type Hash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { stat } from 'node:fs/promises';
import type { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';
import { ask, type Patience, TooSlow, TryAgain } from './ask.ts';

/** Bytes that must come in each span of `patience.silence`. */
const SLOWEST = 16_384;

/** What a hub says of a file's bytes. `git`: SHA-1 of git's blob, which is all that it says of small files. */
export interface Digest {
  readonly algorithm: 'sha256' | 'git';
  /** Lower-case hex. */
  readonly hex: string;
}

export interface RemoteFile {
  readonly url: URL;
  /** In sentences. */
  readonly label: string;
  /** Bytes. */
  readonly bytes: number;
  readonly digest?: Digest;
  /** A strong ETag: without a digest, it tells whether the rest of a file is the rest of the same file. */
  readonly etag?: string;
  readonly token?: string | undefined;
  /** What a user is told of an answer that is an error. */
  refuse(response: Response): DarkroomError;
}

export interface DownloadOptions {
  readonly patience: Patience;
  readonly signal?: AbortSignal | undefined;
  /** How large files are cut; PIECES where left out. */
  readonly pieces?: PieceSizes | undefined;
  /** Called with the bytes that are there. */
  onBytes(bytes: number): void;
}

export interface PieceSizes {
  /** Bytes from which on a file comes in pieces. */
  readonly least: number;
  /** Of one piece. */
  readonly bytes: number;
  /** Pieces that come at the same time. */
  readonly atOnce: number;
}

/** Hex digest of a file on this machine. */
export async function digestOf(path: string, algorithm: Digest['algorithm']): Promise<string> {
  const hash = startHash(algorithm, (await stat(path)).size);
  for await (const chunk of createReadStream(path, { highWaterMark: 2 ** 20 })) hash.update(chunk as Buffer);
  return hash.digest('hex');
}

export function startHash(algorithm: Digest['algorithm'] | undefined, bytes: number): Hash {
  return algorithm === 'git' ? createHash('sha1').update(`blob ${bytes}\0`) : createHash('sha256');
}

export const brokeOff = ({ url }: RemoteFile) => sentence('download.reason.broke_off', { host: url.host });

const tooSlow = ({ url }: RemoteFile) => sentence('download.reason.slow', { host: url.host });

export const larger = ({ label, bytes, url }: RemoteFile) =>
  sentence('download.larger', { file: label, bytes, host: url.host });

/**
 * The bytes of an answer as they come. Errors of whoever takes them pass through as they are.
 * @param accept looks at the answer before its bytes; what it throws is thrown
 * @throws TryAgain where the connection breaks off or next to nothing comes for `patience.silence`, and what `ask` throws
 */
export async function* chunksOf(
  file: RemoteFile,
  { patience, signal }: DownloadOptions,
  headers: Readonly<Record<string, string>>,
  accept: (response: Response) => Promise<void>,
): AsyncGenerator<Uint8Array> {
  const silence = new AbortController();
  let isSlow = false;
  const timer = setTimeout(() => silence.abort(), patience.silence);
  let sinceRefresh = 0;
  try {
    const response = await ask(file.url, {
      token: file.token,
      signal: AbortSignal.any([silence.signal, ...(signal ? [signal] : [])]),
      headers,
    });
    try {
      await accept(response);
    } catch (error) {
      await response.body?.cancel();
      throw error;
    }
    try {
      for await (const chunk of response.body ?? []) {
        sinceRefresh += chunk.length;
        isSlow = sinceRefresh < SLOWEST;
        if (!isSlow) {
          sinceRefresh = 0;
          timer.refresh();
        }
        yield chunk;
      }
    } catch (cause) {
      if (isSlow && silence.signal.aborted) throw new TooSlow(tooSlow(file), undefined, { cause });
      throw new TryAgain(brokeOff(file), undefined, { cause });
    }
  } finally {
    clearTimeout(timer);
  }
}

/** For the bytes from one place on, of the same file as before. */
export function rangeOf({ etag }: RemoteFile, from: number, last?: number): Record<string, string> {
  return { range: `bytes=${from}-${last ?? ''}`, ...(etag !== undefined && { 'if-range': etag }) };
}
