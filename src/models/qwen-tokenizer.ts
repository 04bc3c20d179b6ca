/**
 * Qwen's tokenizer (byte pairs over NFC) around one message of a user, as Qwen3's chat template frames it. The frame is
 * written here rather than rendered from the folder's template: the families were trained on this one, and a
 * template is a program that a hostile model folder would run.
 */
import { Tokenizer } from '@huggingface/tokenizers';

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
/** Without these a tokenizer is not Qwen's. */
export const QWEN_MARKS = [BEGIN, END, PAD, ...THOUGHTS];
const BEFORE = `${BEGIN}user\n`;
const AFTER = `${END}\n${BEGIN}assistant\n`;
/** An answer whose thoughts are over before they began. */
const WITHOUT_THOUGHTS = `${THOUGHTS[0]}\n\n${THOUGHTS[1]}\n\n`;

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
