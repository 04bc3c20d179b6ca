/**
 * The same random weights as a folder in diffusers' layout and as a single file. The layouts were proven with diffusers'
 * own conversions (test/golden/make_checkpoints.py).
 */
import { mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { brotliDecompressSync, gunzipSync } from 'node:zlib';
import { clipTokenizer } from '../../src/models/checkpoint/clip-tokenizer.ts';
import type { ClipPadding } from '../../src/models/checkpoint/layout.ts';
import { qwenTokenizer } from '../../src/models/checkpoint/qwen-vocabulary.ts';
import { FIXTURES } from './forge.ts';

/** How a tensor lies in the single file. */
type How =
  | ('same' | 'transposed' | 'swapped' | 'convolution' | 'third 0' | 'third 1' | 'third 2')
  | `rows ${number} of ${number}`;
type Row = readonly [name: string, shape: readonly number[], original: string, how: How];

interface Part {
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: readonly Row[];
}

type Layouts = Readonly<Record<string, Readonly<Record<string, Part>>>>;
const layoutsOf = async (file: string): Promise<Layouts> =>
  JSON.parse(gunzipSync(await readFile(join(FIXTURES, '..', file))).toString('utf8'));

const LAYOUTS: Layouts = {
  ...(await layoutsOf('checkpoints.json.gz')),
  ...(await layoutsOf('flow-checkpoints.json.gz')),
};

/** Half-precision numbers, or bytes of any other type. */
export interface Forged {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly bytes: Uint8Array;
}

export type ForgedFile = Map<string, Forged>;

interface ForgedModel {
  /** By the name of its folder. */
  readonly parts: ReadonlyMap<string, ForgedFile>;
  readonly single: ForgedFile;
}

const forged = new Map<string, ForgedModel>();

/** Random weights of a layout, in float16; the same ones at each call. */
export function forgeModel(layout: string): ForgedModel {
  const model = forged.get(layout) ?? draw(layout);
  forged.set(layout, model);
  return model;
}

function draw(layout: string): ForgedModel {
  const random = uniform(7);
  const parts = new Map<string, ForgedFile>();
  const single: ForgedFile = new Map();
  for (const [part, { tensors }] of Object.entries(LAYOUTS[layout]!)) {
    const own: ForgedFile = new Map();
    for (const [name, shape, original, how] of tensors) {
      // Stable Diffusion 3 does not project CLIP-L's summary: diffusers puts the identity there.
      const isIdentity =
        layout.startsWith('sd3') && part === 'text_encoder' && name === 'text_projection.weight';
      const values = isIdentity ? identity(shape[0]!) : drawTensor(name, shape, random);
      own.set(name, half(shape, values));
      const place = rowsOf(how, shape[0]!);
      if (place !== undefined) {
        const columns = values.length / shape[0]!;
        const fused = [place.of, ...shape.slice(1)];
        const whole = single.get(original) ?? half(fused, new Float32Array(place.of * columns));
        whole.bytes.set(half(shape, values).bytes, place.first * 2 * columns);
        single.set(original, whole);
      } else single.set(original, layOut(shape, values, how));
    }
    parts.set(part, own);
  }
  return { parts, single };
}

/** Where the rows of a tensor begin among those of a fused one. */
function rowsOf(how: How, rows: number): { readonly first: number; readonly of: number } | undefined {
  const third = /^third (\d)$/.exec(how);
  if (third !== null) return { first: Number(third[1]) * rows, of: 3 * rows };
  const place = /^rows (\d+) of (\d+)$/.exec(how);
  return place === null ? undefined : { first: Number(place[1]), of: Number(place[2]) };
}

function layOut(shape: readonly number[], values: Float32Array, how: How): Forged {
  const [rows, columns] = shape as [number, number];
  if (how === 'transposed') {
    const turned = values.map((_, i) => values[(i % rows) * columns + Math.floor(i / rows)]!);
    return half([columns, rows], turned);
  }
  if (how === 'swapped') {
    const middle = values.length / 2;
    return half(shape, Float32Array.of(...values.subarray(middle), ...values.subarray(0, middle)));
  }
  return half(how === 'convolution' ? [...shape, 1, 1] : shape, values);
}

const identity = (size: number): Float32Array =>
  Float32Array.from({ length: size * size }, (_, i) => (i % (size + 1) === 0 ? 1 : 0));

/** Norms near 1, the rest small enough that nothing overflows. */
function drawTensor(name: string, shape: readonly number[], random: () => number): Float32Array {
  const count = shape.reduce((product, side) => product * side, 1);
  const isNorm = /norm[^.]*\.weight$|layer_norm\.weight$|\.running_var$/.test(name) && shape.length === 1;
  const spread = shape.length > 1 ? 0.5 / Math.sqrt(count / shape[0]!) : 0.05;
  return Float32Array.from({ length: count }, () => (isNorm ? 1 : 0) + (isNorm ? 0.05 : spread) * random());
}

export const half = (shape: readonly number[], values: Float32Array): Forged => ({
  dtype: 'F16',
  shape,
  bytes: new Uint8Array(Float16Array.from(values).buffer),
});

export const float = (shape: readonly number[], values: readonly number[]): Forged => ({
  dtype: 'F32',
  shape,
  bytes: new Uint8Array(Float32Array.from(values).buffer),
});

/** Numbers from -2 to 2 (mulberry32). */
function uniform(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 30 - 2;
  };
}

export async function writeSafetensors(
  file: string,
  tensors: ReadonlyMap<string, Forged>,
  metadata?: Readonly<Record<string, string>>,
): Promise<string> {
  let at = 0;
  const header: Record<string, unknown> = metadata === undefined ? {} : { __metadata__: metadata };
  for (const [name, { dtype, shape, bytes }] of tensors) {
    header[name] = { dtype, shape, data_offsets: [at, at + bytes.length] };
    at += bytes.length;
  }
  const json = Buffer.from(JSON.stringify(header));
  const padded = Buffer.concat([json, Buffer.alloc(-(json.length + 8) & 7, ' ')]);
  const length = Buffer.alloc(8);
  length.writeBigUInt64LE(BigInt(padded.length));
  await mkdir(dirname(file), { recursive: true });
  await writeFile(file, Buffer.concat([length, padded, ...[...tensors.values()].map(({ bytes }) => bytes)]));
  return file;
}

const WEIGHTS: Readonly<Record<string, string>> = {
  unet: 'diffusion_pytorch_model',
  vae: 'diffusion_pytorch_model',
  transformer: 'diffusion_pytorch_model',
};

export interface Folder {
  readonly index: Readonly<Record<string, unknown>>;
  readonly scheduler: Readonly<Record<string, unknown>>;
  readonly tokenizers: Readonly<Record<string, ClipPadding>>;
  /** Folder of its T5 tokenizer. */
  readonly t5?: string;
  /** Whether `tokenizer` is Qwen's. */
  readonly qwen?: true;
}

/** tokenizer.json of a T5, from what the product ships. */
async function t5File(): Promise<unknown> {
  const packed = await readFile(join(import.meta.dirname, '../../models/tokenizers/t5-vocabulary.json.br'));
  return JSON.parse(brotliDecompressSync(packed).toString('utf8'));
}

export async function writeFolder(
  folder: string,
  layout: string,
  { parts }: ForgedModel,
  of: Folder,
): Promise<string> {
  const json = async (name: string, value: unknown) => {
    await mkdir(dirname(join(folder, name)), { recursive: true });
    await writeFile(join(folder, name), JSON.stringify(value));
  };
  for (const [part, tensors] of parts) {
    await json(`${part}/config.json`, LAYOUTS[layout]![part]!.config);
    await writeSafetensors(join(folder, part, `${WEIGHTS[part] ?? 'model'}.safetensors`), tensors);
  }
  for (const [part, padding] of Object.entries(of.tokenizers)) {
    const { vocab, merges } = await clipTokenizer(padding);
    await json(`${part}/vocab.json`, Object.fromEntries(vocab));
    await writeFile(join(folder, part, 'merges.txt'), merges.map((pair) => pair.join(' ')).join('\n'));
    await json(`${part}/special_tokens_map.json`, { pad_token: padding });
  }
  if (of.t5 !== undefined) await json(`${of.t5}/tokenizer.json`, await t5File());
  if (of.qwen === true) {
    const { whole, config } = await qwenTokenizer();
    await json('tokenizer/tokenizer.json', whole);
    await json('tokenizer/tokenizer_config.json', config);
  }
  await json('model_index.json', of.index);
  await json('scheduler/scheduler_config.json', of.scheduler);
  return folder;
}
