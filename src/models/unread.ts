/** What is said of a prompt's words beyond the text encoder's window. */
import type { EncodedPrompt } from './tokenizer.ts';

/** Words quoted before the rest is only counted. */
const QUOTED = 24;

/**
 * @param label which text it is: "prompt", "negative prompt"
 * @returns one sentence for the user; '' where every word was read
 */
export function describeUnread(label: string, { ids, dropped }: EncodedPrompt): string {
  if (dropped === '') return '';
  const words = dropped.split(' ');
  const rest = words.length > QUOTED ? ` … and ${words.length - QUOTED} words more` : '';
  return `CLIP reads ${ids.length} tokens here; not read of the ${label}: ${words.slice(0, QUOTED).join(' ')}${rest}`;
}
