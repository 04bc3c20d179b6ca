/** A typed line in tokens, as people type it: dashes and quotes of every kind, flags with `=` and `:`. */
import { withoutMarkup } from './markup.ts';

export interface Token {
  /** As typed, quotes and all. */
  readonly raw: string;
  /** Without the quotes around it. */
  readonly text: string;
  readonly quoted: boolean;
}

export interface Flag {
  /** In lower case, with two dashes. */
  readonly name: string;
  /** What stands behind `=` or `:`, or right behind the name. */
  readonly value?: Token;
}

/** Hyphens and dashes that phones, locales and word processors write instead of `-`. */
const DASH = '[-\u2010-\u2015\u2212\u2e3a\u2e3b\ufe58\ufe63\uff0d]';
/** Those that are as long as two. */
const LONG_DASH = '[\u2013-\u2015\u2212\u2e3a\u2e3b\uff0d]';
/** Signs that look like a dash on Japanese and Korean keyboards; letters of words unless they are doubled before a flag. */
const LOOK_ALIKE = '[\u30fc\u3161\u2500\u2501]';
const PREFIX = new RegExp(`^(?:${DASH}{2,}|(${LONG_DASH}|${LOOK_ALIKE}{2}(?=[a-z])))(?=\\p{L})`, 'iu');
/** One dash, as other programs write flags: only before the whole name of one. */
const SINGLE = new RegExp(`^${DASH}(?=[a-z]{2})`, 'i');
const SEPARATED = /^([a-z][a-z0-9_-]*)(?:[=:\uff1d\uff1a]([\s\S]*))?$/i;
const GLUED = /^([a-z][a-z_-]*)(\d[\s\S]*)$/i;

/** Opening quotes, each with those that close it. */
const QUOTES: Readonly<Record<string, string>> = {
  '"': '"',
  '\u201c': '\u201d\u201c"',
  '\u201d': '\u201d\u201c"',
  '\u201e': '\u201c\u201d"',
  '\u00ab': '\u00bb',
  '\u300c': '\u300d',
  '\u300e': '\u300f',
  '\uff02': '\uff02',
};
const isSpace = (char: string | undefined) => char === undefined || /\s/.test(char);

const OPENING = `[${Object.keys(QUOTES).join('')}]`;
const MARKS = new RegExp(
  `(?:^|\\s)(?:${OPENING}|${DASH}{2}|${DASH}(?=[a-z])|${LONG_DASH}|${LOOK_ALIKE}{2})|[^\\S ]| {2}|^ | $|^prompt\\s*[:=]`,
  'i',
);

/** Quotes around a text that would not be read as it stands; tokenize reads it back. */
export function quote(text: string): string {
  return text !== '' && !MARKS.test(text) && withoutMarkup(text) === text
    ? text
    : `"${text.replaceAll(/["\\]/g, '\\$&')}"`;
}

/** Quotes around one word that has spaces or quotes. */
export function quoteWord(text: string): string {
  return /\s/.test(text) || MARKS.test(text) || text.includes('"')
    ? `"${text.replaceAll(/["\\]/g, '\\$&')}"`
    : text;
}

/** Time is linear in the length of the line: each character is read once, and each quote looks for its end once. */
export function tokenize(line: string): Token[] {
  const tokens: Token[] = [];
  const end = line.length;
  let at = 0;
  /** A quote that has no end is a word; none of the same kind has one after it either. */
  const openEnded = new Set<string>();
  const quotedFrom = (start: number): { text: string; end: number } | undefined => {
    const closing = QUOTES[line[start]!];
    if (closing === undefined || openEnded.has(line[start]!)) return undefined;
    let text = '';
    for (let i = start + 1; i < end; i++) {
      const char = line[i]!;
      if (char === '\\' && /["\\]/.test(line[i + 1] ?? '')) text += line[++i];
      else if (closing.includes(char) && isSpace(line[i + 1])) return { text, end: i + 1 };
      else text += char;
    }
    openEnded.add(line[start]!);
    return undefined;
  };
  while (at < end) {
    if (isSpace(line[at])) {
      at++;
      continue;
    }
    const start = at;
    const whole = quotedFrom(start);
    if (whole !== undefined) {
      tokens.push({ raw: line.slice(start, whole.end), text: whole.text, quoted: true });
      at = whole.end;
      continue;
    }
    while (at < end && !isSpace(line[at])) {
      // `--no="a and b"`: the quotes reach over spaces.
      const value =
        at > start && /[=:\uff1d\uff1a]/.test(line[at - 1]!) && PREFIX.test(line.slice(start, at));
      const quoted = value ? quotedFrom(at) : undefined;
      at = quoted === undefined ? at + 1 : quoted.end;
    }
    const raw = line.slice(start, at);
    tokens.push({ raw, text: raw, quoted: false });
  }
  return tokens;
}

/**
 * @param isKnown whether there is such a flag; decides between `--no-2` and `--seed5`
 * @returns undefined where the token is a word
 */
export function flagOf({ raw, quoted }: Token, isKnown: (name: string) => boolean): Flag | undefined {
  if (quoted) return undefined;
  const prefix = PREFIX.exec(raw);
  if (prefix === null) return singleDash(raw, isKnown);
  const rest = raw.slice(prefix[0].length);
  const isLong = prefix[1] !== undefined;
  const read = (match: RegExpExecArray | null): Flag | undefined => {
    if (match === null) return undefined;
    const name = `--${match[1]!.toLowerCase().replaceAll('_', '-')}`;
    if (match[2] === undefined) return { name };
    return { name, value: tokenize(match[2])[0] ?? NOTHING };
  };
  const found = [SEPARATED, GLUED].map((pattern) => read(pattern.exec(rest)));
  const known = found.find((flag) => flag !== undefined && isKnown(flag.name));
  // One long dash before a word that is no flag is punctuation: `a castle —dark and stormy—`.
  return known ?? (isLong ? undefined : found[0]);
}

function singleDash(raw: string, isKnown: (name: string) => boolean): Flag | undefined {
  const [, name, value] = SINGLE.test(raw) ? (SEPARATED.exec(raw.slice(1)) ?? []) : [];
  const flag = `--${name?.toLowerCase().replaceAll('_', '-')}`;
  if (name === undefined || !isKnown(flag)) return undefined;
  return { name: flag, ...(value !== undefined && { value: tokenize(value)[0] ?? NOTHING }) };
}

const NOTHING: Token = { raw: '', text: '', quoted: false };

/** `-- seed 5`, as keyboards space it: one token where the word is a flag and a number follows. */
export function joinDashes(tokens: readonly Token[], isKnown: (name: string) => boolean): Token[] {
  const joined: Token[] = [];
  for (let i = 0; i < tokens.length; i++) {
    const [dashes, word, value] = [tokens[i]!, tokens[i + 1], tokens[i + 2]];
    const isFlag =
      DASHES.test(dashes.raw) &&
      word !== undefined &&
      isKnown(`--${word.raw.toLowerCase()}`) &&
      /^\d/.test(value?.raw ?? '');
    joined.push(isFlag ? { raw: `--${word.raw}`, text: `--${word.raw}`, quoted: false } : dashes);
    if (isFlag) i++;
  }
  return joined;
}
const DASHES = new RegExp(`^${DASH}{2}$`);
