/** A T5 tokenizer's folder in either of its forms: tokenizer.json, or spiece.model where there is only that. */
import { basename } from 'node:path';
import protobuf from 'protobufjs/light.js';
import { DarkroomError } from '../errors.ts';
import type { ModelSource } from './source.ts';
import type { T5TokenizerFiles } from './t5-tokenizer.ts';
import type { AddedToken } from './tokenizer.ts';

type Vocabulary = Pick<T5TokenizerFiles, 'pieces' | 'unkId' | 'charsmap' | 'added'>;
type Json = Readonly<Record<string, unknown>>;

/** Placeholders that T5 appends to SentencePiece's vocabulary, where the config names no other number. */
const EXTRA_IDS = 100;

/**
 * Where both forms are there, tokenizer.json is read, as transformers 5 does. Words and the end token are T5's own
 * whatever the file says of them, as there.
 * @throws DarkroomError('bad_model' | 'unsupported') with a sentence that names file and value
 */
export async function readT5Tokenizer(files: ModelSource, folder: string): Promise<T5TokenizerFiles> {
  const where = `${basename(files.folder)}/${folder}`;
  const optional = async (name: string): Promise<Json> =>
    (await files.has(`${folder}/${name}`)) ? files.json(`${folder}/${name}`) : {};
  const config = {
    ...(await optional('tokenizer_config.json')),
    ...(await optional('special_tokens_map.json')),
  };

  let vocabulary: Vocabulary;
  if (await files.has(`${folder}/tokenizer.json`)) {
    vocabulary = readJson(await files.json(`${folder}/tokenizer.json`), `${where}/tokenizer.json`);
  } else if (await files.has(`${folder}/spiece.model`)) {
    const bytes = await files.bytes(`${folder}/spiece.model`);
    const extra = config['extra_ids'] ?? EXTRA_IDS;
    if (typeof extra !== 'number' || !Number.isInteger(extra) || extra < 0 || extra > 10_000) {
      throw new DarkroomError('bad_model', `${where}: extra_ids is ${JSON.stringify(extra)}.`);
    }
    vocabulary = readSentencePiece(bytes, extra, `${where}/spiece.model`);
  } else {
    throw new DarkroomError('bad_model', `${where} holds neither tokenizer.json nor spiece.model.`);
  }

  return withSpecials(vocabulary, config, where);
}

/**
 * A tokenizer.json by itself.
 * @param config what tokenizer_config.json and special_tokens_map.json say
 */
export const parseT5Tokenizer = (file: Json, config: Json, where: string): T5TokenizerFiles =>
  withSpecials(readJson(file, where), config, where);

function withSpecials(vocabulary: Vocabulary, config: Json, where: string): T5TokenizerFiles {
  const id = (key: string, fallback: string): number => {
    const token = config[key] ?? fallback;
    const content = typeof token === 'string' ? token : (token as Json)['content'];
    const found = vocabulary.pieces.findIndex(([piece]) => piece === content);
    if (found !== -1) return found;
    throw new DarkroomError(
      'bad_model',
      `${where}: the vocabulary lacks the ${key} ${JSON.stringify(content)}.`,
    );
  };
  return { ...vocabulary, eosId: id('eos_token', '</s>'), padId: id('pad_token', '<pad>') };
}

function readJson(file: Json, where: string): Vocabulary {
  const { type, vocab, unk_id: unkId } = (file['model'] ?? {}) as Json;
  if (type !== 'Unigram') {
    throw new DarkroomError(
      'unsupported',
      `${where}: type is ${JSON.stringify(type)}; a T5 tokenizer is Unigram.`,
    );
  }
  if (!Array.isArray(vocab) || vocab.length === 0 || !vocab.every(isPiece)) {
    throw new DarkroomError('bad_model', `${where}: the vocabulary is not a list of pieces and scores.`);
  }
  const list: unknown[] = Array.isArray(file['added_tokens']) ? file['added_tokens'] : [];
  const charsmap = findCharsmap(file['normalizer'], where);
  return {
    pieces: vocab,
    unkId: checkUnknown(unkId, vocab.length, where),
    added: list.map((token) => parseAdded(token, where)),
    ...(charsmap === undefined ? {} : { charsmap }),
  };
}

const isPiece = (entry: unknown): entry is [string, number] =>
  Array.isArray(entry) &&
  typeof entry[0] === 'string' &&
  typeof entry[1] === 'number' &&
  Number.isFinite(entry[1]);

function checkUnknown(id: unknown, count: number, where: string): number {
  if (typeof id === 'number' && Number.isInteger(id) && id >= 0 && id < count) return id;
  throw new DarkroomError('bad_model', `${where}: the unknown token's id is ${JSON.stringify(id)}.`);
}

/** The first precompiled normaliser, by itself or in a sequence. T5Tokenizer keeps no other. */
function findCharsmap(normalizer: unknown, where: string): Uint8Array | undefined {
  const { type, normalizers } = (normalizer ?? {}) as Json;
  const list: unknown[] = type === 'Sequence' && Array.isArray(normalizers) ? normalizers : [normalizer];
  for (const entry of list) {
    const { type: kind, precompiled_charsmap: base64 } = (entry ?? {}) as Json;
    if (kind !== 'Precompiled') continue;
    if (typeof base64 === 'string') return Buffer.from(base64, 'base64');
    throw new DarkroomError('bad_model', `${where}: precompiled_charsmap is not a string.`);
  }
  return undefined;
}

/** Spaces around a token make no difference here, so lstrip and rstrip are not read. */
function parseAdded(token: unknown, where: string): AddedToken {
  const { content, id, normalized, single_word: singleWord } = (token ?? {}) as Json;
  if (typeof content !== 'string' || content === '' || typeof id !== 'number' || !Number.isInteger(id)) {
    throw new DarkroomError('bad_model', `${where}: ${JSON.stringify(token)} is not an added token.`);
  }
  if (singleWord === true) {
    throw new DarkroomError(
      'unsupported',
      `${where}: single_word of the token ${content} is true; only false is read.`,
    );
  }
  return { content, id, normalized: normalized === true };
}

/** sentencepiece_model.proto, as far as it matters here; field numbers from there. */
const SentencePieceModel = protobuf.Root.fromJSON({
  nested: {
    Model: {
      fields: {
        pieces: { rule: 'repeated', type: 'Piece', id: 1 },
        trainer: { type: 'Trainer', id: 2 },
        normalizer: { type: 'Normalizer', id: 3 },
      },
    },
    Piece: {
      fields: {
        piece: { type: 'string', id: 1 },
        score: { type: 'float', id: 2 },
        kind: { type: 'int32', id: 3 },
      },
    },
    Trainer: { fields: { modelType: { type: 'int32', id: 3 } } },
    Normalizer: { fields: { charsmap: { type: 'bytes', id: 2 } } },
  },
}).lookupType('Model');

interface SentencePiece {
  readonly pieces: readonly { piece: string; score: number; kind: number }[];
  readonly trainer?: { modelType: number };
  readonly normalizer?: { charsmap: Uint8Array };
}

/** TrainerSpec.ModelType and SentencePiece.Type; 0 stands for an absent field, which means the first. */
const UNIGRAM = 1;
const UNKNOWN = 2;
const CONTROL = 3;
const USER_DEFINED = 4;

function readSentencePiece(bytes: Uint8Array, extra: number, where: string): Vocabulary {
  let model: SentencePiece;
  try {
    model = SentencePieceModel.decode(bytes) as unknown as SentencePiece;
  } catch (cause) {
    throw new DarkroomError('bad_model', `${where} is not a SentencePiece model.`, { cause });
  }
  const kind = model.trainer?.modelType ?? UNIGRAM;
  if (kind !== 0 && kind !== UNIGRAM) {
    throw new DarkroomError(
      'unsupported',
      `${where}: its model_type is ${kind}; a T5 tokenizer is Unigram (1).`,
    );
  }
  const placeholders = Array.from({ length: extra }, (_, i) => `<extra_id_${extra - 1 - i}>`);
  const pieces = [
    ...model.pieces.map(({ piece, score }) => [piece, score] as const),
    ...placeholders.map((piece) => [piece, 0] as const),
  ];
  const unkId = model.pieces.findIndex((piece) => piece.kind === UNKNOWN);
  const added = pieces.flatMap(([content], id): AddedToken[] => {
    const of = model.pieces[id]?.kind ?? CONTROL;
    return of === UNKNOWN || of === CONTROL || of === USER_DEFINED
      ? [{ content, id, normalized: false }]
      : [];
  });
  const charsmap = model.normalizer?.charsmap;
  return {
    pieces,
    unkId: checkUnknown(unkId, pieces.length, where),
    added,
    ...(charsmap === undefined || charsmap.length === 0 ? {} : { charsmap }),
  };
}
