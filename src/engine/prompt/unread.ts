/** The note about words of a prompt that a text encoder does not read. */
import { type Sentence, sentence, shorten, type Words } from '../../sentences.ts';

export type EncoderTitle = 'CLIP' | 'T5' | 'Qwen';

/** Words that are quoted, and characters of each. */
const QUOTED = { words: 6, characters: 40 };

/**
 * @param label which text it is: "prompt", "negative prompt"
 * @param encoder which text encoder, as users know it
 * @param dropped the words that it does not read, as the tokenizer spells them
 * @returns one sentence for the user; undefined where every word was read
 */
export function describeUnread(label: string, encoder: EncoderTitle, dropped: string): Sentence | undefined {
  const words = dropped.split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) return undefined;
  const quoted = words
    .slice(0, QUOTED.words)
    .map((word) => shorten(word, QUOTED.characters))
    .join(' ');
  const args = { text: textName(label), words: `${quoted}${words.length > QUOTED.words ? ' …' : ''}` };
  // Some models have a second text encoder, which may have read all of it.
  return sentence(encoder === 'T5' ? 'engine.unread_t5' : 'engine.unread', args);
}

/** Which text it is, as users know it: "prompt", "negative prompt", or a field's own name. */
export function textName(label: string): Words {
  if (label === 'prompt') return sentence('engine.text.prompt');
  return label === 'negative prompt' ? sentence('engine.text.negative') : label;
}
