/** The embeddings (textual inversion) that prompts call by name, as A1111 finds them: by the tokens of the name. */
import { createHash } from 'node:crypto';
import type { Inventory } from '../../models/inventory/inventory.ts';
import { type Inversion, inversionsNamed, openInversion } from '../../models/inversion/inversion.ts';
import type { ModelSpec } from '../../models/spec.ts';
import type { ClipTokenizer, Word } from '../../models/tokenizer.ts';
import { type GenerationRequest, inWordsOf } from '../../request.ts';
import { sentence, type Words } from '../../sentences.ts';
import type { TextReader } from './text-encoders.ts';
import { negativeTexts, positiveTexts } from './texts.ts';

export interface Inversions {
  readonly found: readonly Inversion[];
  /** First 12 hex digits of each file's SHA-256, as A1111 shows them, by name. */
  readonly hashes: ReadonlyMap<string, string>;
  /** Sentences for the user. */
  readonly notes: readonly Words[];
}

export const NO_INVERSIONS: Inversions = { found: [], hashes: new Map(), notes: [] };

/** Embeddings in one request; a name of two letters may stand in many words. */
const MOST = 64;

const plain = (text: string) => text.normalize('NFC').replaceAll(/\s+/g, '').toLowerCase();

/**
 * Reads those whose names stand in the request's prompts, which is before anything else is loaded.
 * @param inventory in which they are found
 * @throws DarkroomError('bad_model') for one that is damaged
 */
export async function readInversions(
  request: GenerationRequest,
  spec: ModelSpec,
  inventory: Inventory,
): Promise<Inversions> {
  if (request.promptSyntax === 'plain') return NO_INVERSIONS;
  return findInversions(textsOf(request), spec, inventory);
}

/** The embeddings that a request calls, by name. @throws as readInversions */
export async function namesCalled(
  request: GenerationRequest,
  spec: ModelSpec,
  { inventory, readers }: { readonly inventory: Inventory; readonly readers: readonly TextReader[] },
): Promise<string[]> {
  const { found } = await readInversions(request, spec, inventory);
  const tokenizers = readers.flatMap((reader, i) =>
    reader.kind === 'clip' ? [[i, reader.tokenizer] as const] : [],
  );
  return calledIn(textsOf(request), found, new Map(tokenizers)).map(({ name }) => name);
}

function textsOf(request: GenerationRequest): string[] {
  const pictures = request.pictureWords?.map((_, i) => inWordsOf(request, i)) ?? [request];
  return pictures.flatMap((one) => [...positiveTexts(one), ...negativeTexts(one)]);
}

/** Those whose names stand in some texts. @throws as readInversions */
export async function findInversions(
  texts: readonly string[],
  spec: Pick<ModelSpec, 'name' | 'textEncoders'>,
  inventory: Inventory,
): Promise<Inversions> {
  const text = plain(texts.join('\n'));
  const named = await inversionsNamed(inventory, (name) => text.includes(plain(name)));
  const found: Inversion[] = [];
  const hashes = new Map<string, string>();
  const notes: Words[] = [];
  for (const file of named.slice(0, MOST)) {
    const inversion = await openInversion(file, spec.textEncoders);
    if (inversion !== undefined) {
      found.push(inversion);
      const sha256 = await inventory.hash(file.file);
      if (sha256 !== undefined) hashes.set(file.name, sha256.slice(0, 12));
    } else notes.push(sentence('engine.embedding_of_other', { name: file.name, model: spec.name }));
  }
  return { found, hashes, notes };
}

/** A vector in place of a token. */
export interface Vector {
  /** The same for the same vector. */
  readonly key: string;
  readonly values: Float32Array;
}

/** An embedding as one text encoder reads it. */
export interface SpelledInversion {
  readonly name: string;
  /** Tokens of the name. */
  readonly ids: readonly number[];
  readonly vectors: readonly Vector[];
}

const vectorOf = (values: Float32Array): Vector => {
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return { key: createHash('sha1').update(bytes).digest('base64url'), values };
};

/** Longest names first: of `bad hands` and `bad` the first is meant where both fit. */
export function spell(
  inversions: readonly Inversion[],
  encoder: number,
  tokenizer: ClipTokenizer,
): SpelledInversion[] {
  return inversions
    .flatMap(({ name, vectors }): SpelledInversion[] => {
      const own = vectors.get(encoder);
      const ids = Array.from(tokenizer.words(name), (word) => word.ids).flat();
      if (own === undefined || ids.length === 0) return [];
      return [{ name, ids, vectors: own.map(vectorOf) }];
    })
    .sort((a, b) => b.ids.length - a.ids.length);
}

export interface PlacedWord extends Word {
  /** Of an embedding: one for each of its ids, which only fill the place. */
  readonly vectors?: readonly Vector[];
}

/** Fills the place of a vector, as in A1111: no mark of a beginning, an end or a comma. */
const PLACEHOLDER = 0;

/** Of those whose names stand in some texts, the ones that an encoder reads there: not `ink` in "drinking". */
function calledIn(
  texts: readonly string[],
  inversions: readonly Inversion[],
  tokenizers: ReadonlyMap<number, ClipTokenizer>,
): Inversion[] {
  const called = new Set<string>();
  for (const [encoder, tokenizer] of tokenizers) {
    const spelled = spell(inversions, encoder, tokenizer);
    for (const text of texts) {
      for (const { text: word, vectors } of placeInversions(tokenizer.words(text), spelled))
        if (vectors !== undefined) called.add(word.trim());
    }
  }
  return inversions.filter(({ name }) => called.has(name.trim()));
}

/** The words of one segment of a prompt with the embeddings in their places; a name may begin within a word. */
export function placeInversions(words: Iterable<Word>, spelled: readonly SpelledInversion[]): PlacedWord[] {
  if (spelled.length === 0) return [...words];
  const tokens = Array.from(words, ({ text, ids }) =>
    ids.map((id, i) => ({ id, text: i === 0 ? text : '' })),
  ).flat();
  const placed: { text: string; ids: number[]; vectors?: readonly Vector[] }[] = [];
  for (let at = 0; at < tokens.length; ) {
    const { id, text } = tokens[at]!;
    const found = spelled.find(({ ids }) => ids.every((own, i) => own === tokens[at + i]?.id));
    if (found !== undefined) {
      const space = /^\s/.test(text) ? ' ' : '';
      const ids = new Array<number>(found.vectors.length).fill(PLACEHOLDER);
      placed.push({ text: `${space}${found.name}`, ids, vectors: found.vectors });
      at += found.ids.length;
      continue;
    }
    const last = placed.at(-1);
    // The tokens of one word stay together; of a word whose beginning was a name, the rest is a word of its own.
    if (text === '' && last !== undefined && last.vectors === undefined) last.ids.push(id);
    else placed.push({ text, ids: [id] });
    at++;
  }
  return placed;
}
