/** The numbers of stored tensors. */
import { type FileHandle, open } from 'node:fs/promises';
import { DarkroomError } from '../../errors.ts';
import type { Decode, StoredTensor } from '../../graph/component.ts';
import { FLOAT8 } from '../../graph/float8.ts';
import { filesChanged, versionOf } from '../seen.ts';

type Reader = (bytes: Uint8Array) => Float32Array;

/** Types that weights may have. */
const FLOATS: Readonly<Record<string, Reader>> = {
  F32: (bytes) => new Float32Array(aligned(bytes)),
  F8_E4M3: (bytes) => float8(bytes, FLOAT8.F8_E4M3),
  F8_E5M2: (bytes) => float8(bytes, FLOAT8.F8_E5M2),
  F64: (bytes) => Float32Array.from(new Float64Array(aligned(bytes))),
  F16: (bytes) => Float32Array.from(new Float16Array(aligned(bytes))),
  BF16: (bytes) => {
    const halves = new Uint16Array(aligned(bytes));
    const words = new Uint32Array(halves.length);
    for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
    return new Float32Array(words.buffer);
  },
};
/** Types of counts: training scripts that are given a whole number as alpha store it as one. */
const WHOLE: Readonly<Record<string, Reader>> = {
  I32: (bytes) => Float32Array.from(new Int32Array(aligned(bytes))),
  I64: (bytes) => Float32Array.from(new BigInt64Array(aligned(bytes)), Number),
};
const READERS: Readonly<Record<string, Reader>> = { ...FLOATS, ...WHOLE };

/** As sentences list them. */
export const FLOAT_TYPES: readonly string[] = Object.keys(FLOATS);

export const isFloat = ({ dtype }: StoredTensor): boolean => Object.hasOwn(FLOATS, dtype);
export const isWhole = ({ dtype }: StoredTensor): boolean => Object.hasOwn(WHOLE, dtype);

/** Tensors of a few files, each opened once. */
export class ValueReader {
  readonly #handles = new Map<string, Promise<FileHandle>>();

  /** @throws DarkroomError('bad_model') for a type without numbers to reckon with, FilesChanged where the file is another one */
  async read(stored: StoredTensor): Promise<Float32Array> {
    const { decode, shape } = stored;
    if (decode === undefined) return this.#bytes(stored);
    const rows = shape[0] ?? 1;
    if (decode.identity === true) {
      return Float32Array.from({ length: rows * rows }, (_, i) => (i % (rows + 1) === 0 ? 1 : 0));
    }
    const values = ordered(await this.#bytes(stored), rows, decode);
    if (decode.scale === undefined) return values;
    const columns = values.length / rows;
    const scale = await this.read(decode.scale);
    return values.map((value, i) => value * scale[scale.length === 1 ? 0 : Math.floor(i / columns)]!);
  }

  /** As they lie in the file. */
  async #bytes({ name, dtype, file, version, offset, length }: StoredTensor): Promise<Float32Array> {
    const reader = Object.hasOwn(READERS, dtype) ? READERS[dtype] : undefined;
    if (reader === undefined) {
      const known = FLOAT_TYPES.join(', ');
      throw new DarkroomError('unsupported', `${name} is stored as ${dtype}; it can be ${known}.`);
    }
    const handle = this.#handles.get(file) ?? openSame(file, version);
    this.#handles.set(file, handle);
    const bytes = new Uint8Array(length);
    const { bytesRead } = await (await handle).read(bytes, 0, length, offset);
    if (bytesRead === length) return reader(bytes);
    throw filesChanged(file);
  }

  async close(): Promise<void> {
    for (const handle of await Promise.allSettled(this.#handles.values())) {
      if (handle.status === 'fulfilled') await handle.value.close();
    }
  }
}

async function openSame(file: string, version: string | undefined): Promise<FileHandle> {
  const handle = await open(file, 'r').catch(() => {
    throw filesChanged(file);
  });
  if (version === undefined || (await versionOf(handle)) === version) return handle;
  await handle.close();
  throw filesChanged(file);
}

function ordered(values: Float32Array, rows: number, { halvesSwapped, transposed }: Decode): Float32Array {
  const columns = values.length / rows;
  if (halvesSwapped === true)
    return joined(values.subarray(values.length / 2), values.subarray(0, values.length / 2));
  if (transposed === true)
    return values.map((_, i) => values[(i % columns) * rows + Math.floor(i / columns)]!);
  return values;
}

function joined(first: Float32Array, second: Float32Array): Float32Array {
  const both = new Float32Array(first.length + second.length);
  both.set(first);
  both.set(second, first.length);
  return both;
}

const float8 = (bytes: Uint8Array, values: Float32Array) => Float32Array.from(bytes, (byte) => values[byte]!);

/** A buffer of its own, which begins where a typed array may. */
function aligned(bytes: Uint8Array): ArrayBuffer {
  return bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength
    ? (bytes.buffer as ArrayBuffer)
    : bytes.slice().buffer;
}
