/** Carries a plan out: room on the disk first, files side by side, and the model under its name only when it is whole. */
import { createHash } from 'node:crypto';
import {
  constants,
  copyFile,
  link,
  readFile,
  rename,
  rm,
  stat,
  statfs,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { dirname, join } from 'node:path';
import PQueue from 'p-queue';
import { DarkroomError } from '../errors.ts';
import { isRecord } from '../json.ts';
import { makeFolder } from '../make-folder.ts';
import { sentence } from '../sentences.ts';
import type { Patience } from './ask.ts';
import { downloadFile } from './file.ts';
import { incomingIn, sweepIncoming } from './incoming.ts';
import { type Plan, type PlannedFile, sizeOfPlan } from './plan.ts';
import { digestOf, type PieceSizes } from './remote.ts';
import { inUnits } from './units.ts';

interface FetchOptions {
  readonly patience: Patience;
  readonly signal?: AbortSignal | undefined;
  /** How large files are cut; PIECES where left out. */
  readonly pieces?: PieceSizes | undefined;
  /** @param bytes that are there, of all files together */
  onProgress(bytes: number, total: number): void;
}

export interface Fetched {
  readonly path: string;
  /** Bytes that were on this machine already. */
  readonly reused: number;
  /** It was there, whole, before. */
  readonly wasThere: boolean;
}

/** Files at the same time. */
const AT_ONCE = 4;
/** Of what a disk must have left beside the model. */
const ROOM = 64 * 2 ** 20;
/** Bytes that stat counts in. */
const BLOCK = 512;
/** Beside a model: where it came from. */
const ORIGIN_FILE = 'darkroom-source.json';
const originFileOf = (file: string) => file.replace(/\.[^.]+$/, '.source.json');

/**
 * @param folder where models lie; it is made where it is missing
 * @throws DarkroomError('too_large') where the disk has no room, ('bad_request') where another model has the name, and
 *   what downloadFile throws
 */
export async function fetchPlan(plan: Plan, folder: string, options: FetchOptions): Promise<Fetched> {
  const total = sizeOfPlan(plan);
  const place = await placeFor(plan, folder);
  if (place.isWhole) return { path: place.path, reused: total, wasThere: true };
  const incoming = join(incomingIn(folder), keyOf(plan));
  await makeFolder(incoming);
  // What is gone on with is not old.
  await utimes(incoming, new Date(), new Date());
  await sweepIncoming(folder, Date.now());
  await requireRoom(plan, incoming, folder);

  const arrived = new Map<PlannedFile, number>();
  const report = (file: PlannedFile, bytes: number) => {
    arrived.set(file, bytes);
    options.onProgress(
      arrived.values().reduce((sum, one) => sum + one, 0),
      total,
    );
  };
  let reused = 0;
  const stop = new AbortController();
  const signal = AbortSignal.any([stop.signal, ...(options.signal ? [options.signal] : [])]);
  const queue = new PQueue({ concurrency: AT_ONCE });
  const all = plan.files.map((file) =>
    queue.add(async () => {
      const to = join(incoming, file.path);
      const onBytes = (bytes: number) => report(file, bytes);
      if (await takeCached(file, to)) {
        reused += file.bytes;
        return onBytes(file.bytes);
      }
      await downloadFile(file, to, { patience: options.patience, pieces: options.pieces, signal, onBytes });
    }),
  );
  try {
    await Promise.all(all);
  } catch (error) {
    // The others would go on for nothing; what they have is kept.
    stop.abort();
    queue.clear();
    await queue.onIdle();
    throw error;
  }
  await finish(plan, incoming, place.path);
  return { path: place.path, reused, wasThere: false };
}

/** One place for each set of files: what is left of another revision does not get into this one. */
function keyOf({ name, origin, files }: Plan): string {
  const hash = createHash('sha256').update([origin.source, ...files.map(({ path }) => path)].join('\n'));
  return `${name}-${hash.digest('hex').slice(0, 10)}`;
}

interface Place {
  readonly name: string;
  readonly path: string;
  readonly isWhole: boolean;
}

/** The model's own name, or with its owner's in front where another model has that name. */
async function placeFor(plan: Plan, folder: string): Promise<Place> {
  const source = plan.origin.source;
  const owner = /^([\w.-]+)\/[\w.-]+@/.exec(source)?.[1];
  const own = plan.isFolder ? plan.name : plan.files[0]!.path;
  const names = [own, ...(owner === undefined ? [] : [`${owner}--${own}`])];
  for (const name of names) {
    const path = join(folder, name);
    if ((await stat(path).catch(() => undefined)) === undefined) return { name, path, isWhole: false };
    const isSame =
      (await readSource(plan.isFolder ? join(path, ORIGIN_FILE) : originFileOf(path))) === source;
    if (isSame && (await isComplete(plan, path))) return { name, path, isWhole: true };
  }
  throw new DarkroomError(
    'bad_request',
    sentence('download.in_the_way', { path: join(folder, names.at(-1)!) }),
  );
}

async function readSource(file: string): Promise<unknown> {
  const text = await readFile(file, 'utf8').catch(() => '{}');
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value['source'] : undefined;
  } catch {
    return undefined;
  }
}

/** By size: hashes were checked when the files came. */
async function isComplete({ files, isFolder }: Plan, path: string): Promise<boolean> {
  const sizes = await Promise.all(
    files.map((file) =>
      stat(isFolder ? join(path, file.path) : path).then(
        ({ size }) => size === file.bytes,
        () => false,
      ),
    ),
  );
  return sizes.every((isRight) => isRight);
}

async function requireRoom({ files }: Plan, incoming: string, folder: string): Promise<void> {
  let wanted = ROOM;
  for (const { path, bytes, cached } of files) {
    if (cached !== undefined) continue;
    const have = await Promise.all(
      [path, `${path}.part`].map((name) =>
        stat(join(incoming, name)).then(
          // A file that comes in pieces has gaps.
          ({ size, blocks }) => Math.min(size, blocks * BLOCK),
          () => 0,
        ),
      ),
    );
    wanted += Math.max(0, bytes - Math.max(...have));
  }
  const { bavail, bsize } = await statfs(incoming);
  const free = bavail * bsize;
  if (free >= wanted) return;
  throw new DarkroomError(
    'too_large',
    sentence('download.no_room', { wanted: inUnits(wanted), folder, free: inUnits(free) }),
  );
}

/** A file of the Hub's cache costs no bytes where it lies on the same disk: both names are of one file. */
async function takeCached(file: PlannedFile, to: string): Promise<boolean> {
  const { cached, digest, bytes } = file;
  if (cached === undefined) return false;
  const { size } = await stat(cached);
  const isSame =
    size === bytes && (digest === undefined || (await digestOf(cached, digest.algorithm)) === digest.hex);
  if (!isSame) return false;
  await makeFolder(dirname(to));
  await rm(to, { force: true });
  await link(cached, to).catch(() => copyFile(cached, to, constants.COPYFILE_FICLONE));
  return true;
}

async function finish({ isFolder, origin, files }: Plan, incoming: string, path: string): Promise<void> {
  const text = `${JSON.stringify(origin, undefined, 2)}\n`;
  if (isFolder) {
    await writeFile(join(incoming, ORIGIN_FILE), text);
    await rename(incoming, path);
    return;
  }
  await writeFile(originFileOf(path), text);
  await rename(join(incoming, files[0]!.path), path);
  await rm(incoming, { recursive: true, force: true });
}
