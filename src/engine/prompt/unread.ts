/** The note about words of a prompt that a text encoder does not read. */

/** Words that are quoted, and characters of each; further words are only counted. */
const QUOTED = { words: 24, characters: 40 };

/**
 * @param label which text it is: "prompt", "negative prompt"
 * @param encoder which text encoder, as users know it, and the tokens that it reads
 * @param dropped the words that it does not read, as the tokenizer spells them
 * @returns one sentence for the user; '' where every word was read
 */
export function describeUnread(
  label: string,
  encoder: { readonly name: 'CLIP' | 'T5'; readonly tokens: number },
  dropped: string,
): string {
  const words = dropped.split(/\s+/).filter((word) => word !== '');
  if (words.length === 0) return '';
  const quoted = words.slice(0, QUOTED.words).map(shorten).join(' ');
  const rest = words.length > QUOTED.words ? ` … and ${words.length - QUOTED.words} more words` : '';
  return `${encoder.name} reads at most ${encoder.tokens} tokens; these words of the ${label} were ignored: ${quoted}${rest}`;
}

function shorten(word: string): string {
  const characters = Array.from(word);
  return characters.length > QUOTED.characters ? `${characters.slice(0, QUOTED.characters).join('')}…` : word;
}
