/** LoRAs answer to the words that they were trained with: whether a prompt has any of them. */
import { type Sentence, sentence } from '../sentences.ts';
import type { GenerationRequest } from './fields.ts';

/** Trigger words of one LoRA that are quoted. */
const QUOTED = 4;

/**
 * One sentence for the user about the LoRAs of which the prompt has no trigger word; none where each has one.
 * @param wordsOf trigger words by the name of a LoRA; empty where its file names none
 */
export function noteTriggers(
  { loras = [], prompt, prompt2 = '', prompt3 = '' }: GenerationRequest,
  wordsOf: (lora: string) => readonly string[],
): Sentence[] {
  const text = plain([prompt, prompt2, prompt3].join(' '));
  const silent = loras
    .filter(({ weight, textEncoderWeight = weight }) => weight !== 0 || textEncoderWeight !== 0)
    .flatMap(({ file }) => {
      const words = wordsOf(file);
      const parts = words.flatMap((word) => word.split(',')).map(plain);
      if (parts.every((part) => part === '' || !text.includes(part)) && words.length > 0)
        return [`${file} (${words.slice(0, QUOTED).join(', ')})`];
      return [];
    });
  return silent.length === 0 ? [] : [sentence('job.no_trigger', { loras: silent })];
}

/** Files write blanks as underscores. */
const plain = (text: string): string =>
  text
    .replaceAll(/[\s_]+/g, ' ')
    .trim()
    .toLowerCase();
