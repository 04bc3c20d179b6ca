/** A typed line -> option values: words, quoted words (`\"` inside them), `--flag value`, `--flag=value`. */
import { DarkroomError, offerNames } from '../src/errors.ts';
import { type AnyCommand, lineOptions, type Option, rangeOf } from './command.ts';

interface Token {
  /** As typed, quotes and all. */
  readonly raw: string;
  /** Without the quotes around it. */
  readonly text: string;
  readonly quoted: boolean;
}

/** `/name rest`; undefined where the line does not begin with a slash. */
export function splitCommand(line: string): { name: string; rest: string } | undefined {
  const match = /^\s*\/(\S*)\s*([\s\S]*)$/.exec(line);
  return match === null ? undefined : { name: match[1]!.toLowerCase(), rest: match[2]! };
}

/**
 * @param command whose options the line gives
 * @param line without the command's name
 * @returns texts by option name, for parseValues
 * @throws DarkroomError('bad_request') for an unknown flag or one without its value
 */
export function parseLine(command: AnyCommand, line: string): Record<string, string> {
  const tokens = tokenize(line);
  const values: Record<string, string> = {};
  const words: Token[] = [];
  let at = 0;
  while (at < tokens.length) {
    const token = tokens[at++]!;
    const flag = flagOf(token);
    if (flag === undefined) {
      words.push(token);
      continue;
    }
    const [name, option] = findOption(command, flag.name);
    const following = tokens.slice(at, nextFlag(tokens, at));
    const taken = flag.value === undefined ? takeValue(option, following) : { text: flag.value, count: 0 };
    if (taken === undefined) {
      const example = option.example ?? rangeOf(option);
      throw new DarkroomError(
        'bad_request',
        `${option.flag} needs a value, for example ${option.flag} ${example}.`,
      );
    }
    values[name] = taken.text;
    at += taken.count;
  }
  if (words.length > 0) putWords(command, words, values);
  return values;
}

/** Options without a flag take the words in their order: one each, and the last open one all that are left. */
function putWords(command: AnyCommand, words: readonly Token[], values: Record<string, string>): void {
  let left = words;
  for (const [name, { type, flag, ...option }] of Object.entries(lineOptions(command))) {
    if (flag !== undefined || type === 'picture' || left.length === 0) continue;
    const takesAll = type === 'text' && !('single' in option && option.single);
    values[name] = takesAll ? joinWords(left) : left[0]!.text;
    left = takesAll ? [] : left.slice(1);
  }
  if (left.length === 0) return;
  throw new DarkroomError(
    'bad_request',
    left.length === words.length
      ? `/${command.name} takes no words. Send only /${command.name}.`
      : `/${command.name} takes nothing after that; leave ${joinWords(left)} out.`,
  );
}

/** Quotes inside the words stay as they are typed; quotes around all of them go, and keep all that is between. */
function joinWords(words: readonly Token[]): string {
  const [only] = words;
  return words.length === 1 && only ? only.text : words.map(({ raw }) => raw).join(' ');
}

function tokenize(line: string): Token[] {
  return [...line.matchAll(/(?:^|(?<=\s))"((?:[^"\\]|\\.)*)"(?=\s|$)|\S+/gs)].map(([raw, quotedText]) => ({
    raw,
    text: quotedText?.replaceAll(/\\(["\\])/g, '$1') ?? raw,
    quoted: quotedText !== undefined,
  }));
}

/** Phones turn `--` into a dash: `—seed` is `--seed`. */
function flagOf({ raw, quoted }: Token): { name: string; value: string | undefined } | undefined {
  const match = quoted ? null : /^(?:--|[–—])([a-z][\w-]*)(?:=([\s\S]*))?$/i.exec(raw);
  if (match === null) return undefined;
  return {
    name: `--${match[1]!.toLowerCase().replaceAll('_', '-')}`,
    value: match[2]?.replace(/^"(.*)"$/s, '$1'),
  };
}

function findOption(command: AnyCommand, flag: string): [string, Option] {
  const options = Object.entries(lineOptions(command));
  const found = options.find(([, option]) => option.flag === flag || option.aliases?.includes(flag));
  if (found !== undefined) return found;
  const flags = options.flatMap(([, option]) => option.flag ?? []);
  const offer = flags.length > 0 ? offerNames(flag, flags) : `/${command.name} has none.`;
  throw new DarkroomError('bad_request', `Unknown flag ${flag}. ${offer}`);
}

function nextFlag(tokens: readonly Token[], from: number): number {
  const next = tokens.findIndex((token, i) => i >= from && flagOf(token) !== undefined);
  return next < 0 ? tokens.length : next;
}

function takeValue(option: Option, following: readonly Token[]): { text: string; count: number } | undefined {
  const [first] = following;
  if (option.type === 'choice' && option.implied !== undefined) {
    const isChoice = first !== undefined && option.choices.includes(first.text.toLowerCase());
    if (!isChoice) return { text: option.implied, count: 0 };
  }
  if (first === undefined) return undefined;
  if (option.type === 'choice' && option.spelling !== undefined && !first.quoted) {
    // "DPM++ 2M Karras": the longest run of words that is a known spelling.
    for (let count = Math.min(4, following.length); count > 1; count--) {
      const text = joinWords(following.slice(0, count));
      if (option.spelling(text) !== undefined) return { text, count };
    }
  }
  if (option.type !== 'text' || option.single || first.quoted) return { text: first.text, count: 1 };
  return { text: joinWords(following), count: following.length };
}
