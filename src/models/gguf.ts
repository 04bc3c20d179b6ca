/**
 * The header of a GGUF file (github.com/ggml-org/ggml docs/gguf.md): counts, key-values, one entry for each tensor, then the
 * tensors, each aligned. Only the header is read, and nothing of it is believed unchecked. @huggingface/gguf is not used:
 * it makes objects of every entry of a tokenizer, lets names come twice, and does not compare places with the file's size.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { DarkroomError } from '../errors.ts';
import { BLOCK_TYPES, isBlockType } from '../graph/block-types.ts';
import type { StoredTensor } from '../graph/component.ts';
import { HeaderReader } from './header-reader.ts';
import { versionOf } from './seen.ts';
import { howToDownload } from './wrong-file.ts';

interface GgufFile {
  readonly tensors: Map<string, StoredTensor>;
  /** Key-values that are short texts or single numbers. */
  readonly metadata: ReadonlyMap<string, string>;
}

const MAGIC = 'GGUF';
const VERSIONS = [2, 3];
const MOST_TENSORS = 100_000;
const MOST_VALUES = 100_000;
const LONGEST_NAME = 1000;
/** Longer texts are passed over: templates and lists of words. */
const LONGEST_KEPT = 4000;
const MOST_DIMENSIONS = 8;
/** Lists of lists, which nobody writes. */
const DEEPEST_LIST = 3;
/** Entries of a list of texts: a vocabulary has 150,000 words. */
const LONGEST_LIST = 2_000_000;
const ALIGNMENT = 32;

/** ggml's numbers of its types (ggml.h, enum ggml_type). */
const TYPES: ReadonlyMap<number, string> = new Map(
  (
    '0 F32|1 F16|2 Q4_0|3 Q4_1|6 Q5_0|7 Q5_1|8 Q8_0|9 Q8_1|10 Q2_K|11 Q3_K|12 Q4_K|13 Q5_K|14 Q6_K|15 Q8_K|16 IQ2_XXS|' +
    '17 IQ2_XS|18 IQ3_XXS|19 IQ1_S|20 IQ4_NL|21 IQ3_S|22 IQ2_S|23 IQ4_XS|24 I8|25 I16|26 I32|27 I64|28 F64|29 IQ1_M|' +
    '30 BF16|34 TQ1_0|35 TQ2_0|39 MXFP4|40 NVFP4'
  )
    .split('|')
    .map((entry) => entry.split(' '))
    .map(([number, name]) => [Number(number), name!]),
);

/** Of types that hold one number after the other. */
const PLAIN: ReadonlyMap<string, number> = new Map([
  ['F32', 4],
  ['F16', 2],
  ['BF16', 2],
  ['F64', 8],
  ['I8', 1],
  ['I16', 2],
  ['I32', 4],
  ['I64', 8],
]);

/** Bytes of the key-values' types by their number; 8 is a text, 9 a list. */
const SIZES: ReadonlyMap<number, number> = new Map([
  ...[0, 1, 7].map((type) => [type, 1] as const),
  ...[2, 3].map((type) => [type, 2] as const),
  ...[4, 5, 6].map((type) => [type, 4] as const),
  ...[10, 11, 12].map((type) => [type, 8] as const),
]);
const [TEXT, LIST] = [8, 9];

export const isGguf = (beginning: Uint8Array): boolean =>
  Buffer.from(beginning.subarray(0, 4)).toString('latin1') === MAGIC;

/**
 * @param file real path of a regular file
 * @param options.label the file's name in sentences
 * @param options.folder it tells how a file that a failed download left is downloaded again
 * @throws DarkroomError('bad_model') for what disagrees with itself or with the file's size, ('unsupported') for a type of
 *   weights or a version that is not read, by its name
 */
export async function readGguf(
  file: string,
  { label, folder }: { readonly label: string; readonly folder: string },
): Promise<GgufFile> {
  const handle = await open(file, 'r');
  try {
    return await readHeader(handle, { file, label, folder });
  } finally {
    await handle.close();
  }
}

interface Entry {
  readonly name: string;
  readonly sides: readonly number[];
  readonly type: number;
  readonly offset: number;
}

async function readHeader(
  handle: FileHandle,
  { file, label, folder }: { readonly file: string; readonly label: string; readonly folder: string },
): Promise<GgufFile> {
  const { size } = await handle.stat();
  const broken = (reason: string) =>
    new DarkroomError('bad_model', `${label} is not a usable GGUF file: ${reason}.`);
  const cut = (what: string) =>
    new DarkroomError('bad_model', `${label} was cut off: it has ${size} ${what}. ${howToDownload(folder)}`);
  const reader = new HeaderReader(handle, size, {
    broken,
    ended: () => cut('bytes and ends within its header'),
  });

  const version = await versionOf(handle);
  await reader.skip(MAGIC.length);
  const format = await reader.u32();
  if (!VERSIONS.includes(format)) {
    // The other order of bytes puts the version into the upper ones.
    const what = format > 0xffff ? 'its numbers are big-endian' : `it is of version ${format}`;
    throw new DarkroomError(
      'unsupported',
      `${label}: ${what}; GGUF files can be of version 2 and 3, little-endian.`,
    );
  }
  const tensorCount = await reader.count('tensors', MOST_TENSORS);
  const valueCount = await reader.count('key-values', MOST_VALUES);
  const metadata = new Map<string, string>();
  const shapes = new Map<string, readonly number[]>();
  for (let i = 0; i < valueCount; i++) await readValue(reader, { metadata, shapes, broken });
  const entries: Entry[] = [];
  const seen = new Set<string>();
  for (let i = 0; i < tensorCount; i++) {
    const name = await reader.text('a name of a tensor', LONGEST_NAME);
    if (seen.has(name)) throw broken(`it names ${name} twice`);
    seen.add(name);
    const rank = await reader.u32();
    if (rank > MOST_DIMENSIONS)
      throw broken(`${name} has ${rank} dimensions; ${MOST_DIMENSIONS} is the limit`);
    const sides: number[] = [];
    for (let k = 0; k < rank; k++) sides.push(await reader.u64(`a side of ${name}`));
    entries.push({ name, sides, type: await reader.u32(), offset: await reader.u64(`the place of ${name}`) });
  }

  const alignment = Number(metadata.get('general.alignment') ?? ALIGNMENT);
  if (!Number.isSafeInteger(alignment) || alignment < 1 || alignment > 65_536 || alignment % 8 !== 0) {
    throw broken(`its alignment is ${metadata.get('general.alignment')}`);
  }
  const start = Math.ceil(reader.at / alignment) * alignment;
  const tensors = new Map<string, StoredTensor>();
  for (const { name, sides, type, offset } of entries) {
    const dtype = TYPES.get(type);
    const length = dtype === undefined ? undefined : bytesOf(dtype, sides);
    if (dtype === undefined || length === undefined) throw unread(label, name, dtype ?? `type ${type}`);
    if (Number.isNaN(length))
      throw broken(`${name} is ${dtype} [${sides.join(', ')}], which is no whole number of blocks`);
    if (offset % alignment !== 0)
      throw broken(`${name} begins at ${offset}, which is no multiple of ${alignment}`);
    if (!Number.isSafeInteger(start + offset + length)) throw broken(`${name} lies outside the file`);
    // ggml counts sides from the innermost; a shape of more than its four sides stands in the metadata.
    const shape = shapes.get(name) ?? sides.toReversed();
    if (product(shape) !== product(sides))
      throw broken(`${name} has ${product(sides)} numbers, but is said to be ${shape.join(' x ')}`);
    tensors.set(name, { name, dtype, shape, file, version, offset: start + offset, length });
  }
  checkPlaces([...tensors.values()], { size, broken, cut });
  return { tensors, metadata };
}

/** Kept where it is short and single, or the shape of a tensor as the program that converted the file had it. */
async function readValue(
  reader: HeaderReader,
  {
    metadata,
    shapes,
    broken,
  }: {
    readonly metadata: Map<string, string>;
    readonly shapes: Map<string, readonly number[]>;
    readonly broken: (reason: string) => DarkroomError;
  },
): Promise<void> {
  const key = await reader.text('a key', LONGEST_NAME);
  if (metadata.has(key) || shapes.has(key)) throw broken(`it gives ${key} twice`);
  const type = await reader.u32();
  if (type === TEXT) {
    const text = await reader.shortText(LONGEST_KEPT);
    if (text !== undefined) metadata.set(key, text);
    return;
  }
  const tensor = /^comfy\.gguf\.orig_shape\.(.+)$/s.exec(key)?.[1];
  if (type === LIST && tensor !== undefined) {
    if ((await reader.u32()) !== INT32) throw broken(`${key} is no list of whole numbers`);
    const sides: number[] = [];
    for (let left = await reader.count(key, MOST_DIMENSIONS); left > 0; left--)
      sides.push(await reader.u32());
    shapes.set(tensor, sides);
    return;
  }
  if (type === LIST) return skipList(reader, broken);
  const bytes = SIZES.get(type);
  if (bytes === undefined) throw broken(`${key} is of the unknown type ${type}`);
  metadata.set(key, String(await reader.number(type, bytes)));
}

const INT32 = 5;

async function skipList(
  reader: HeaderReader,
  broken: (reason: string) => DarkroomError,
  depth = 1,
): Promise<void> {
  if (depth > DEEPEST_LIST) throw broken(`its key-values hold lists of lists more than ${DEEPEST_LIST} deep`);
  const type = await reader.u32();
  const bytes = SIZES.get(type);
  const count = await reader.u64('a length of a list');
  if (bytes !== undefined) return reader.skip(count * bytes);
  if (type !== TEXT && type !== LIST) throw broken(`a list holds the unknown type ${type}`);
  if (count > LONGEST_LIST) throw broken(`a list has ${count} entries; ${LONGEST_LIST} is the limit`);
  for (let i = 0; i < count; i++) {
    if (type === LIST) await skipList(reader, broken, depth + 1);
    else await reader.skip(await reader.u64('a length of a text'));
  }
}

const product = (sides: readonly number[]): number => sides.reduce((total, side) => total * side, 1);

/** @returns undefined for a type that is not read; NaN where a row is no whole number of blocks */
function bytesOf(dtype: string, sides: readonly number[]): number | undefined {
  const plain = PLAIN.get(dtype);
  if (plain !== undefined) return product(sides) * plain;
  if (!isBlockType(dtype)) return undefined;
  const { elements, bytes } = BLOCK_TYPES[dtype];
  return (sides[0] ?? 1) % elements === 0 ? (product(sides) / elements) * bytes : Number.NaN;
}

function unread(label: string, name: string, dtype: string): DarkroomError {
  const known = [...PLAIN.keys()].filter((plain) => plain.includes('F')).concat(Object.keys(BLOCK_TYPES));
  return new DarkroomError(
    'unsupported',
    `${label}: ${name} is stored as ${dtype}, which this version of Darkroom does not read; weights of a GGUF file can be ${known.join(', ')}.`,
  );
}

function checkPlaces(
  tensors: readonly StoredTensor[],
  {
    size,
    broken,
    cut,
  }: {
    readonly size: number;
    readonly broken: (reason: string) => DarkroomError;
    readonly cut: (what: string) => DarkroomError;
  },
): void {
  let end = 0;
  for (const { name, offset, length } of tensors.toSorted(
    (a, b) => a.offset - b.offset || a.length - b.length,
  )) {
    if (offset < end) throw broken(`${name} overlaps another tensor`);
    end = offset + length;
  }
  if (end > size) throw cut(`of ${end} bytes`);
}
