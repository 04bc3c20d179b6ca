/**
 * Optimised graphs that are kept. To open a model fully means to widen its weights, to fold constants and to lay the weights
 * of convolutions out as the kernels read them: gigabytes that are written again and again. onnxruntime can save what it has
 * made; the next opening maps that file into memory. It could save the weights of matrix products as the kernels pack them,
 * too: it then reads both forms and packs again to compare. SDXL's UNet took 19.2 GB rather than 10.3, and 7 GB more memory to
 * make, while SD 1.5 opened with 0.6 s less processor time. Without packing, SDXL's UNet opens in 3 s of
 * processor time rather than 8, but each step takes an eighth longer, at 512x512 and at 1024x1024.
 *
 * Nobody waits for that file, where keepPrepared can make it later (preparing.ts). Until then the weights of a large graph are
 * mapped as they are stored, and each run widens them: on two cores a step of SD 1.5 takes a fifth longer, and the opening
 * 0.5 s rather than 12 s. A smaller one is opened fully: writing its file took four times as long as that.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { appendFile, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { runtimeVersion } from '../gpu/libraries.ts';
import type { Graph } from '../graph/component.ts';
import { externalBytes } from '../graph/onnx.ts';
import { type SideFilePlace, type SideFilesOptions, sideFilesOf, sourceOf } from '../models/side-files.ts';
import { readAhead } from './read-ahead.ts';

/** Raised when the same sources give another file. */
const VERSION = '2';
/** A graph that is smaller opens about as fast without a file. */
const LEAST_BYTES = 100_000_000;
/** From here on a graph whose file is still to come is mapped. */
const LEAST_MAPPED_BYTES = 300_000_000;
/** Laid out for the kernels, weights take up to this much more than as they are. */
const GROWTH = 1.05;

/** How a session is to be opened. */
export type Opening =
  | { readonly kind: 'plain' }
  /** Its weights stay as they are stored, and each run casts them. */
  | { readonly kind: 'mapped' }
  /** Its weights and its graph are saved as well: `file`, an ONNX model whose external data is beside it, as `data`. */
  | {
      readonly kind: 'saving';
      readonly file: string;
      readonly data: string;
      /** Whether the session is run, too. */
      readonly isRun: boolean;
    }
  /** The graph was saved before: there is nothing to optimise. */
  | { readonly kind: 'prepared' };

export interface PreparedOptions extends SideFilesOptions {
  /** Bytes of weights, in float32, from which on a graph is kept. */
  readonly least?: number;
  /** And from which on it is mapped until then. */
  readonly leastMapped?: number;
}

/** How openPrepared would open a graph. */
type Expected =
  | { readonly kind: 'plain' | 'mapped' }
  /** @property bytes of its file */
  | { readonly kind: 'prepared'; readonly bytes: number };

type Create<Session> = (graph: Graph, opening: Opening) => Promise<Session>;
type Source = NonNullable<Graph['source']>;

/** Bytes of a kept graph's file, at most. */
const mostBytes = ({ bytes }: Source): number => bytes * GROWTH + LEAST_BYTES;

/** Whether the file of a graph is made behind its first opening rather than with it. */
const isKeptLater = (source: Source, { limit }: PreparedOptions): boolean =>
  source.isCast && mostBytes(source) <= limit;

/** Whether a graph that is kept later is mapped until then. */
const isMappedFirst = (source: Source, options: PreparedOptions): boolean =>
  isKeptLater(source, options) && isLarge(source, options);

const isLarge = ({ bytes }: Source, { leastMapped = LEAST_MAPPED_BYTES }: PreparedOptions): boolean =>
  bytes >= leastMapped;

/**
 * Whether what a run has taken is kept for the next one, until the session is closed. A large graph is a denoiser or a long
 * text's encoder: it runs in many steps, and what they take is small beside its weights. A VAE runs once, and takes far more
 * than its weights. An opening that makes new weights would leave holes in what is kept.
 */
export const keepsMemory = (
  { source }: Graph,
  { kind }: Pick<Opening, 'kind'>,
  options: PreparedOptions,
): boolean => source !== undefined && isLarge(source, options) && (kind === 'mapped' || kind === 'prepared');

/** Whether a graph opens clearly faster from a file. */
export const isWorthKeeping = ({ source }: Graph, { least = LEAST_BYTES }: PreparedOptions): boolean =>
  source !== undefined && source.bytes >= least;

/** What openPrepared would do now, without opening anything. */
export async function expectOpening(
  { source, ...graph }: Graph,
  options: PreparedOptions,
): Promise<Expected> {
  const { least = LEAST_BYTES } = options;
  if (source === undefined || source.bytes < least) return { kind: 'plain' };
  const bytes = await sideFilesOf(options).size(await keyOf(graph, source.files));
  if (bytes !== undefined) return { kind: 'prepared', bytes };
  return { kind: isMappedFirst(source, options) ? 'mapped' : 'plain' };
}

/** A graph whose weights are mapped as they are stored. */
export async function openMapped<Session>(
  graph: Graph,
  create: Create<Session>,
  onRead: (share: number) => void = () => {},
): Promise<Session> {
  await readAhead(graph.source?.files ?? [], onRead);
  return create(graph, { kind: 'mapped' });
}

/**
 * Opens a session by what is kept of its graph.
 * @param create makes the session; what it throws for a plain or mapped opening is thrown
 * @param onRead is told which share of the files that are mapped has been read, where that takes its time
 * @returns with it, whether it is provisional: once keepPrepared has made the file, the graph opens from that
 */
export async function openPrepared<Session>(
  graph: Graph,
  options: PreparedOptions,
  create: Create<Session>,
  onRead: (share: number) => void = () => {},
): Promise<{ readonly session: Session; readonly isProvisional: boolean }> {
  const { source } = graph;
  const { least = LEAST_BYTES } = options;
  const plain = async () => ({ session: await create(graph, { kind: 'plain' }), isProvisional: false });
  if (source === undefined || source.bytes < least) return plain();
  const files = sideFilesOf(options);
  const key = await keyOf(graph, source.files);
  const isLater = isKeptLater(source, options);
  let made: Session | undefined;
  const file = isLater
    ? await files.find(key)
    : await files
        .open(key, mostBytes(source), async (_, place) => {
          made = await saved(place, { isRun: true }, (opening) => create(graph, opening));
        })
        // A full disk shows as an error of onnxruntime: whether the model is to blame, the plain opening tells.
        .catch(() => undefined);
  try {
    if (made !== undefined) return { session: made, isProvisional: false };
    if (file !== undefined) {
      await readAhead([file.path], onRead);
      const bytes = await readModel(file.path);
      const kept = { bytes, folder: dirname(file.path), source };
      return { session: await create(kept, { kind: 'prepared' }), isProvisional: false };
    }
  } catch {
    await file!.discard();
  } finally {
    file?.release();
  }
  if (!isLater) return plain();
  const session = isMappedFirst(source, options)
    ? await openMapped(graph, create, onRead)
    : await create(graph, { kind: 'plain' });
  return { session, isProvisional: true };
}

/**
 * Makes the file of a graph where it is missing. It takes some seconds for each gigabyte, on one core, and memory for
 * the weights in float32.
 * @param create makes a session, which is closed when its graph is saved
 * @returns whether the file is there now
 */
export async function keepPrepared(
  graph: Graph,
  options: PreparedOptions,
  create: Create<{ release(): Promise<void> }>,
): Promise<boolean> {
  const { source } = graph;
  if (source === undefined) return false;
  const files = sideFilesOf(options);
  const key = await keyOf(graph, source.files);
  const file = await files.open(key, mostBytes(source), async (_, place) => {
    await (await saved(place, { isRun: false }, (opening) => create(graph, opening))).release();
  });
  file?.release();
  await files.settled();
  return file !== undefined;
}

async function keyOf(graph: Graph, files: readonly string[]): Promise<string[]> {
  const digest = digests.get(graph.bytes) ?? digestOf(graph);
  digests.set(graph.bytes, digest);
  return [VERSION, runtimeVersion(), processor(), digest, ...(await Promise.all(files.map(sourceOf)))];
}

/** Of graphs, by their bytes: a plan asks for the same ones again and again. */
const digests = new WeakMap<Uint8Array, string>();

function digestOf({ bytes, folder, quantised }: Graph): string {
  const made = quantised === undefined ? '' : JSON.stringify(quantised);
  return createHash('sha256').update(bytes).update(folder).update(made).digest('hex');
}

/** What this processor is and can do: the layout of weights depends on it. */
export function processor(): string {
  const model = `${process.arch} ${cpus()[0]?.model}`;
  try {
    return `${model} ${/^flags.*$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[0] ?? ''}`;
  } catch {
    return model;
  }
}

/** One file: the external data, then the model, then the model's length as 8 bytes. */
async function saved<Session>(
  { part, name }: SideFilePlace,
  { isRun }: { readonly isRun: boolean },
  create: (opening: Opening) => Promise<Session>,
): Promise<Session> {
  const folder = `${part}.folder`;
  const file = join(folder, 'model.onnx');
  await mkdir(folder);
  try {
    const session = await create({ kind: 'saving', file, data: name, isRun });
    const model = await readFile(file);
    const data = join(folder, name);
    await checkWhole(data, model);
    const length = Buffer.alloc(8);
    length.writeBigUInt64LE(BigInt(model.length));
    await appendFile(data, Buffer.concat([model, length]));
    await rename(data, part);
    return session;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** onnxruntime does not notice that a disk is full. */
async function checkWhole(data: string, model: Uint8Array): Promise<void> {
  const file = await open(data);
  const { size } = await file.stat().finally(() => file.close());
  const needed = externalBytes(model);
  if (size < needed) throw new Error(`${data} has ${size} of ${needed} bytes`);
}

async function readModel(path: string): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    const length = Buffer.alloc(8);
    await file.read(length, 0, 8, size - 8);
    const bytes = Number(length.readBigUInt64LE());
    if (bytes > size - 8) throw new Error(`${path} does not end with a model`);
    const model = Buffer.alloc(bytes);
    await file.read(model, 0, bytes, size - 8 - bytes);
    return model;
  } finally {
    await file.close();
  }
}
