/**
 * Optimised graphs that are kept. Opening a model means to widen its weights, to fold constants and to lay the weights out
 * as the kernels read them: gigabytes that are written again and again. onnxruntime can save what it has made; the next
 * opening maps that file into memory and is done.
 */
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { appendFile, mkdir, open, readFile, rename, rm } from 'node:fs/promises';
import { cpus } from 'node:os';
import { dirname, join } from 'node:path';
import { runtimeVersion } from '../gpu/libraries.ts';
import type { Graph } from '../graph/component.ts';
import { externalBytes } from '../graph/onnx.ts';
import { type SideFilePlace, SideFiles, type SideFilesOptions, sourceOf } from '../models/side-files.ts';

/** Raised when the same sources give another file. */
const VERSION = '1';
/** A graph that is smaller opens about as fast without a file. */
const LEAST_BYTES = 100_000_000;
/** Laid out for the kernels, weights take up to this much more than as they are. */
const GROWTH = 1.2;

/** How a session is to be opened. */
export type Opening =
  | { readonly kind: 'plain' }
  /** Its weights and its graph are saved as well: `file`, an ONNX model whose external data is beside it, as `data`. */
  | { readonly kind: 'saving'; readonly file: string; readonly data: string }
  /** The graph was saved before: there is nothing to optimise. */
  | { readonly kind: 'prepared' };

/** One for each folder, since it knows what this process holds. */
const cache = new Map<string, SideFiles>();

/**
 * Opens a session by what is kept of its graph, and keeps it where it is not.
 * @param create makes the session; what it throws for a plain opening is thrown
 */
export async function openPrepared<Session>(
  graph: Graph,
  options: SideFilesOptions & {
    /** Bytes of weights from which on a graph is kept. */
    readonly least?: number;
  },
  create: (graph: Graph, opening: Opening) => Promise<Session>,
): Promise<Session> {
  const { source } = graph;
  const { least = LEAST_BYTES } = options;
  const plain = () => create(graph, { kind: 'plain' });
  if (source === undefined || source.bytes < least) return plain();
  const files = cache.get(options.folder) ?? new SideFiles(options);
  cache.set(options.folder, files);
  let made: Session | undefined;
  const save = async (place: SideFilePlace) => {
    made = await saved(place, (opening) => create(graph, opening));
  };
  const key = await keyOf(graph, source.files);
  const file = await files
    .open(key, source.bytes * GROWTH + LEAST_BYTES, (_, place) => save(place))
    // A full disk shows as an error of onnxruntime: whether the model is to blame, the plain opening tells.
    .catch(() => undefined);
  if (made !== undefined || file === undefined) {
    file?.release();
    return made ?? plain();
  }
  try {
    const bytes = await readModel(file.path);
    return await create({ bytes, folder: dirname(file.path) }, { kind: 'prepared' });
  } catch {
    await file.discard();
    return plain();
  } finally {
    file.release();
  }
}

/** Resolves once all that was saved is on the disk: for a program that ends soon, and for tests. */
export async function preparedSettled(): Promise<void> {
  await Promise.all([...cache.values()].map((files) => files.settled()));
}

async function keyOf(graph: Graph, files: readonly string[]): Promise<string[]> {
  const { bytes, folder, quantised } = graph;
  const made = quantised === undefined ? '' : JSON.stringify(quantised);
  const digest = createHash('sha256').update(bytes).update(folder).update(made).digest('hex');
  return [VERSION, runtimeVersion(), processor(), digest, ...(await Promise.all(files.map(sourceOf)))];
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
  create: (opening: Opening) => Promise<Session>,
): Promise<Session> {
  const folder = `${part}.folder`;
  const file = join(folder, 'model.onnx');
  await mkdir(folder);
  try {
    const session = await create({ kind: 'saving', file, data: name });
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
