/** Components with weights that follow from their names, as make_goldens.py has them. */
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { crc32 } from 'node:zlib';
import type { Component } from '../../src/graph/component.ts';
import { readSafetensorsFile } from '../../src/models/safetensors.ts';

/** Numbers in -1..1 from a hash of name and place. */
export function uniform(name: string, count: number): Float64Array {
  const seed = crc32(name);
  return Float64Array.from({ length: count }, (_, i) => {
    let h = (Math.imul(i, 0x9e3779b1) + seed) >>> 0;
    h = Math.imul(h ^ (h >>> 15), 0x85ebca6b) >>> 0;
    h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35) >>> 0;
    return ((h ^ (h >>> 16)) >>> 0) / 2 ** 31 - 1;
  });
}

const product = (shape: readonly number[]) => shape.reduce((a, b) => a * b, 1);

export function weight(name: string, shape: readonly number[]): Float32Array {
  const values = uniform(name, product(shape));
  if (shape.length === 1) {
    const centre = name.includes('norm') && name.endsWith('weight') ? 1 : 0;
    return Float32Array.from(values, (v) => v * 0.1 + centre);
  }
  const isTable = name.includes('embedding.weight') || name.endsWith('pos_embed');
  const gain = isTable ? 1 : Math.sqrt(3 / product(shape.slice(1)));
  return Float32Array.from(values, (v) => v * gain);
}

export function field(name: string, dims: readonly number[]) {
  return { data: Float32Array.from(uniform(name, product(dims))), dims };
}

/** Writes the tensors as one float32 safetensors file and reads its header back. */
export async function forgeComponent(
  folder: string,
  config: Record<string, unknown>,
  tensors: Record<string, readonly number[]>,
): Promise<Component> {
  let end = 0;
  const header: Record<string, unknown> = {};
  const parts: Uint8Array[] = [];
  for (const [name, shape] of Object.entries(tensors)) {
    const bytes = new Uint8Array(weight(name, shape).buffer);
    header[name] = { dtype: 'F32', shape, data_offsets: [end, end + bytes.length] };
    end += bytes.length;
    parts.push(bytes);
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const file = join(folder, 'weights.safetensors');
  await writeFile(file, Buffer.concat([length, json, ...parts]));
  return { configFile: 'part/config.json', config, tensors: (await readSafetensorsFile(file)).tensors };
}
