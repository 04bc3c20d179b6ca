/** Pickles, good and bad, operation by operation (Python's pickletools.py), and the files that torch.save makes of them. */
import { readFile } from 'node:fs/promises';
import { crc32, deflateRawSync } from 'node:zlib';
import { readSafetensorsFile } from '../../src/models/safetensors.ts';
import type { Forged } from './forge-checkpoint.ts';

export const op = (text: string): Buffer => Buffer.from(text, 'latin1');
export const join = (...parts: readonly (Buffer | string)[]): Buffer =>
  Buffer.concat(parts.map((part) => (typeof part === 'string' ? op(part) : part)));

const START = '\x80\x02';

/** A short text. */
export const text = (value: string): Buffer => {
  const bytes = Buffer.from(value);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return join('X', length, bytes);
};

export const whole = (value: number): Buffer => {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return join('\x8a\x08', bytes);
};

const tuple = (...items: readonly Buffer[]): Buffer => join('(', ...items, 't');
const numbers = (values: readonly number[]): Buffer => tuple(...values.map(whole));

/** A whole pickle that calls a function with one text, as attacks do. */
export const call = (module: string, name: string, argument: string): Buffer =>
  join(START, `c${module}\n${name}\n`, text(argument), '\x85R.');

const STORAGES: Readonly<Record<string, string>> = {
  F32: 'FloatStorage',
  F16: 'HalfStorage',
  BF16: 'BFloat16Storage',
  I64: 'LongStorage',
};
const WIDTHS: Readonly<Record<string, number>> = { F32: 4, F16: 2, BF16: 2, I64: 8 };

function stridesOf(shape: readonly number[]): number[] {
  return shape.map((_, i) => shape.slice(i + 1).reduce((product, side) => product * side, 1));
}

/** A tensor over a storage of its own. */
export function tensor(
  key: string,
  { dtype, shape, bytes }: Forged,
  { strides = stridesOf(shape), offset = 0, legacy = false } = {},
): Buffer {
  const count = bytes.length / WIDTHS[dtype]!;
  const storage = tuple(
    text('storage'),
    op(`ctorch\n${STORAGES[dtype]}\n`),
    text(key),
    text('cpu'),
    whole(count),
    ...(legacy ? [op('N')] : []),
  );
  return join(
    'ctorch._utils\n_rebuild_tensor_v2\n',
    tuple(
      join(storage, 'Q'),
      whole(offset),
      numbers(shape),
      numbers(strides),
      op('\x89'),
      op('ccollections\nOrderedDict\n)R'),
    ),
    'R',
  );
}

export const dict = (entries: readonly (readonly [key: string, value: Buffer])[]): Buffer =>
  join('}(', ...entries.flatMap(([key, value]) => [text(key), value]), 'u');

export const pickle = (value: Buffer): Buffer => join(START, value, '.');

interface ZipPart {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly packed?: boolean;
  /** Where its own header is said to be. */
  readonly header?: number;
}

export function zip(parts: readonly ZipPart[]): Buffer {
  const body: Buffer[] = [];
  const directory: Buffer[] = [];
  let at = 0;
  for (const { name, bytes, packed = false, header = at } of parts) {
    const content = packed ? deflateRawSync(bytes) : Buffer.from(bytes);
    const fields = Buffer.alloc(26);
    fields.writeUInt16LE(20, 0);
    fields.writeUInt16LE(packed ? 8 : 0, 4);
    fields.writeUInt32LE(crc32(bytes), 10);
    fields.writeUInt32LE(content.length, 14);
    fields.writeUInt32LE(bytes.length, 18);
    fields.writeUInt16LE(name.length, 22);
    const local = join('PK\x03\x04', fields, name);
    const rest = Buffer.alloc(14);
    rest.writeUInt32LE(header, 10);
    directory.push(join('PK\x01\x02\x14\x00', fields, rest, name));
    body.push(local, content);
    at += local.length + content.length;
  }
  const end = Buffer.alloc(18);
  const length = directory.reduce((sum, entry) => sum + entry.length, 0);
  end.writeUInt16LE(parts.length, 4);
  end.writeUInt16LE(parts.length, 6);
  end.writeUInt32LE(length, 8);
  end.writeUInt32LE(at, 12);
  return join(...body, ...directory, 'PK\x05\x06', end);
}

/** torch.save's zip form of a pickle and its storages. */
export const torchZip = (data: Buffer, storages: Readonly<Record<string, Uint8Array>> = {}): Buffer =>
  zip([
    { name: 'archive/data.pkl', bytes: data },
    { name: 'archive/byteorder', bytes: Buffer.from('little') },
    ...Object.entries(storages).map(([key, bytes]) => ({ name: `archive/data/${key}`, bytes })),
  ]);

/** The same state dict in either form of torch.save. @param wrapper the key of the weights, where more stands beside them */
export function torchFile(
  form: 'zip' | 'legacy',
  tensors: ReadonlyMap<string, Forged>,
  beside: readonly (readonly [key: string, value: Buffer])[] = [],
  wrapper = 'state_dict',
): Buffer {
  const list = [...tensors];
  const state = dict(list.map(([name, of], i) => [name, tensor(`${i}`, of, { legacy: form === 'legacy' })]));
  const object = pickle(beside.length === 0 ? state : dict([[wrapper, state], ...beside]));
  if (form === 'zip') return torchZip(object, Object.fromEntries(list.map(([, { bytes }], i) => [i, bytes])));
  const storages = list.map(([, { dtype, bytes }]) => {
    const count = Buffer.alloc(8);
    count.writeBigInt64LE(BigInt(bytes.length / WIDTHS[dtype]!));
    return join(count, Buffer.from(bytes));
  });
  return join(
    join(START, '\x8a\x0al\xfc\x9cF\xf9 j\xa8P\x19.'),
    pickle(op('M\xe9\x03')),
    pickle(dict([['little_endian', op('\x88')]])),
    object,
    pickle(join(']', ...list.map((_, i) => join(text(`${i}`), 'a')))),
    ...storages,
  );
}

/** A safetensors file in torch.save's zip form. */
export async function torchZipOf(file: string): Promise<Buffer> {
  const bytes = await readFile(file);
  const tensors = new Map(
    [...(await readSafetensorsFile(file)).tensors].map(([name, { dtype, shape, offset, length }]) => [
      name,
      { dtype, shape, bytes: bytes.subarray(offset, offset + length) },
    ]),
  );
  return torchFile('zip', tensors);
}
