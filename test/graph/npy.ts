/** Reads the .npy files of test/golden: row-major float32 or int64. */
import { readFile } from 'node:fs/promises';
import type { Tensor } from '../../src/tensor.ts';

export async function readNpy(path: string): Promise<Tensor<Float32Array | BigInt64Array>> {
  const bytes = await readFile(path);
  const start = 10 + bytes.readUInt16LE(8);
  const header = bytes.toString('latin1', 10, start);
  const dims = /'shape': \(([^)]*)\)/
    .exec(header)![1]!
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(Number);
  const buffer = Uint8Array.from(bytes.subarray(start)).buffer;
  if (header.includes("'<f4'")) return { data: new Float32Array(buffer), dims };
  if (header.includes("'<i8'")) return { data: new BigInt64Array(buffer), dims };
  throw new Error(`${path}: ${header}`);
}
