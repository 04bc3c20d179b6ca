/** The vocabulary that all CLIP text encoders share (OpenAI's CLIP, MIT licence): a single file does not hold it. */
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { BYTE_CHARACTERS, type TokenizerFiles } from '../tokenizer.ts';
import type { ClipPadding } from './layout.ts';

// The package's root is two above src/models/checkpoint in a checkout, one more in a package.
const MERGES = new URL(
  `${import.meta.url.endsWith('.ts') ? '' : '../'}../../../models/tokenizers/clip-merges.txt.gz`,
  import.meta.url,
);
const [BOS, EOS] = ['<|startoftext|>', '<|endoftext|>'];
/** Of CLIP, for a text with BOS and EOS. */
const MAX_LENGTH = 77;

let shared: Promise<Pick<TokenizerFiles, 'vocab' | 'merges'>> | undefined;

/** Read once: thousands of models share it. */
export async function clipTokenizer(padToken: ClipPadding): Promise<TokenizerFiles> {
  shared ??= readVocabulary();
  const { vocab, merges } = await shared;
  const added = [BOS!, EOS!].map((content) => ({ content, id: vocab.get(content)!, normalized: false }));
  return {
    vocab,
    merges,
    added: padToken === '!' ? [...added, { content: '!', id: vocab.get('!')!, normalized: false }] : added,
    bosToken: BOS!,
    eosToken: EOS!,
    padToken,
    unkToken: EOS!,
    modelMaxLength: MAX_LENGTH,
  };
}

/** CLIP's order: each byte's character, printable bytes first; the same at the end of a word; each merge; the special tokens. */
async function readVocabulary(): Promise<Pick<TokenizerFiles, 'vocab' | 'merges'>> {
  const text = (await promisify(gunzip)(await readFile(MERGES))).toString('utf8');
  const merges = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => line.split(' ') as [string, string]);
  const bytes = BYTE_CHARACTERS.toSorted((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
  const words = [...bytes, ...bytes.map((byte) => `${byte}</w>`), ...merges.map((pair) => pair.join(''))];
  return { vocab: new Map([...words, BOS!, EOS!].map((word, id) => [word, id])), merges };
}
