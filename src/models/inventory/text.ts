/** Words that strangers wrote into files, made fit for one line. Cards escape what is markup on their platform. */

/** Characters of one text, and texts of one list. */
const LONGEST = 200;
const MOST_WORDS = 12;

/** One line without control characters; undefined where nothing is left. */
export function bounded(text: unknown): string | undefined {
  if (typeof text !== 'string') return undefined;
  const line = text
    .slice(0, LONGEST * 4)
    .replaceAll(/[\p{Cc}\p{Cf}\s]+/gu, ' ')
    .trim()
    .slice(0, LONGEST);
  return line === '' ? undefined : line;
}

/** As it is printed: control characters, which a terminal obeys and a list in lines breaks at, as `\u001b`. */
export const printable = (text: string): string =>
  text.replaceAll(/\p{Cc}/gu, (one) => `\\u${one.charCodeAt(0).toString(16).padStart(4, '0')}`);

export const boundedList = (texts: readonly unknown[]): string[] =>
  texts.slice(0, MOST_WORDS).flatMap((text) => bounded(text) ?? []);
