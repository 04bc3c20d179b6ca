/** A text of a user's as a sentence quotes it: the first `most` characters (code points), and an ellipsis where there are more. */
export function shorten(text: string, most: number): string {
  const characters = Array.from(text);
  return characters.length > most ? `${characters.slice(0, most).join('')}…` : text;
}
