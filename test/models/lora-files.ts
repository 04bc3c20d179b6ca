/** LoRA files made to order. */
import { join } from 'node:path';
import { readSafetensorsFile } from '../../src/models/safetensors.ts';
import { write } from './forge.ts';

export interface Values {
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** A count, as some scripts store alpha. */
interface WholeValues {
  readonly shape: readonly number[];
  readonly data: Int32Array | BigInt64Array;
  readonly dtype: 'I32' | 'I64';
}

/** Numbers between -1 and 1 that only depend on the seed (Park and Miller 1988). */
export function random(seed: number, ...shape: number[]): Values {
  let state = seed + 1;
  const next = () => {
    state = (state * 48_271) % 2_147_483_647;
    return (state / 2_147_483_647) * 2 - 1;
  };
  const size = shape.reduce((product, side) => product * side, 1);
  return { shape, data: Float32Array.from({ length: size }, next) };
}

export const scalar = (value: number): Values => ({ shape: [], data: Float32Array.of(value) });

/** The two matrices of a module in kohya's names. */
export const pair = (
  module: string,
  inputs: number,
  outputs: number,
  rank = 2,
): Record<`${string}.${'lora_down' | 'lora_up'}.weight`, Values> => ({
  [`${module}.lora_down.weight`]: random(1, rank, inputs),
  [`${module}.lora_up.weight`]: random(2, outputs, rank),
});

/** The bytes of a safetensors file, float32 but for whole numbers. */
export function loraBytes(
  tensors: Readonly<Record<string, Values | WholeValues>>,
  metadata?: Readonly<Record<string, string>>,
): Buffer {
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata };
  let offset = 0;
  for (const [name, { shape, data, ...rest }] of Object.entries(tensors)) {
    header[name] = { dtype: 'F32', shape, ...rest, data_offsets: [offset, offset + data.byteLength] };
    offset += data.byteLength;
  }
  const json = Buffer.from(JSON.stringify(header));
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(json.length));
  const numbers = Object.values(tensors).map(({ data }) =>
    Buffer.from(data.buffer, data.byteOffset, data.byteLength),
  );
  return Buffer.concat([length, json, ...numbers]);
}

export const writeLora = (
  folder: string,
  name: string,
  ...of: Parameters<typeof loraBytes>
): Promise<string> => write(join(folder, `${name}.safetensors`), loraBytes(...of));

/** The same file with each tensor under another name; undefined leaves it out. */
export async function respell(
  file: string,
  rename: (name: string, values: Values) => string | undefined,
): Promise<Record<string, Values>> {
  const { ValueReader } = await import('../../src/models/lora/values.ts');
  const { tensors } = await readSafetensorsFile(file);
  const reader = new ValueReader();
  const renamed: Record<string, Values> = {};
  for (const [name, stored] of tensors) {
    const values = { shape: stored.shape, data: await reader.read(stored) };
    const other = rename(name, values);
    if (other !== undefined) renamed[other] = values;
  }
  await reader.close();
  return renamed;
}
