/** A tokenizer folder in either of its forms: vocab.json with merges.txt, or one tokenizer.json. */
import { basename } from 'node:path';
import { DarkroomError } from '../errors.ts';
import type { ModelFiles } from './files.ts';
import type { AddedToken, TokenizerFiles } from './tokenizer.ts';

const DEFAULT_TOKENS = {
  bos_token: '<|startoftext|>',
  eos_token: '<|endoftext|>',
  pad_token: '<|endoftext|>',
  unk_token: '<|endoftext|>',
} as const;
type TokenName = keyof typeof DEFAULT_TOKENS;

/**
 * Which file has the last word about special tokens follows transformers 5 (tokenization_utils_base.py):
 * special_tokens_map.json, except where tokenizer_config.json has an added_tokens_decoder.
 * @param maxPositions of the text encoder: the limit where the tokenizer names none
 * @throws DarkroomError('bad_model' | 'unsupported')
 */
export async function readTokenizer(
  files: ModelFiles,
  folder: string,
  maxPositions: number,
): Promise<TokenizerFiles> {
  const { vocab, merges } = await readVocabulary(files, folder);
  const optional = async (name: string): Promise<Record<string, unknown>> =>
    (await files.has(`${folder}/${name}`)) ? files.json(`${folder}/${name}`) : {};
  const config = await optional('tokenizer_config.json');
  const decoder = config['added_tokens_decoder'];
  const special =
    decoder === undefined ? { ...config, ...(await optional('special_tokens_map.json')) } : config;

  const where = `${basename(files.folder)}/${folder}`;
  const added = new Map<string, AddedToken>();
  const add = (token: unknown, knownId?: number): string => {
    const parsed = parseToken(token, where);
    const id = vocab.get(parsed.content) ?? knownId;
    if (id === undefined) {
      throw new DarkroomError(
        'bad_model',
        `${where}: the vocabulary lacks the special token ${parsed.content}.`,
      );
    }
    // A decoder's entry is final. Without one the last spelling of a token holds: the hub's SD 1.5 spells its end
    // token with flags and, as padding, without.
    if (decoder === undefined || !added.has(parsed.content)) added.set(parsed.content, { ...parsed, id });
    return parsed.content;
  };
  for (const [id, token] of Object.entries(decoder ?? {})) add(token, Number(id));
  for (const [content, id] of Object.entries(await optional('added_tokens.json'))) {
    add({ content, normalized: true }, Number(id));
  }
  const named = (name: TokenName) => add(special[name] ?? DEFAULT_TOKENS[name]);
  const [bosToken, eosToken, unkToken, padToken] = [
    named('bos_token'),
    named('eos_token'),
    named('unk_token'),
    named('pad_token'),
  ];

  const limit = config['model_max_length'];
  const modelMaxLength = typeof limit === 'number' ? Math.min(limit, maxPositions) : maxPositions;
  if (!Number.isInteger(modelMaxLength) || modelMaxLength < 3) {
    throw new DarkroomError('bad_model', `${where}: model_max_length is ${JSON.stringify(limit)}.`);
  }
  return {
    vocab,
    merges,
    added: [...added.values()],
    bosToken,
    eosToken,
    padToken,
    unkToken,
    modelMaxLength,
  };
}

async function readVocabulary(files: ModelFiles, folder: string) {
  if (await files.has(`${folder}/vocab.json`)) {
    const vocab = await files.json(`${folder}/vocab.json`);
    const lines = (await files.text(`${folder}/merges.txt`)).split(/\r?\n/);
    const merges = lines.filter((line, i) => line !== '' && !(i === 0 && line.startsWith('#version')));
    return { vocab: parseVocab(vocab, folder), merges: parseMerges(merges, folder) };
  }
  if (await files.has(`${folder}/tokenizer.json`)) {
    const { model } = await files.json(`${folder}/tokenizer.json`);
    const { type, vocab, merges } = (model ?? {}) as Record<string, unknown>;
    if (type !== 'BPE') {
      throw new DarkroomError(
        'unsupported',
        `${folder}/tokenizer.json: type is ${JSON.stringify(type)}; only BPE is read.`,
      );
    }
    return { vocab: parseVocab(vocab, folder), merges: parseMerges(merges, folder) };
  }
  throw new DarkroomError('bad_model', `${folder} holds neither vocab.json nor tokenizer.json.`);
}

function parseVocab(value: unknown, folder: string): Map<string, number> {
  const entries = Object.entries(typeof value === 'object' && value !== null ? value : {});
  const isId = (id: unknown): id is number => typeof id === 'number' && Number.isInteger(id) && id >= 0;
  if (entries.length === 0 || !entries.every((entry): entry is [string, number] => isId(entry[1]))) {
    throw new DarkroomError('bad_model', `${folder}: the vocabulary is no table of words and ids.`);
  }
  return new Map(entries);
}

function parseMerges(value: unknown, folder: string): (readonly [string, string])[] {
  const lines: unknown[] = Array.isArray(value) ? value : [undefined];
  return lines.map((line) => {
    const [left, right, ...rest] =
      typeof line === 'string' ? line.split(' ') : Array.isArray(line) ? line : [];
    if (typeof left === 'string' && typeof right === 'string' && rest.length === 0) return [left, right];
    throw new DarkroomError('bad_model', `${folder}: ${JSON.stringify(line)} is no merge of two tokens.`);
  });
}

function parseToken(token: unknown, where: string): { content: string; normalized: boolean } {
  if (typeof token === 'string') return { content: token, normalized: false };
  const { content, normalized, ...flags } = (token ?? {}) as Record<string, unknown>;
  if (typeof content !== 'string' || content === '') {
    throw new DarkroomError('bad_model', `${where}: ${JSON.stringify(token)} is no special token.`);
  }
  for (const flag of ['lstrip', 'rstrip', 'single_word']) {
    if (flags[flag] === true) {
      throw new DarkroomError(
        'unsupported',
        `${where}: ${flag} of the token ${content} is true; only false is read.`,
      );
    }
  }
  return { content, normalized: normalized === true };
}
