/**
 * Textual inversion (Gal et al. 2022): vectors that stand for a word, in place of its row in a text encoder's table.
 * Files of A1111 and its trainers (`emb_params`, `string_to_param`), of diffusers (one tensor by the word), and for SDXL
 * (`clip_l` and `clip_g`).
 */
import { basename, dirname } from 'node:path';
import { DarkroomError } from '../../errors.ts';
import type { StoredTensor } from '../../graph/component.ts';
import type { TextEncoderPart } from '../families/text-encoders.ts';
import type { Inventory } from '../inventory/inventory.ts';
import { ValueReader } from '../lora/values.ts';
import { readWeights } from '../weights.ts';

/** An embedding by its name, and where it is. */
interface NamedFile {
  readonly name: string;
  readonly file: string;
}

/**
 * The embeddings whose names are wanted. What lies in a folder `embeddings` and is none counts as well: whoever calls it
 * by name is told why it cannot be used.
 */
export async function inversionsNamed(
  inventory: Inventory,
  isWanted: (name: string) => boolean,
): Promise<NamedFile[]> {
  const all = await inventory.matching(isWanted);
  const meant = all.filter(
    ({ kind, path }) => kind === 'embedding' || (kind === 'unknown' && EMBEDDINGS.test(dirname(path))),
  );
  return meant.map(({ name, path }) => ({ name, file: path }));
}

const EMBEDDINGS = /(^|[/\\])embeddings([/\\]|$)/i;

export interface Inversion {
  readonly name: string;
  /** By the number of the text encoder: its vectors, each as wide as the encoder. */
  readonly vectors: ReadonlyMap<number, readonly Float32Array[]>;
}

/** Vectors that one word can stand for: what fits between the marks of a CLIP's window. */
const MOST_VECTORS = 75;

/**
 * @returns undefined where it was made for another family of models
 * @throws DarkroomError('bad_model') for a damaged file, one without vectors, and numbers that are none
 */
export async function openInversion(
  { name, file }: NamedFile,
  textEncoders: readonly TextEncoderPart[],
): Promise<Inversion | undefined> {
  const { tensors } = await readWeights(file);
  const parts = partsOf(tensors);
  if (parts.length === 0) {
    throw new DarkroomError(
      'bad_model',
      `${basename(file)} is no embedding: it holds no vectors. Take it out of the folder.`,
    );
  }
  const clips = textEncoders.flatMap((part, i) =>
    part.kind === 'clip' ? [{ i, width: part.hiddenSize }] : [],
  );
  if (parts.length !== clips.length) return undefined;
  const fitting = parts.every((part, i) => part.shape.at(-1) === clips[i]!.width);
  if (!fitting) return undefined;
  const vectors = new Map<number, readonly Float32Array[]>();
  for (const [i, part] of parts.entries()) vectors.set(clips[i]!.i, await rowsOf(part, file));
  const counts = new Set(Array.from(vectors.values(), ({ length }) => length));
  if (counts.size > 1) {
    throw new DarkroomError(
      'bad_model',
      `${basename(file)} cannot be used: its text encoders get different numbers of vectors.`,
    );
  }
  return { name, vectors };
}

/** One for each CLIP, in their order. */
function partsOf(tensors: ReadonlyMap<string, StoredTensor>): StoredTensor[] {
  const [first, second] = ['clip_l', 'clip_g'].map((name) => tensors.get(name));
  if (first !== undefined || second !== undefined)
    return [first, second].filter((part) => part !== undefined);
  const all = [...tensors.values()].filter(({ shape }) => shape.length > 0 && shape.length <= 2);
  const named = all.filter(({ name }) => name === 'emb_params' || name.includes('string_to_param'));
  const chosen = named.length > 0 ? named : all;
  return chosen.length === 1 ? chosen : [];
}

async function rowsOf(stored: StoredTensor, file: string): Promise<Float32Array[]> {
  const [count, width] =
    stored.shape.length === 1 ? [1, stored.shape[0]!] : (stored.shape as [number, number]);
  const refuse = (what: string) =>
    new DarkroomError('bad_model', `${basename(file)} cannot be used: ${what}.`);
  if (count === 0) throw refuse('it holds no vectors');
  if (count > MOST_VECTORS)
    throw refuse(`it has ${count} vectors; a prompt takes up to ${MOST_VECTORS} at once`);
  const reader = new ValueReader();
  const values = await reader.read(stored).finally(() => reader.close());
  if (!values.every((value) => Number.isFinite(value))) throw refuse('it contains NaN or infinite values');
  return Array.from({ length: count }, (_, i) => values.subarray(i * width, (i + 1) * width));
}
