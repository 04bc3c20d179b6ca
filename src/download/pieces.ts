/**
 * A large file in pieces that come side by side (RFC 9110, section 14: range requests): one connection seldom fills the
 * line. What has come is listed in a file beside the part, so that another run goes on with it.
 */
import { type FileHandle, open, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import { DarkroomError } from '../errors.ts';
import { isRecord } from '../json.ts';
import { persist, TryAgain } from './ask.ts';
import {
  brokeOff,
  chunksOf,
  type DownloadOptions,
  larger,
  type PieceSizes,
  type RemoteFile,
  rangeOf,
  startHash,
} from './remote.ts';

const PIECES: PieceSizes = { least: 256 * 2 ** 20, bytes: 64 * 2 ** 20, atOnce: 4 };

/** The server gives no pieces, or pieces of different files: the file must come as a whole. */
class NoPieces extends Error {}

const listOf = (part: string) => `${part}.json`;

/**
 * @param part where the bytes are gathered
 * @returns whether they are those that were announced; undefined where the file cannot be had in pieces, and then `part`
 *   holds its beginning, or nothing
 * @throws what downloadFile throws, and errors of the disk
 */
export async function fetchPieces(
  file: RemoteFile,
  part: string,
  options: DownloadOptions,
): Promise<boolean | undefined> {
  const { pieces = PIECES } = options;
  // Without either, nobody could tell whether two pieces are of the same file.
  const isTold = file.digest !== undefined || file.etag !== undefined;
  if (file.bytes < pieces.least || !isTold) {
    await keepBeginning(part, file, pieces);
    return undefined;
  }
  const gathering = await Gathering.open(part, file, pieces);
  try {
    await fetchAll(file, gathering, options);
    return await gathering.isWhole();
  } catch (error) {
    if (!(error instanceof NoPieces)) throw error;
    await gathering.restart();
    return undefined;
  } finally {
    await gathering.close();
  }
}

/** Of what came in pieces, the bytes before the first gap are the beginning of a file. */
async function keepBeginning(part: string, file: RemoteFile, pieces: PieceSizes): Promise<void> {
  const have = await readList(part, file, pieces);
  if (have === undefined) return;
  await rm(listOf(part), { force: true });
  const gap = have.findIndex((bytes, i) => bytes < sizeOf(i, file, pieces));
  if (gap !== -1) await truncate(part, gap * pieces.bytes + have[gap]!).catch(() => undefined);
}

const countOf = ({ bytes }: RemoteFile, pieces: PieceSizes): number => Math.ceil(bytes / pieces.bytes);
const sizeOf = (piece: number, { bytes }: RemoteFile, pieces: PieceSizes): number =>
  Math.min(pieces.bytes, bytes - piece * pieces.bytes);

/** @returns how many bytes of each piece are there: none where the list is of another file; undefined without a list */
async function readList(part: string, file: RemoteFile, pieces: PieceSizes): Promise<number[] | undefined> {
  const text = await readFile(listOf(part), 'utf8').catch(() => undefined);
  if (text === undefined) return undefined;
  const size = (await stat(part).catch(() => undefined))?.size ?? 0;
  const isCount = (bytes: unknown, i: number) =>
    typeof bytes === 'number' &&
    Number.isSafeInteger(bytes) &&
    bytes >= 0 &&
    bytes <= sizeOf(i, file, pieces) &&
    (bytes === 0 || i * pieces.bytes + bytes <= size);
  const none = new Array<number>(countOf(file, pieces)).fill(0);
  try {
    const list: unknown = JSON.parse(text);
    if (!isRecord(list) || list['of'] !== identityOf(file, pieces)) return none;
    const { have } = list;
    const isFitting = Array.isArray(have) && have.length === none.length && have.every(isCount);
    return isFitting ? (have as number[]) : none;
  } catch {
    return none;
  }
}

/** What pieces must have in common to be of one file. */
const identityOf = ({ bytes, digest, etag }: RemoteFile, pieces: PieceSizes): string =>
  `${bytes} ${pieces.bytes} ${digest?.hex ?? etag}`;

class Gathering {
  readonly #part: string;
  readonly #handle: FileHandle;
  readonly #file: RemoteFile;
  readonly #pieces: PieceSizes;
  /** Bytes of each piece that are there. */
  readonly #have: number[];
  #taken = 0;
  #hash;
  /** Pieces from the beginning that the hash has seen. */
  #hashed = 0;
  #hashing: Promise<void> = Promise.resolve();
  #isGivenUp = false;

  private constructor(
    part: string,
    handle: FileHandle,
    file: RemoteFile,
    { pieces, have }: { readonly pieces: PieceSizes; readonly have: number[] },
  ) {
    this.#part = part;
    this.#handle = handle;
    this.#file = file;
    this.#pieces = pieces;
    this.#have = have;
    this.#hash = startHash(file.digest?.algorithm, file.bytes);
  }

  static async open(part: string, file: RemoteFile, pieces: PieceSizes): Promise<Gathering> {
    const known = await readList(part, file, pieces);
    // Without a list, what is there came in one row; without a digest nobody knows of which file.
    const size = known === undefined ? ((await stat(part).catch(() => undefined))?.size ?? 0) : 0;
    const row = file.digest !== undefined && size <= file.bytes ? size : 0;
    const have =
      known ??
      Array.from({ length: countOf(file, pieces) }, (_, i) =>
        Math.max(0, Math.min(sizeOf(i, file, pieces), row - i * pieces.bytes)),
      );
    const isKept = have.some((bytes) => bytes > 0);
    const handle = await open(part, isKept ? 'r+' : 'w+');
    const gathering = new Gathering(part, handle, file, { pieces, have });
    gathering.#hashOn();
    return gathering;
  }

  get bytes(): number {
    return this.#have.reduce((sum, bytes) => sum + bytes, 0);
  }

  /** The next piece that is missing, in their order; undefined where none is left. */
  take(): number | undefined {
    while (this.#taken < this.#have.length) {
      const piece = this.#taken++;
      if (this.#have[piece]! < sizeOf(piece, this.#file, this.#pieces)) return piece;
    }
    return undefined;
  }

  /** First and last byte of what a piece lacks; undefined where it is whole. */
  rest(piece: number): readonly [first: number, last: number] | undefined {
    const start = piece * this.#pieces.bytes;
    const [first, end] = [start + this.#have[piece]!, start + sizeOf(piece, this.#file, this.#pieces)];
    return first < end ? [first, end - 1] : undefined;
  }

  async write(piece: number, chunk: Uint8Array): Promise<void> {
    const rest = this.rest(piece);
    if (rest === undefined || chunk.length > rest[1] - rest[0] + 1)
      throw new DarkroomError('bad_model', larger(this.#file));
    let written = 0;
    while (written < chunk.length)
      written += (await this.#handle.write(chunk, written, chunk.length - written, rest[0] + written))
        .bytesWritten;
    this.#have[piece] = this.#have[piece]! + chunk.length;
  }

  /** To be called once a piece is whole. */
  async noteWhole(): Promise<void> {
    this.#hashOn();
    await this.#writeList();
  }

  /** Nothing of it is worth keeping. */
  async restart(): Promise<void> {
    this.#isGivenUp = true;
    await this.#handle.truncate(0);
  }

  /** Called once, when all pieces are there. */
  async isWhole(): Promise<boolean> {
    const { bytes, digest } = this.#file;
    await this.#hashing;
    this.#isGivenUp = this.bytes === bytes;
    return this.#isGivenUp && (digest === undefined || this.#hash.digest('hex') === digest.hex);
  }

  async close(): Promise<void> {
    await this.#hashing.catch(() => {});
    await this.#handle.close();
    if (this.#isGivenUp) await rm(listOf(this.#part), { force: true });
    // On a full disk, the list of before still holds: it says less than is there.
    else await this.#writeList().catch(() => {});
  }

  /** While the others come, so that nobody waits for it at the end. */
  #hashOn(): void {
    this.#hashing = this.#hashing.then(async () => {
      const buffer = Buffer.allocUnsafe(2 ** 20);
      for (; this.#hashed < this.#have.length && this.rest(this.#hashed) === undefined; this.#hashed++) {
        const start = this.#hashed * this.#pieces.bytes;
        const end = start + sizeOf(this.#hashed, this.#file, this.#pieces);
        for (let at = start; at < end; ) {
          const { bytesRead } = await this.#handle.read(buffer, 0, Math.min(buffer.length, end - at), at);
          if (bytesRead === 0) return;
          this.#hash.update(buffer.subarray(0, bytesRead));
          at += bytesRead;
        }
      }
    });
    this.#hashing.catch(() => {});
  }

  async #writeList(): Promise<void> {
    const list = { of: identityOf(this.#file, this.#pieces), have: this.#have };
    await writeFile(listOf(this.#part), JSON.stringify(list));
  }
}

async function fetchAll(file: RemoteFile, gathering: Gathering, options: DownloadOptions): Promise<void> {
  const { pieces = PIECES, onBytes } = options;
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(options.signal ? [options.signal] : [])]);
  const same = new SameFile(file);
  onBytes(gathering.bytes);
  const work = async (began: () => void) => {
    for (let piece = gathering.take(); piece !== undefined; piece = gathering.take()) {
      const one = piece;
      await persist(
        (progressed) => fetchPiece(file, gathering, one, { ...options, signal, same, began, progressed }),
        { patience: options.patience, signal },
      );
      await gathering.noteWhole();
    }
  };
  // The others begin once the first answer has shown that there are pieces to be had.
  const started = Promise.withResolvers<void>();
  const workers = [work(started.resolve).finally(started.resolve)];
  for (let i = 1; i < pieces.atOnce; i++) workers.push(started.promise.then(() => work(() => {})));
  try {
    await Promise.all(workers);
  } catch (error) {
    // The others would go on for nothing; what they have is kept.
    stop.abort();
    await Promise.allSettled(workers);
    throw error;
  }
}

/** Whether all answers are of one file. */
class SameFile {
  readonly #file: RemoteFile;
  #etag: string | null | undefined;

  constructor(file: RemoteFile) {
    this.#file = file;
  }

  /** @throws NoPieces for an answer of another file, or of another part of it than was asked for */
  require({ status, headers }: Response, from: number): void {
    const [, first, total] = /^bytes (\d+)-\d+\/(\d+|\*)$/.exec(headers.get('content-range') ?? '') ?? [];
    const isPart = status === 206 && Number(first) === from;
    const isOfSize = total === '*' || Number(total) === this.#file.bytes;
    const etag = headers.get('etag');
    this.#etag ??= etag;
    if (!isPart || !isOfSize || etag !== this.#etag) throw new NoPieces();
  }
}

async function fetchPiece(
  file: RemoteFile,
  gathering: Gathering,
  piece: number,
  options: DownloadOptions & { readonly same: SameFile; began(): void; progressed(): void },
): Promise<void> {
  const { onBytes, same, began, progressed } = options;
  const rest = gathering.rest(piece);
  if (rest === undefined) return;
  const [first, last] = rest;
  const accept = async (response: Response) => {
    if (response.status === 416) throw new NoPieces();
    if (!response.ok) throw file.refuse(response);
    same.require(response, first);
    began();
  };
  for await (const chunk of chunksOf(file, options, rangeOf(file, first, last), accept)) {
    await gathering.write(piece, chunk);
    progressed();
    onBytes(gathering.bytes);
  }
  if (gathering.rest(piece) !== undefined) throw new TryAgain(brokeOff(file));
}
