/**
 * GGUF files of full size: random weights as Q8_0, vectors as F32. A layer's outputs are about as large as its inputs, norms
 * are near 1 and biases near 0, as in trained models, but for the single channels that are a thousand times larger there.
 */
import { createWriteStream } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import type { Shapes } from './forge-shapes.ts';

const [F32, Q8_0] = [0, 8] as const;
const [BLOCK, BLOCK_BYTES, ALIGNMENT] = [32, 34, 32] as const;
/** Blocks are repeated after this many: a prime, so that no two rows of a weight are alike. */
const PERIOD = 30_011;
/** Standard deviation of the whole numbers of a block, uniform from -127 to 127. */
const DEVIATION = 73.6;

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);
const isMatrix = (shape: readonly number[]) => shape.length === 2 && shape[1]! % BLOCK === 0;

/** @param architecture as llama.cpp and ComfyUI-GGUF name it */
export async function forgeGguf(file: string, architecture: string, shapes: Shapes): Promise<void> {
  const u32 = (value: number) => Buffer.from(Uint32Array.of(value).buffer);
  const u64 = (value: number) => Buffer.from(BigUint64Array.of(BigInt(value)).buffer);
  const text = (value: string) => Buffer.concat([u64(value.length), Buffer.from(value)]);
  let at = 0;
  const tensors = Array.from(shapes, ([name, shape]) => {
    const bytes = isMatrix(shape) ? (product(shape) / BLOCK) * BLOCK_BYTES : product(shape) * 4;
    const tensor = { name, shape, bytes, offset: at, padding: -bytes & (ALIGNMENT - 1) };
    at += bytes + tensor.padding;
    return tensor;
  });
  const header = Buffer.concat([
    ...[Buffer.from('GGUF'), u32(3), u64(tensors.length), u64(1)],
    ...[text('general.architecture'), u32(8), text(architecture)],
    ...tensors.flatMap(({ name, shape, offset }) => [
      ...[text(name), u32(shape.length), ...shape.toReversed().map(u64)],
      ...[u32(isMatrix(shape) ? Q8_0 : F32), u64(offset)],
    ]),
  ]);
  const pools = new Map<number, Uint8Array>();
  const poolOf = (inputs: number) => {
    const made = pools.get(inputs) ?? randomBlocks(1 / (DEVIATION * Math.sqrt(inputs)));
    pools.set(inputs, made);
    return made;
  };
  function* bytes() {
    yield header;
    yield Buffer.alloc(-header.length & (ALIGNMENT - 1));
    let drawn = 0;
    for (const { name, shape, bytes, padding } of tensors) {
      if (isMatrix(shape)) {
        const blocks = poolOf(shape[1]!);
        let from = (drawn % PERIOD) * BLOCK_BYTES;
        drawn += bytes / BLOCK_BYTES + 1;
        for (let left = bytes; left > 0; from = 0) {
          const piece = blocks.subarray(from, Math.min(blocks.length, from + left));
          yield piece;
          left -= piece.length;
        }
      } else yield new Uint8Array(randomVector(name, product(shape)).buffer);
      if (padding > 0) yield Buffer.alloc(padding);
    }
  }
  await mkdir(dirname(file), { recursive: true });
  await pipeline(Readable.from(bytes()), createWriteStream(file));
}

function randomVector(name: string, size: number): Float32Array<ArrayBuffer> {
  const centre = /norm/.test(name) ? 1 : 0;
  return Float32Array.from({ length: size }, (_, i) => centre + 0.1 * Math.sin(i * i));
}

function randomBlocks(size: number): Uint8Array {
  const blocks = new Uint8Array(PERIOD * BLOCK_BYTES);
  const scale = new Uint8Array(Float16Array.of(size).buffer);
  let state = 1;
  for (let i = 0; i < blocks.length; i++) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    // -128 is no number of this type.
    blocks[i] = Math.max(-127, (state >>> 24) - 128);
  }
  for (let i = 0; i < blocks.length; i += BLOCK_BYTES) blocks.set(scale, i);
  return blocks;
}
