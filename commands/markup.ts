/**
 * Formatting that chats and documents put into words: the marks go, what they mark stays. `**red** mug` would otherwise
 * reach a model as stars, and `make it **blue**` would name no colour.
 */

/** What stands in straight quotes is kept to the letter: recipes are sent back that way. */
const QUOTED = /("(?:\\[\s\S]|[^"\\])*")/;

/** @returns the words; outside quotes without marks of Markdown and mrkdwn, full-width letters as plain ones */
export function withoutMarkup(text: string): string {
  const isList = [...text.matchAll(new RegExp(LIST_MARK, 'g'))].length > 1;
  return text
    .split(QUOTED)
    .map((part, i) => (i % 2 === 1 ? part : plain(part, isList, i === 0)))
    .join('');
}

const LIST_MARK = '(?:^|\\n)[^\\S\\n]*(?:[-*\u2022\u25e6]|\\d{1,2}[.)])[^\\S\\n]+';
/** A mark beside a letter is a part of a word: `my_style_v2`. `__colour__` is a wildcard. */
const paired = (mark: string, sign: string) =>
  new RegExp(
    `(?<![\\p{L}\\p{N}\\\\${sign}])${mark}(?=[^\\s${sign}])([^${sign}\\n]+?)(?<=[^\\s\\\\${sign}])${mark}(?![\\p{L}\\p{N}${sign}])`,
    'gu',
  );
const STRUCK = paired('~~', '~');
const PAIRED = [
  paired('\\*\\*\\*', '*'),
  paired('\\*\\*', '*'),
  paired('\\*', '*'),
  paired('_', '_'),
  paired('~', '~'),
  paired('\\|\\|', '|'),
  paired('`', '`'),
];

function plain(part: string, isList: boolean, isFirst: boolean): string {
  const lines = isFirst ? `\n${part}` : part;
  const unlisted = isList ? lines.replaceAll(new RegExp(LIST_MARK.replace('^|', ''), 'g'), '\n, ') : lines;
  const words = PAIRED.reduce(
    (text, mark) => text.replaceAll(mark, '$1'),
    unlisted
      .replaceAll(/\n[^\S\n]*(?:#{1,3}|-#|>{1,3}|\u2022)[^\S\n]+/g, '\n')
      .replaceAll(/\[([^\]\n]+)\]\(<?https?:\/\/[^\s)]+\)/g, '$1')
      .replaceAll(STRUCK, ''),
  )
    .replaceAll(/\\([*_~|`#>])/g, '$1')
    .replaceAll(/[\uff10-\uff19\uff21-\uff3a\uff41-\uff5a]/g, (sign) => sign.normalize('NFKC'));
  return isFirst ? words.replace(/^\n(?:, )?/, '').replaceAll('\n, ', ', ') : words.replaceAll('\n, ', ', ');
}
