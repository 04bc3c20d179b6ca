/** A CLIP tokenizer's folder in either of its forms: vocab.json with merges.txt, or one tokenizer.json. */
import { basename } from 'node:path';
import { DarkroomError } from '../errors.ts';
import { isRecord } from '../json.ts';
import type { ModelSource } from './source.ts';
import type { AddedToken, TokenizerFiles } from './tokenizer.ts';

const DEFAULT_TOKENS = {
  bos_token: '<|startoftext|>',
  eos_token: '<|endoftext|>',
  pad_token: '<|endoftext|>',
  unk_token: '<|endoftext|>',
} as const;
type TokenName = keyof typeof DEFAULT_TOKENS;

/**
 * Which file has the last word about added tokens follows transformers 5 (tokenization_utils_base.py): only
 * tokenizer_config.json where it has an added_tokens_decoder; else added_tokens.json, tokenizer.json and
 * special_tokens_map.json.
 * @param maxPositions of the text encoder: the limit where the tokenizer names none
 * @throws DarkroomError('bad_model' | 'unsupported')
 */
export async function readTokenizer(
  files: ModelSource,
  folder: string,
  maxPositions: number,
): Promise<TokenizerFiles> {
  const optional = async (name: string): Promise<Json> =>
    (await files.has(`${folder}/${name}`)) ? files.json(`${folder}/${name}`) : {};
  const where = `${basename(files.folder)}/${folder}`;
  const whole = await optional('tokenizer.json');
  const { vocab, merges } = await readVocabulary(files, folder, whole);
  const config = await optional('tokenizer_config.json');
  const hasDecoder = config['added_tokens_decoder'] !== undefined;
  const special = hasDecoder ? config : { ...config, ...(await optional('special_tokens_map.json')) };
  const listed = hasDecoder
    ? listTokens(config['added_tokens_decoder'], where)
    : new Map([
        ...listNames(await optional('added_tokens.json'), special, where),
        ...listTokens(whole['added_tokens'], where),
      ]);

  const added = new AddedTokens(vocab);
  const byId = [...listed].sort(([a], [b]) => a - b);
  for (const [, token] of byId) added.add(token);
  const isListed = new Set(byId.map(([, { content }]) => content));
  const named = (name: TokenName): string => {
    const token = parseToken(special[name] ?? DEFAULT_TOKENS[name], where);
    if (isListed.has(token.content)) return token.content;
    if (!vocab.has(token.content)) {
      throw new DarkroomError(
        'bad_model',
        `${where}: the vocabulary lacks the special token ${token.content}.`,
      );
    }
    // Of two spellings the last one holds: the hub's SD 1.5 spells its end token with flags and, as padding, without.
    added.add(token);
    return token.content;
  };
  const [bosToken, eosToken, unkToken, padToken] = [
    named('bos_token'),
    named('eos_token'),
    named('unk_token'),
    named('pad_token'),
  ];
  for (const token of extraTokens(special)) {
    const parsed = parseToken(token, where);
    if (!added.has(parsed.content)) added.add(parsed);
  }

  const limit = config['model_max_length'];
  const modelMaxLength = typeof limit === 'number' ? Math.min(limit, maxPositions) : maxPositions;
  if (!Number.isInteger(modelMaxLength) || modelMaxLength < 3) {
    throw new DarkroomError('bad_model', `${where}: model_max_length is ${JSON.stringify(limit)}.`);
  }
  return {
    vocab,
    merges,
    added: added.list(),
    bosToken,
    eosToken,
    padToken,
    unkToken,
    modelMaxLength,
  };
}

type Json = Readonly<Record<string, unknown>>;
type Token = Omit<AddedToken, 'id'>;

/** Tokens get their ids as the tokenizers library gives them: the vocabulary's own, or the next one behind it. */
class AddedTokens {
  readonly #vocab: ReadonlyMap<string, number>;
  readonly #tokens = new Map<string, AddedToken>();
  #highest = -1;

  constructor(vocab: ReadonlyMap<string, number>) {
    this.#vocab = vocab;
  }

  add(token: Token): void {
    const known = this.#vocab.get(token.content) ?? this.#tokens.get(token.content)?.id;
    const id = known ?? Math.max(this.#highest + 1, this.#vocab.size);
    this.#highest = Math.max(this.#highest, id);
    this.#tokens.set(token.content, { ...token, id });
  }

  has(content: string): boolean {
    return this.#tokens.has(content);
  }

  list(): AddedToken[] {
    return [...this.#tokens.values()];
  }
}

/** A list of tokens with their ids, or an object of tokens by their ids. */
function listTokens(value: unknown, where: string): Map<number, Token> {
  const entries = Array.isArray(value)
    ? value.map((token: unknown) => [isRecord(token) ? token['id'] : undefined, token] as const)
    : Object.entries(isRecord(value) ? value : {}).map(([id, token]) => [Number(id), token] as const);
  return new Map(
    entries.map(([id, token]) => {
      if (typeof id === 'number' && Number.isSafeInteger(id) && id >= 0)
        return [id, parseToken(token, where)];
      throw new DarkroomError('bad_model', `${where}: ${JSON.stringify(token)} is not a token with an id.`);
    }),
  );
}

/** added_tokens.json: ids by content. */
function listNames(names: Json, special: Json, where: string): Map<number, Token> {
  const specials = new Set(
    [...Object.keys(DEFAULT_TOKENS).map((name) => special[name]), ...extraTokens(special)].map(contentOf),
  );
  return listTokens(
    Object.entries(names).map(([content, id]) => ({ id, content, normalized: !specials.has(content) })),
    where,
  );
}

function extraTokens(special: Json): unknown[] {
  const tokens = special['extra_special_tokens'] ?? special['additional_special_tokens'] ?? [];
  return Array.isArray(tokens) ? tokens : [];
}

const contentOf = (token: unknown): unknown => (isRecord(token) ? token['content'] : token);

/** Where there are both, tokenizer.json is read, as transformers 5 does. */
async function readVocabulary(files: ModelSource, folder: string, whole: Json) {
  if (Object.keys(whole).length > 0) {
    const { type, vocab, merges } = isRecord(whole['model']) ? whole['model'] : {};
    if (type !== 'BPE') {
      throw new DarkroomError(
        'unsupported',
        `${folder}/tokenizer.json: type is ${JSON.stringify(type)}; only BPE is read.`,
      );
    }
    return { vocab: parseVocab(vocab, folder), merges: parseMerges(merges, folder) };
  }
  if (await files.has(`${folder}/vocab.json`)) {
    const vocab = await files.json(`${folder}/vocab.json`);
    const lines = (await files.text(`${folder}/merges.txt`)).split(/\r?\n/);
    const merges = lines.filter((line, i) => line !== '' && !(i === 0 && line.startsWith('#version')));
    return { vocab: parseVocab(vocab, folder), merges: parseMerges(merges, folder) };
  }
  throw new DarkroomError('bad_model', `${folder} holds neither vocab.json nor tokenizer.json.`);
}

function parseVocab(value: unknown, folder: string): Map<string, number> {
  const entries = Object.entries(isRecord(value) ? value : {});
  const isId = (id: unknown): id is number => typeof id === 'number' && Number.isInteger(id) && id >= 0;
  if (entries.length === 0 || !entries.every((entry): entry is [string, number] => isId(entry[1]))) {
    throw new DarkroomError(
      'bad_model',
      `${folder}: the vocabulary is not an object of words and their ids.`,
    );
  }
  return new Map(entries);
}

function parseMerges(value: unknown, folder: string): (readonly [string, string])[] {
  const lines: unknown[] = Array.isArray(value) ? value : [undefined];
  return lines.map((line) => {
    const [left, right, ...rest] =
      typeof line === 'string' ? line.split(' ') : Array.isArray(line) ? line : [];
    if (typeof left === 'string' && typeof right === 'string' && rest.length === 0) return [left, right];
    throw new DarkroomError('bad_model', `${folder}: ${JSON.stringify(line)} is not a merge of two tokens.`);
  });
}

/** `normalized` is what the tokenizers library assumes where it is not given: true unless the token is special. */
function parseToken(token: unknown, where: string): Token {
  if (typeof token === 'string') return { content: token, normalized: false };
  const { content, normalized, special, ...flags } = isRecord(token) ? token : {};
  if (typeof content !== 'string' || content === '') {
    throw new DarkroomError('bad_model', `${where}: ${JSON.stringify(token)} is not a token.`);
  }
  for (const flag of ['lstrip', 'rstrip', 'single_word']) {
    if (flags[flag] !== true) continue;
    throw new DarkroomError(
      'unsupported',
      `${where}: ${flag} of the token ${content} is true; only false is read.`,
    );
  }
  return { content, normalized: typeof normalized === 'boolean' ? normalized : special === false };
}
