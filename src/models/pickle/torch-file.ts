/**
 * Files that torch.save wrote, in either form: a zip archive (torch 1.6 and later, torch/serialization.py), or pickles one
 * after another with the storages behind them. The weights stay where they are; only the pickles are read.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { DarkroomError } from '../../errors.ts';
import type { StoredTensor } from '../../graph/component.ts';
import { versionOf } from '../seen.ts';
import { EndOfBytes } from './operands.ts';
import { flatten } from './state-dict.ts';
import { unpickle } from './unpickle.ts';
import type { PyStorage, PyTensor, PyValue } from './values.ts';
import { contentOf, readExactly, readZipEntries, type ZipEntry } from './zip-entries.ts';

interface TorchFile {
  readonly tensors: Map<string, StoredTensor>;
  /** Numbers and short texts that stand beside the tensors: global_step, name. */
  readonly numbers: ReadonlyMap<string, number>;
  readonly texts: ReadonlyMap<string, string>;
}

/** Pickles are read whole; of a checkpoint with weights of 7 GB it has a few hundred kilobytes. */
const MOST_PICKLE_BYTES = 64_000_000;
const FIRST_READ = 1 << 20;
const MOST_STORAGES = 100_000;
/** torch's mark of the older form, as a pickled number. */
const MAGIC = 0x1950a86a20f9469cfc6cn;
const LEGACY_PROTOCOL = 1001;

const BYTES: Readonly<Record<string, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
  F8_E4M3: 1,
  F8_E5M2: 1,
};

/** Whether a file that begins so was written by torch.save, or is another pickle of protocol 2 to 5. */
export const isTorchFile = (beginning: Uint8Array): boolean =>
  (beginning[0] === 0x80 && beginning[1]! >= 2 && beginning[1]! <= 5) ||
  (beginning[0] === 0x50 && beginning[1] === 0x4b && beginning[2] === 3 && beginning[3] === 4);

/**
 * @param file real path of a regular file
 * @throws DarkroomError('bad_model') for what is damaged, ('unsupported') for what weights do not need
 */
export async function readTorchFile(file: string, label: string): Promise<TorchFile> {
  const handle = await open(file, 'r');
  try {
    const { size } = await handle.stat();
    const beginning = await readExactly(handle, 0, Math.min(4, size), (reason) => broken(label, reason));
    const reader = new Reader(handle, size, { file, version: await versionOf(handle), label });
    return beginning[0] === 0x80 ? await reader.legacy() : await reader.zip();
  } finally {
    await handle.close();
  }
}

const broken = (label: string, reason: string): DarkroomError =>
  new DarkroomError('bad_model', `${label} is not a usable PyTorch file: ${reason}.`);

/** Where the bytes of a storage lie. */
interface Region {
  readonly start: number;
  readonly length: number;
}

class Reader {
  readonly #handle: FileHandle;
  readonly #size: number;
  readonly #file: string;
  readonly #version: string;
  readonly #label: string;

  constructor(
    handle: FileHandle,
    size: number,
    { file, version, label }: { readonly file: string; readonly version: string; readonly label: string },
  ) {
    this.#handle = handle;
    this.#size = size;
    this.#file = file;
    this.#version = version;
    this.#label = label;
  }

  async zip(): Promise<TorchFile> {
    const fail = (reason: string) => this.#broken(reason);
    const entries = await readZipEntries(this.#handle, this.#size, fail);
    const pickles = [...entries.values()].filter(({ name }) => /^([^/]+\/)?data\.pkl$/.test(name));
    const [pickle] = pickles;
    if (pickle === undefined || pickles.length > 1) throw fail('it is a zip archive without one data.pkl');
    const root = pickle.name.slice(0, -'data.pkl'.length);
    if (entries.has(`${root}constants.pkl`)) {
      throw new DarkroomError(
        'unsupported',
        `${this.#label} is a TorchScript program. Use the model's weights as safetensors.`,
      );
    }
    const order = entries.get(`${root}byteorder`);
    if (order !== undefined && (await this.#read(order, 16)).toString('latin1') !== 'little') {
      throw fail('its numbers are big-endian');
    }
    const bytes = await this.#read(pickle, MOST_PICKLE_BYTES);
    const { value } = unpickle(bytes, 0, this.#label);
    const regions = new Map<string, Region>();
    const { tensors, ...rest } = flatten(value, this.#label);
    for (const { storage } of tensors.values()) {
      if (regions.has(storage.key)) continue;
      if (regions.size >= MOST_STORAGES) throw fail('it has too many storages');
      const entry = entries.get(`${root}data/${storage.key}`);
      if (entry === undefined) throw fail(`it lacks data/${storage.key.slice(0, 40)}`);
      const start = await contentOf(this.#handle, this.#size, entry, fail);
      regions.set(storage.key, { start, length: entry.length });
    }
    this.#refuseOverlaps(regions);
    return { tensors: this.#place(tensors, regions), ...rest };
  }

  /** Five pickles: mark, version, machine, the object, the keys of its storages; then each storage with its length. */
  async legacy(): Promise<TorchFile> {
    const { values, end, storages } = await this.#pickles();
    const [magic, protocol, , object, keys] = values as [PyValue, PyValue, PyValue, PyValue, PyValue];
    if (magic !== MAGIC || protocol !== LEGACY_PROTOCOL || !Array.isArray(keys)) {
      throw this.#broken('it is a pickle of another program');
    }
    const { tensors, ...rest } = flatten(object, this.#label);
    const regions = new Map<string, Region>();
    let at = end;
    if (keys.length > MOST_STORAGES) throw this.#broken('it has too many storages');
    for (const key of keys) {
      const storage = typeof key === 'string' ? storages.get(key) : undefined;
      // The length is in elements: of a storage that nothing describes, the end cannot be found.
      if (storage === undefined || typeof key !== 'string') throw this.#broken('nothing describes a storage');
      const width = BYTES[storage.dtype ?? 'U8']!;
      const count = Number(
        (await readExactly(this.#handle, at, 8, (reason) => this.#broken(reason))).readBigInt64LE(),
      );
      if (count !== storage.count) {
        throw this.#broken(`storage ${key.slice(0, 40)} has ${count} elements, not ${storage.count}`);
      }
      regions.set(key, { start: at + 8, length: count * width });
      at += 8 + count * width;
      if (at > this.#size) throw this.#broken('it was cut off');
    }
    return { tensors: this.#place(tensors, regions), ...rest };
  }

  async #pickles(): Promise<{ values: PyValue[]; end: number; storages: ReadonlyMap<string, PyStorage> }> {
    for (let length = FIRST_READ; ; length *= 8) {
      const whole = Math.min(this.#size, MOST_PICKLE_BYTES);
      const taken = Math.min(length, whole);
      const bytes = await readExactly(this.#handle, 0, taken, (reason) => this.#broken(reason));
      try {
        const values: PyValue[] = [];
        let end = 0;
        let storages: ReadonlyMap<string, PyStorage> = new Map();
        while (values.length < 5) {
          const read = unpickle(bytes, end, this.#label);
          // Whatever else follows the first pickle, it is none of torch's.
          if (values.length === 0 && read.value !== MAGIC)
            throw this.#broken('it is a pickle of another program');
          values.push(read.value);
          end = read.end;
          if (read.storages.size > 0) storages = read.storages;
        }
        return { values, end, storages };
      } catch (error) {
        if (!(error instanceof EndOfBytes) || taken === whole) throw error;
      }
    }
  }

  #place(
    tensors: ReadonlyMap<string, PyTensor>,
    regions: ReadonlyMap<string, Region>,
  ): Map<string, StoredTensor> {
    const placed = new Map<string, StoredTensor>();
    for (const [name, { storage, dtype, offset, shape, strides }] of tensors) {
      const region = regions.get(storage.key);
      const width = BYTES[dtype];
      if (region === undefined || width === undefined) throw this.#broken(`${name} has no storage`);
      const count = shape.reduce((product, side) => product * side, 1);
      const last =
        count === 0 ? 0 : shape.reduce((sum, side, i) => sum + (side - 1) * strides[i]!, offset) + 1;
      if (!Number.isSafeInteger(last) || last * width > region.length) {
        throw this.#broken(`${name} reaches beyond its storage`);
      }
      const order = orderOf(shape, strides);
      placed.set(name, {
        name,
        // A view that skips or repeats values is listed, so that whoever needs it can say that it does not read it.
        dtype: order === 'strided' ? `a strided view of ${dtype}` : dtype,
        shape,
        file: this.#file,
        version: this.#version,
        offset: region.start + offset * width,
        length: count * width,
        ...(order === 'columns' && { decode: { transposed: true } }),
      });
    }
    return placed;
  }

  /** Two names for the same bytes are a way to hide what a file holds; tensors that share weights share a storage. */
  #refuseOverlaps(regions: ReadonlyMap<string, Region>): void {
    let end = 0;
    for (const { start, length } of [...regions.values()].sort((a, b) => a.start - b.start)) {
      if (start < end) throw this.#broken('two of its storages overlap');
      end = start + length;
    }
  }

  async #read(entry: ZipEntry, most: number): Promise<Buffer> {
    if (entry.length > most) throw this.#broken(`its entry ${entry.name} has ${entry.length} bytes`);
    const fail = (reason: string) => this.#broken(reason);
    const start = await contentOf(this.#handle, this.#size, entry, fail);
    return readExactly(this.#handle, start, entry.length, fail);
  }

  #broken(reason: string): DarkroomError {
    return broken(this.#label, reason);
  }
}

/** Whether the values lie row by row, column by column, or in another way. */
function orderOf(shape: readonly number[], strides: readonly number[]): 'rows' | 'columns' | 'strided' {
  let step = 1;
  let isRows = true;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && strides[i] !== step) isRows = false;
    step *= shape[i]!;
  }
  if (isRows || step === 0) return 'rows';
  return shape.length === 2 && strides[0] === 1 && strides[1] === shape[0] ? 'columns' : 'strided';
}
