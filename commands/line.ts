/** A typed line -> option values: words, quoted words (`\"` inside them), `--flag value`, `--flag=value`. */
import { DarkroomError, offer } from '../src/errors.ts';
import { sentence, type Words } from '../src/sentences.ts';
import { type AnyCommand, lineOptions, type Option, rangeOf } from './command.ts';
import { foreignFlag } from './foreign-flags.ts';
import { type Flag, flagOf, joinDashes, type Token, tokenize } from './line-tokens.ts';

/** Flags of other programs that one refusal names. */
const MOST_NAMED = 5;

/** `/name rest`, `/name: rest`; undefined where the line does not begin with a slash. */
export function splitCommand(line: string): { name: string; rest: string } | undefined {
  const match = /^\s*\/([^\s:\uff1a]*)[:\uff1a]?\s*([\s\S]*)$/.exec(line);
  return match === null ? undefined : { name: match[1]!.toLowerCase(), rest: match[2]! };
}

interface LineValues {
  /** Texts by option name, for parseValues. */
  readonly values: Record<string, string>;
  /** Sentences about how the line was read, for the card. */
  readonly notes: readonly Words[];
}

/**
 * @param command whose options the line gives
 * @param line without the command's name
 * @throws DarkroomError('bad_request') for an unknown flag or one without its value
 */
export function readLine(command: AnyCommand, line: string): LineValues {
  const options = Object.entries(lineOptions(command));
  const find = (name: string) =>
    options.find(([, { flag, aliases }]) => flag === name || aliases?.includes(name));
  // A command without flags, such as /help, may be asked about them: `/help --seed`.
  const hasFlags = options.some(([, { flag }]) => flag !== undefined);
  const flagAt = (token: Token): Flag | undefined =>
    hasFlags ? flagOf(token, (name) => find(name) !== undefined) : undefined;
  const tokens = hasFlags ? joinDashes(tokenize(line), (name) => find(name) !== undefined) : tokenize(line);
  const unknownOf = (rest: readonly Token[]) =>
    rest.flatMap((token) => flagAt(token)?.name ?? []).filter((name) => find(name) === undefined);
  const values: Record<string, string> = {};
  const notes: Words[] = [];
  const words: Token[] = [];
  let at = 0;
  while (at < tokens.length) {
    const token = tokens[at++]!;
    const flag = flagAt(token);
    if (flag === undefined) {
      words.push(token);
      continue;
    }
    const [name, option] = find(flag.name) ?? refuseFlag(command, flag.name, unknownOf(tokens.slice(at)));
    // `--steps = 20`
    const isWord = option.type === 'text' && option.pattern === undefined;
    if (!isWord && flag.value === undefined && /^[=:\uff1d\uff1a]$/.test(tokens[at]?.raw ?? '')) at++;
    const next = tokens.findIndex((one, i) => i >= at && flagAt(one) !== undefined);
    const following = tokens.slice(at, next < 0 ? undefined : next);
    const taken =
      flag.value === undefined ? takeValue(option, following) : takeGlued(option, flag.value, following);
    if (taken === undefined) {
      const example = option.example ?? rangeOf(option);
      throw new DarkroomError(
        'bad_request',
        sentence('command.needs_value', { flag: option.flag ?? name, example }),
      );
    }
    at += taken.count;
    const before = Object.hasOwn(values, name) ? values[name] : undefined;
    const addsUp = option.type === 'text' && (option.single !== true || option.repeats === true);
    if (before !== undefined && !addsUp) {
      notes.push(sentence('command.twice', { flag: option.flag ?? name, value: taken.text }));
    }
    values[name] = before !== undefined && addsUp ? `${before}, ${taken.text}` : taken.text;
  }
  if (words.length > 0) putWords(command, words, values);
  return { values, notes };
}

/** @param others unknown flags behind it: those of another program come several at a time */
function refuseFlag(command: AnyCommand, flag: string, others: readonly string[]): never {
  const flags = Object.values(lineOptions(command)).flatMap((option) => option.flag ?? []);
  if (foreignFlag(flag) !== undefined) {
    const all = [...new Set([flag, ...others])].slice(0, MOST_NAMED).flatMap((one) => foreignFlag(one) ?? []);
    const words = all.reduce((first, second) => sentence('error.row', { first, second }));
    throw new DarkroomError('bad_request', words);
  }
  // A single letter is near everything.
  const isLetter = flag.length <= '--x'.length;
  const known = isLetter ? sentence('error.known', { names: flags }) : offer(flag, flags);
  throw new DarkroomError('bad_request', sentence('command.unknown_flag', { flag, offer: known }));
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
      ? sentence('command.no_words', { name: command.name })
      : sentence('command.nothing_more', { name: command.name, words: joinWords(left) }),
  );
}

/** Quotes inside the words stay as they are typed; quotes around all of them go, and keep all that is between. */
function joinWords(words: readonly Token[]): string {
  const [only] = words;
  return words.length === 1 && only ? only.text : words.map(({ raw }) => raw).join(' ');
}

interface Taken {
  readonly text: string;
  /** Tokens that it takes of those that follow the flag. */
  readonly count: number;
}

/** `--sampler=DPM++ 2M Karras`: the rest of a spelling may follow. */
function takeGlued(option: Option, value: Token, following: readonly Token[]): Taken | undefined {
  if (value.quoted) return { text: value.text, count: 0 };
  const taken = takeValue(option, option.type === 'text' && !option.single ? [value] : [value, ...following]);
  return taken && { text: taken.text, count: Math.max(0, taken.count - 1) };
}

/** Tokens of the longest value that is written with spaces: `DPM++ 2M SDE Karras`, `256 x 192`. */
const LONGEST = 5;

function takeValue(option: Option, following: readonly Token[]): Taken | undefined {
  const [first] = following;
  if (option.type === 'choice' && option.implied !== undefined) {
    const isChoice = first !== undefined && option.choices.includes(first.text.toLowerCase());
    if (!isChoice) return { text: option.implied, count: 0 };
  }
  if (first === undefined) return undefined;
  if (first.quoted) return { text: first.text, count: 1 };
  if (option.type === 'choice' && option.spelling !== undefined) return takeSpelling(option, following);
  if (option.type === 'text' && option.pattern !== undefined) {
    for (let count = Math.min(LONGEST, following.length); count > 1; count--) {
      const text = joinWords(following.slice(0, count)).normalize('NFKC');
      if (option.pattern.test(text)) return { text, count };
    }
  }
  if (option.type === 'integer' && option.unit !== undefined && /^\d/.test(first.text)) {
    // Only where nothing else follows: `--n 4 pictures of a mug` describes them.
    const behind = following.slice(1);
    const isUnit = behind.length > 0 && behind.length < LONGEST && option.unit.test(joinWords(behind));
    return { text: first.text, count: isUnit ? following.length : 1 };
  }
  if (option.type !== 'text' || option.single) return { text: first.text, count: 1 };
  return { text: joinWords(following), count: following.length };
}

type ChoiceOption = Extract<Option, { type: 'choice' }>;

/**
 * A name of several words is taken whole or refused whole: of "DPM++ 2S a Karras", which is none, "a Karras" must not
 * stay in the prompt. "a" is the article where it ends a name that is none.
 */
function takeSpelling(
  { spelling, choices, partOfName, flag }: ChoiceOption,
  following: readonly Token[],
): Taken {
  const isKnown = (text: string) => choices.includes(text.toLowerCase()) || spelling?.(text) !== undefined;
  const isPart = (token: Token) => !token.quoted && partOfName?.test(token.text) === true;
  const limit = following.slice(0, LONGEST).findIndex((token, i) => i > 0 && !isPart(token));
  let run = following.slice(0, limit < 0 ? LONGEST : limit);
  while (run.length > 1 && run.at(-1)!.text.toLowerCase() === 'a' && !isKnown(joinWords(run))) {
    run = run.slice(0, -1);
  }
  const text = joinWords(run);
  if (run.length === 1 || isKnown(text))
    return { text: run.length === 1 ? run[0]!.text : text, count: run.length };
  throw new DarkroomError(
    'bad_request',
    sentence('command.not_a_value', { value: text, flag: flag ?? '', offer: offer(text, choices) }),
  );
}
