/** The note about words of a prompt that a text encoder does not read. */

export type EncoderTitle = 'CLIP' | 'T5' | 'Qwen';

/** Words that are quoted, and characters of each. */
const QUOTED = { words: 6, characters: 40 };

/**
 * @param label which text it is: "prompt", "negative prompt"
 * @param encoder which text encoder, as users know it
 * @param dropped the words that it does not read, as the tokenizer spells them
 * @returns one sentence for the user; '' where every word was read
 */
export function describeUnread(label: string, encoder: EncoderTitle, dropped: string): string {
  const words = dropped.split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) return '';
  const quoted = words.slice(0, QUOTED.words).map(shorten).join(' ');
  const from = `from “${quoted}${words.length > QUOTED.words ? ' …' : ''}”`;
  // Some models have a second text encoder, which may have read all of it.
  if (encoder === 'T5') return `T5 did not read the end of the ${label}, ${from}.`;
  return `The end of the ${label} was not read, ${from}.`;
}

function shorten(word: string): string {
  const characters = Array.from(word);
  return characters.length > QUOTED.characters ? `${characters.slice(0, QUOTED.characters).join('')}…` : word;
}
