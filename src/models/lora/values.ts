/** The numbers of stored tensors. */
import { type FileHandle, open } from 'node:fs/promises';
import { DarkroomError } from '../../errors.ts';
import type { StoredTensor } from '../../graph/component.ts';

/** Types that a LoRA's tensors may have. */
const READERS: Readonly<Record<string, (bytes: Uint8Array) => Float32Array>> = {
  F32: (bytes) => new Float32Array(aligned(bytes)),
  F64: (bytes) => Float32Array.from(new Float64Array(aligned(bytes))),
  F16: (bytes) => Float32Array.from(new Float16Array(aligned(bytes))),
  BF16: (bytes) => {
    const halves = new Uint16Array(aligned(bytes));
    const words = new Uint32Array(halves.length);
    for (let i = 0; i < halves.length; i++) words[i] = halves[i]! << 16;
    return new Float32Array(words.buffer);
  },
};

export const isReadable = ({ dtype }: StoredTensor): boolean => Object.hasOwn(READERS, dtype);

/** Tensors of a few files, each opened once. */
export class ValueReader {
  readonly #handles = new Map<string, Promise<FileHandle>>();

  /** @throws DarkroomError('bad_model') for a type without numbers to reckon with, and where the file has become shorter */
  async read({ name, dtype, file, offset, length }: StoredTensor): Promise<Float32Array> {
    const reader = Object.hasOwn(READERS, dtype) ? READERS[dtype] : undefined;
    if (reader === undefined) {
      const known = Object.keys(READERS).join(', ');
      throw new DarkroomError('unsupported', `${name} is stored as ${dtype}; it can be ${known}.`);
    }
    const handle = this.#handles.get(file) ?? open(file, 'r');
    this.#handles.set(file, handle);
    const bytes = new Uint8Array(length);
    const { bytesRead } = await (await handle).read(bytes, 0, length, offset);
    if (bytesRead === length) return reader(bytes);
    throw new DarkroomError(
      'bad_model',
      `${name} could not be read: its file was changed or cut off meanwhile.`,
    );
  }

  async close(): Promise<void> {
    for (const handle of await Promise.allSettled(this.#handles.values())) {
      if (handle.status === 'fulfilled') await handle.value.close();
    }
  }
}

/** A buffer of its own, which begins where a typed array may. */
function aligned(bytes: Uint8Array): ArrayBuffer {
  return bytes.byteOffset === 0 && bytes.byteLength === bytes.buffer.byteLength
    ? (bytes.buffer as ArrayBuffer)
    : bytes.slice().buffer;
}
