/** Qwen's tokenizer in a folder: it must be Qwen's own, since another one of a hostile file could take for ever. */
import { DarkroomError } from '../errors.ts';
import { isRecord } from '../json.ts';
import { QWEN_MARKS, type QwenTokenizerFiles } from './qwen-tokenizer.ts';
import type { ModelSource } from './source.ts';

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
  for (const token of QWEN_MARKS) {
    if (!contents.includes(token)) throw refuse(`lacks ${token}`);
  }
  return { whole, config: await files.json(`${folder}/tokenizer_config.json`) };
}
