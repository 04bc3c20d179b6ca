/**
 * A command as data: its options are one schema, from which typed lines are parsed and the help, the menus and the
 * platforms' own command definitions are derived.
 */
import type { Invocation, Reply } from '../adapters/adapter.ts';
import { type MentionKind, type Platform, readMention } from '../adapters/platforms.ts';
import { DarkroomError, offer } from '../src/errors.ts';
import type { Say, Words } from '../src/sentences.ts';
import { type PlainKey, sentence } from '../src/sentences.ts';

interface OptionBase {
  readonly description: PlainKey;
  /** `--seed`; an option without a flag takes the words that follow no flag. */
  readonly flag?: string;
  /** Other flags of the same option. */
  readonly aliases?: readonly string[];
  /** A value to show in help and errors. */
  readonly example?: string;
  /** A form cannot be sent without it; the command itself refuses a typed line that lacks it. */
  readonly required?: boolean;
}
export type Option = OptionBase &
  (
    | {
        readonly type: 'text';
        /** One word; otherwise the text goes on to the next flag. */
        readonly single?: boolean;
        /** What it looks like where it is typed with spaces: `256 x 192`. */
        readonly pattern?: RegExp;
        readonly suggestions?: readonly string[];
        /** It may be given several times: the values are joined with commas. */
        readonly repeats?: true;
      }
    | {
        readonly type: 'integer' | 'number';
        readonly min: number;
        readonly max: number;
        /** Words that stand for a number. */
        readonly spelling?: (text: string) => string | undefined;
        /** Says how a number above `max` is written. */
        readonly beyond?: (text: string) => Words | undefined;
        /** Words behind it that only name what is counted: `pictures` of `--n 4 pictures`. */
        readonly unit?: RegExp;
      }
    | {
        readonly type: 'choice';
        readonly choices: readonly string[];
        /** Reads other spellings, which may contain spaces; undefined for anything else. */
        readonly spelling?: (text: string) => string | undefined;
        /** Words that go into the names of its choices: `Karras`. */
        readonly partOfName?: RegExp;
        /** The choice that a flag without a value makes. */
        readonly implied?: string;
      }
    | { readonly type: 'picture' }
    /** A user, role or channel of the platform; the value is its id there. */
    | { readonly type: 'mention'; readonly of: MentionKind }
  );
export type Options = Readonly<Record<string, Option>>;

type ValueOf<O extends Option> = O['type'] extends 'integer' | 'number' ? number : string;
/** Pictures come as attachments, not as values. */
type Values<O extends Options = Options> = {
  -readonly [K in keyof O as O[K]['type'] extends 'picture' ? never : K]?: ValueOf<O[K]>;
};

/** What a command is run with. @typeParam P the ports it uses, and no more */
export interface Context<P = unknown> {
  readonly invocation: Invocation;
  readonly reply: Reply;
  readonly ports: P;
  /** Says sentences in the language of whoever asked. */
  readonly say: Say;
  /** Sentences about how the line was read, for the card. */
  readonly notes?: readonly Words[];
  /** How many pictures words in reply to one ask for. */
  readonly count?: number;
}

interface Command<O extends Options = Options, P = unknown> {
  readonly name: string;
  readonly description: PlainKey;
  readonly options: O;
  /** Options that a typed line can give and no menu shows. */
  readonly typed?: Options;
  /** Lines that work as they are. */
  readonly examples: readonly string[];
  /** Where it has any, the first word of a line names one of them, and the command itself is not run. */
  readonly subcommands?: readonly AnyCommand<P>[];
  /** Of one with subcommands: which is meant where a line leaves it out, before one word and before several. */
  readonly usual?: { readonly word?: string; readonly words?: string };
  /** Only those who administer a tenant can use it: platforms hide it from others. The command checks it itself. */
  readonly isForAdmins?: boolean;
  /** Throws DarkroomError for a refusal. */
  run(values: Values<O>, context: Context<P>): Promise<unknown>;
}

/** Keeps the types of options and ports for `run`. */
export const defineCommand = <const O extends Options, P = unknown>(command: Command<O, P>): Command<O, P> =>
  command;

/** A command that only groups others, whose names start with its own: `config set`. On its own it runs the first. */
export const defineGroup = <P>(
  {
    name,
    description,
    isForAdmins = false,
    usual = {},
  }: Pick<AnyCommand, 'name' | 'description' | 'isForAdmins' | 'usual'>,
  subcommands: readonly AnyCommand<P>[],
): AnyCommand<P> => ({
  name,
  description,
  isForAdmins,
  usual,
  options: {},
  examples: subcommands.flatMap(({ examples }) => examples),
  subcommands,
  async run(_values, context) {
    await subcommands[0]?.run({} as never, context);
  },
});

/** `set` of `config set`. */
export const lastWord = (name: string) => name.split(' ').at(-1)!;

/** Every option that a line may give. */
export const lineOptions = ({ options, typed = {} }: Pick<AnyCommand, 'options' | 'typed'>): Options => ({
  ...options,
  ...typed,
});

/**
 * A command without the types of its options, as the router and the help see it.
 * @typeParam P ports that are enough to run it; none where it is only described
 */
export type AnyCommand<P = never> = Omit<Command, 'run' | 'subcommands'> & {
  readonly subcommands?: readonly AnyCommand<P>[];
  run(values: never, context: Context<P>): Promise<unknown>;
};

/**
 * Checks the values that a platform parsed itself, or that were typed on a line.
 * @param values texts or numbers by option name; names that are no option are refused
 * @param platform whose mentions they may hold
 * @throws DarkroomError('bad_request')
 */
export function parseValues(
  command: AnyCommand,
  values: Readonly<Record<string, unknown>>,
  platform: Platform,
): Record<string, string | number> {
  const parsed: Record<string, string | number> = {};
  const options = lineOptions(command);
  for (const [name, value] of Object.entries(values)) {
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option === undefined) {
      const names = Object.keys(options);
      throw new DarkroomError(
        'bad_request',
        sentence('command.unknown_option', { name, offer: offer(name, names) }),
      );
    }
    if (value === undefined || option.type === 'picture') continue;
    parsed[name] = parseValue(option.flag ?? name, option, value, platform);
  }
  return parsed;
}

function parseValue(label: string, option: Option, value: unknown, platform: Platform): string | number {
  if (option.type === 'integer' || option.type === 'number') return parseNumber(label, option, value);
  const typed = String(value).trim();
  // Full-width letters and signs are those that they look like, except in free text.
  const text = option.type === 'text' && option.single !== true ? typed : typed.normalize('NFKC');
  if (option.type === 'mention') return parseMention(label, option.of, text, platform);
  if (option.type !== 'choice') return text;
  const choice = option.choices.find((known) => known === text.toLowerCase()) ?? option.spelling?.(text);
  if (choice !== undefined) return choice;
  const known = offer(text, option.choices);
  throw new DarkroomError(
    'bad_request',
    sentence('command.not_a_value', { value: text, flag: label, offer: known }),
  );
}

/** The id in a mention; `@name`, `#name` and ids stay as they are, without the sign. */
function parseMention(label: string, kind: MentionKind, text: string, platform: Platform): string {
  const mention = readMention(platform, text);
  if (mention === undefined) return text.replace(/^[@#]/, '');
  if (mention.kind === kind) return mention.id;
  throw new DarkroomError(
    'bad_request',
    sentence('command.wrong_mention', { flag: label, wanted: kind, value: text, given: mention.kind }),
  );
}

function parseNumber(label: string, option: Option & { type: 'integer' | 'number' }, value: unknown): number {
  const { min, max, type, spelling, beyond, unit } = option;
  const typed = String(value).trim().normalize('NFKC').replace(/[;,]$/, '');
  // `--n 4장`
  const [, bare, behind] = /^(\d+)(\D+)$/.exec(typed) ?? [];
  const text = bare !== undefined && unit?.test(behind!.trim()) === true ? bare : typed;
  const number = text === '' ? Number.NaN : readNumber(spelling?.(text) ?? text, max);
  const given = { flag: label, value: String(value) };
  if (!Number.isFinite(number)) {
    const key = type === 'integer' ? 'command.not_whole' : 'command.not_number';
    throw new DarkroomError('bad_request', sentence(key, { ...given, min, max }));
  }
  const words = number > max ? beyond?.(text) : undefined;
  if (words !== undefined) throw new DarkroomError('bad_request', words);
  if (number < min || number > max) {
    const near = number > max ? max : min;
    throw new DarkroomError('bad_request', sentence('command.outside', { ...given, min, max, near }));
  }
  if (type === 'integer' && !Number.isInteger(number)) {
    throw new DarkroomError(
      'bad_request',
      sentence('command.not_integer', { ...given, near: Math.round(number) }),
    );
  }
  return number;
}

/** `7,5` as many write it, and `60%` of a number up to 1. */
function readNumber(text: string, max: number): number {
  const percent = max === 1 ? /^(\d+(?:[.,]\d+)?)\s*%$/.exec(text)?.[1] : undefined;
  if (percent !== undefined) return Number(percent.replace(',', '.')) / 100;
  return Number(/^-?\d+,\d+$/.test(text) ? text.replace(',', '.') : text);
}

/** A command's usage on one line: `/imagine prompt [--seed 7] …` */
export function usageOf({ name, options }: AnyCommand): string {
  const parts = Object.entries(options)
    .filter(([, { type }]) => type !== 'picture')
    .map(([key, { flag, example }]) => (flag === undefined ? key : `[${flag} ${example ?? key}]`));
  return [`/${name}`, ...parts].join(' ');
}

/** What an option takes, in words: "0 to 4294967295", "ddim, euler". */
export function rangeOf(option: Option): Words {
  switch (option.type) {
    case 'integer':
    case 'number':
      return sentence('command.range', { min: option.min, max: option.max });
    case 'choice':
      return option.choices.join(', ');
    default:
      return option.example ?? option.type;
  }
}
