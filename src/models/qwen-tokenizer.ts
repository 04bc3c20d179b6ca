/**
 * Qwen's tokenizer (byte pairs over NFC) around one message of a user, as Qwen3's chat template frames it. The frame is
 * written here rather than rendered from the folder's template: the families were trained on this one, and a
 * template is a program that a hostile model folder would run.
 */
import { Tokenizer } from '@huggingface/tokenizers';
import { DarkroomError } from '../errors.ts';
import { isRecord } from '../json.ts';
import type { ModelSource } from './source.ts';

export interface QwenTokenizerFiles {
  /** tokenizer.json */
  readonly whole: Readonly<Record<string, unknown>>;
  readonly config: Readonly<Record<string, unknown>>;
}

export interface QwenTokenizer {
  readonly padId: number;
  /** A text within its frame, cut at `maxLength` ids. @param thinks whether the answer may begin with thoughts */
  encode(text: string, options: { maxLength: number; thinks: boolean }): { ids: number[]; dropped: string };
}

const [BEGIN, END, PAD] = ['<|im_start|>', '<|im_end|>', '<|endoftext|>'] as const;
const THOUGHTS = ['<think>', '</think>'] as const;
const BEFORE = `${BEGIN}user\n`;
const AFTER = `${END}\n${BEGIN}assistant\n`;
/** An answer whose thoughts are over before they began. */
const WITHOUT_THOUGHTS = `${THOUGHTS[0]}\n\n${THOUGHTS[1]}\n\n`;

/** Qwen2's and Qwen3's own: another one, of a hostile file, could take for ever. */
export const QWEN_SPLIT =
  "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}| ?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|\\s+(?!\\S)|\\s+";

/** @throws DarkroomError('bad_model') where the folder holds no tokenizer of Qwen's */
export async function readQwenTokenizer(files: ModelSource, folder: string): Promise<QwenTokenizerFiles> {
  const whole = await files.json(`${folder}/tokenizer.json`);
  const refuse = (what: string) =>
    new DarkroomError(
      'bad_model',
      `${files.label(`${folder}/tokenizer.json`)} ${what}: this is not Qwen's tokenizer.`,
    );
  const { model, normalizer, pre_tokenizer: first, added_tokens: added } = whole;
  if (!isRecord(model) || model['type'] !== 'BPE') throw refuse('holds no byte pairs');
  if (!isRecord(normalizer) || normalizer['type'] !== 'NFC') throw refuse('does not normalise to NFC');
  const patterns = [...JSON.stringify(first).matchAll(/"Regex":("(?:[^"\\]|\\.)*")/g)];
  if (patterns.length !== 1 || JSON.parse(patterns[0]![1]!) !== QWEN_SPLIT)
    throw refuse('splits words in another way');
  const contents = Array.isArray(added) ? added.map((token) => isRecord(token) && token['content']) : [];
  for (const token of [BEGIN, END, PAD, ...THOUGHTS]) {
    if (!contents.includes(token)) throw refuse(`lacks ${token}`);
  }
  return { whole, config: await files.json(`${folder}/tokenizer_config.json`) };
}

export function createQwenTokenizer({ whole, config }: QwenTokenizerFiles): QwenTokenizer {
  const tokenizer = new Tokenizer(whole, config);
  const idsOf = (text: string) => tokenizer.encode(text, { add_special_tokens: false }).ids;
  return {
    padId: tokenizer.token_to_id(PAD)!,
    encode(text, { maxLength, thinks }) {
      const ids = idsOf(`${BEFORE}${text}${AFTER}${thinks ? '' : WITHOUT_THOUGHTS}`);
      if (ids.length <= maxLength) return { ids, dropped: '' };
      const words = idsOf(text);
      const read = maxLength - idsOf(BEFORE).length;
      const dropped = read < words.length ? tokenizer.decode(words.slice(read)).trim() : '';
      return { ids: ids.slice(0, maxLength), dropped };
    },
  };
}
