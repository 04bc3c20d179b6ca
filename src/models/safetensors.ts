/**
 * The header of a .safetensors file (github.com/huggingface/safetensors, "Format"): 8 bytes of length, a JSON
 * object, then the tensors end to end. Only the header is read here, and nothing of it is believed unchecked.
 */
import { type FileHandle, open } from 'node:fs/promises';
import { basename, dirname } from 'node:path';
import { DarkroomError } from '../errors.ts';
import type { StoredTensor } from '../graph/component.ts';
import { isRecord } from '../json.ts';
import { versionOf } from './seen.ts';
import { BEGINNING, describeWrongFile, howToDownload } from './wrong-file.ts';

/** The format's own limit. */
const MAX_HEADER_BYTES = 100_000_000;

/** All types of the format (safetensors 0.8), also those that no weight here may have: other tensors of a file may. */
const TYPES_BY_BITS: readonly (readonly [bits: number, types: string])[] = [
  [4, 'F4'],
  [6, 'F6_E2M3 F6_E3M2'],
  [8, 'BOOL U8 I8 F8_E5M2 F8_E4M3 F8_E8M0 F8_E5M2FNUZ F8_E4M3FNUZ'],
  [16, 'U16 I16 F16 BF16'],
  [32, 'U32 I32 F32'],
  [64, 'U64 I64 F64 C64'],
];
const BITS: ReadonlyMap<unknown, number> = new Map(
  TYPES_BY_BITS.flatMap(([bits, types]) => types.split(' ').map((type) => [type, bits] as const)),
);

interface SafetensorsFile {
  readonly tensors: Map<string, StoredTensor>;
  /** What the file says of itself: words of whoever wrote it. Values that are no text are left out. */
  readonly metadata: ReadonlyMap<string, string>;
}

/**
 * Reads and checks the header of one file.
 * @param file real path of a regular file
 * @param options.label the file's name in sentences
 * @param options.folder of the model: it tells how a file that a failed download left is downloaded again
 * @returns its tensors by name, and the file's own words
 * @throws DarkroomError('bad_model') for anything that disagrees with itself or with the file's size
 */
export async function readSafetensorsFile(
  file: string,
  { label = basename(file), folder = dirname(file) }: { label?: string; folder?: string } = {},
): Promise<SafetensorsFile> {
  const handle = await open(file, 'r');
  try {
    return await readHeader(handle, file, label, folder);
  } finally {
    await handle.close();
  }
}

async function readHeader(
  handle: FileHandle,
  file: string,
  label: string,
  folder: string,
): Promise<SafetensorsFile> {
  const broken = (reason: string) =>
    new DarkroomError('bad_model', `${label} is not a usable safetensors file: ${reason}.`);
  const { size } = await handle.stat();
  const version = await versionOf(handle);
  const beginning = Buffer.alloc(Math.min(size, BEGINNING));
  await handle.read(beginning, 0, beginning.length, 0);
  const mistake = describeWrongFile(beginning, folder);
  if (mistake !== undefined) throw new DarkroomError('bad_model', `${label} ${mistake}`);
  const cut = (what: string) =>
    new DarkroomError('bad_model', `${label} was cut off: it has ${size} ${what}. ${howToDownload(folder)}`);
  if (size < 8) throw broken(`it has ${size} bytes, fewer than its length field`);
  const headerBytes = beginning.readBigUInt64LE();
  if (headerBytes > MAX_HEADER_BYTES)
    throw broken(`its header claims ${headerBytes} bytes; 100 MB is the limit`);
  const start = 8 + Number(headerBytes);
  if (start > size) throw cut('bytes and ends within its header');
  const raw = Buffer.alloc(start - 8);
  const { bytesRead } = await handle.read(raw, 0, raw.length, 8);
  if (bytesRead !== raw.length) throw broken('it ends within its header');

  const text = raw.toString('utf8');
  let header: unknown;
  try {
    header = JSON.parse(text);
  } catch (cause) {
    throw new DarkroomError(
      'bad_model',
      `${label} is not a usable safetensors file: its header is not valid JSON.`,
      {
        cause,
      },
    );
  }
  if (!isRecord(header)) throw broken('its header is not a JSON object');
  // JSON.parse keeps the last of two equal keys.
  const twice = countKeys(raw) === Object.keys(header).length ? undefined : firstDuplicateKey(text);
  if (twice !== undefined) throw broken(`it names ${twice} twice`);

  const whole = start + lastByte(header);
  if (whole > size) throw cut(`of ${whole} bytes`);

  const tensors = new Map<string, StoredTensor>();
  for (const [name, entry] of Object.entries(header)) {
    if (name === '__metadata__') continue;
    if (!isRecord(entry)) throw broken(`${name} has no description`);
    const { dtype, shape, data_offsets: offsets } = entry;
    const bits = BITS.get(dtype);
    if (typeof dtype !== 'string' || bits === undefined) {
      throw broken(`${name} has the unknown type ${JSON.stringify(dtype)}`);
    }
    if (!isSizes(shape)) throw broken(`${name} has no shape of whole numbers`);
    if (!isSizes(offsets) || offsets.length !== 2) throw broken(`${name} has no pair of offsets`);
    const [begin, end] = offsets as [number, number];
    const length = shape.reduce((product, n) => product * n, 1) * (bits / 8);
    if (end < begin || end > size - start) throw broken(`${name} lies outside the file (${begin} to ${end})`);
    if (end - begin !== length) {
      throw broken(`${name} is ${dtype} [${shape.join(', ')}], ${length} bytes, but takes up ${end - begin}`);
    }
    tensors.set(name, { name, dtype, shape, file, version, offset: start + begin, length });
  }

  let next = start;
  for (const { name, offset, length } of inOrder([...tensors.values()])) {
    if (offset < next) throw broken(`${name} overlaps another tensor`);
    if (offset > next) throw broken(`${offset - next} bytes before ${name} belong to no tensor`);
    next = offset + length;
  }
  if (next !== size) throw broken(`its last ${size - next} bytes belong to no tensor`);
  return { tensors, metadata: readMetadata(header['__metadata__']) };
}

function readMetadata(value: unknown): ReadonlyMap<string, string> {
  const entries = Object.entries(isRecord(value) ? value : {});
  return new Map(entries.filter((entry): entry is [string, string] => typeof entry[1] === 'string'));
}

/** As they lie in the file, which is nearly always the order of the header. */
function inOrder(tensors: StoredTensor[]): StoredTensor[] {
  const compare = (a: StoredTensor, b: StoredTensor) => a.offset - b.offset || a.length - b.length;
  const isSorted = tensors.every((one, i) => i === 0 || compare(tensors[i - 1]!, one) <= 0);
  return isSorted ? tensors : tensors.sort(compare);
}

/** End of the last tensor that the header lists with usable offsets, from the end of the header. */
function lastByte(header: Readonly<Record<string, unknown>>): number {
  return Object.values(header).reduce<number>((last, entry) => {
    const offsets = isRecord(entry) ? entry['data_offsets'] : undefined;
    return isSizes(offsets) ? Math.max(last, offsets[1] ?? 0) : last;
  }, 0);
}

const [QUOTE, BACKSLASH, COLON] = [0x22, 0x5c, 0x3a];
const OPENING = [0x7b, 0x5b] as const;
const CLOSING = [0x7d, 0x5d] as const;

/** Keys of the outermost object as they are written, repeated ones too. @param json valid JSON in UTF-8 */
function countKeys(json: Uint8Array): number {
  let [depth, count, isText] = [0, 0, false];
  for (let i = 0; i < json.length; i++) {
    const byte = json[i]!;
    if (isText) {
      if (byte === BACKSLASH) i++;
      else if (byte === QUOTE) isText = false;
    } else if (byte === QUOTE) isText = true;
    else if (byte === COLON) count += depth === 1 ? 1 : 0;
    else if (byte === OPENING[0] || byte === OPENING[1]) depth++;
    else if (byte === CLOSING[0] || byte === CLOSING[1]) depth--;
  }
  return count;
}

/** The first repeated key of the outermost object. */
function firstDuplicateKey(json: string): string | undefined {
  const seen = new Set<string>();
  let depth = 0;
  for (const [token] of json.matchAll(/"(?:[^"\\]|\\.)*"(?:\s*:)?|[{}[\]]/g)) {
    if (token === '{' || token === '[') depth++;
    else if (token === '}' || token === ']') depth--;
    else if (depth === 1 && token.endsWith(':')) {
      const key: string = JSON.parse(token.slice(0, token.lastIndexOf('"') + 1));
      if (seen.has(key)) return key;
      seen.add(key);
    }
  }
  return undefined;
}

const isSizes = (value: unknown): value is number[] =>
  Array.isArray(value) && value.every((n) => Number.isSafeInteger(n) && n >= 0);
