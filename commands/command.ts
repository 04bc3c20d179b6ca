/**
 * A command as data: its options are one schema, from which a typed line is parsed and the help, the web
 * menu and the platforms' own command definitions are derived.
 */
import type { Invocation, Reply } from '../adapters/adapter.ts';
import { DarkroomError, offerNames } from '../src/errors.ts';
import type { Desk } from './desk.ts';

interface OptionBase {
  readonly description: string;
  /** `--seed`; an option without a flag takes the words that belong to no flag. */
  readonly flag?: string;
  /** Other flags of the same option. */
  readonly aliases?: readonly string[];
  /** A value to show in help and errors. */
  readonly example?: string;
  /** A form does not send without it; what a typed line lacks is refused by the command itself. */
  readonly required?: boolean;
}
export type Option = OptionBase &
  (
    | {
        readonly type: 'text';
        /** One word; otherwise the text goes on to the next flag. */
        readonly single?: boolean;
        readonly suggestions?: readonly string[];
      }
    | { readonly type: 'integer' | 'number'; readonly min: number; readonly max: number }
    | {
        readonly type: 'choice';
        readonly choices: readonly string[];
        /** Other spellings, which may hold spaces; undefined where it is none. */
        readonly spelling?: (text: string) => string | undefined;
        /** The choice that a flag without a value makes. */
        readonly implied?: string;
      }
    | { readonly type: 'picture' }
    /** Somebody or something of the platform; the value is its id there. */
    | { readonly type: 'mention'; readonly of: 'user' | 'role' | 'channel' }
  );
export type Options = Readonly<Record<string, Option>>;

type ValueOf<O extends Option> = O['type'] extends 'integer' | 'number' ? number : string;
/** Pictures come as attachments, not as values. */
export type Values<O extends Options = Options> = {
  -readonly [K in keyof O as O[K]['type'] extends 'picture' ? never : K]?: ValueOf<O[K]>;
};

export interface Context {
  readonly invocation: Invocation;
  readonly reply: Reply;
  readonly desk: Desk;
}

export interface Command<O extends Options = Options> {
  readonly name: string;
  readonly description: string;
  readonly options: O;
  /** Options that are read in a typed line and stand in no menu. */
  readonly typed?: Options;
  /** Lines that work as they stand. */
  readonly examples: readonly string[];
  /** Where it has any, the first word of a line names one of them, and the command itself is not run. */
  readonly subcommands?: readonly AnyCommand[];
  /** Throws DarkroomError for a refusal. */
  run(values: Values<O>, context: Context): Promise<void>;
}

/** Keeps the options' types for `run`. */
export const defineCommand = <const O extends Options>(command: Command<O>): Command<O> => command;

/** A command that is only the name of others, which carry it in front: `config set`. */
export const defineGroup = (
  name: string,
  description: string,
  subcommands: readonly AnyCommand[],
): AnyCommand => ({
  name,
  description,
  options: {},
  examples: subcommands.flatMap(({ examples }) => examples),
  subcommands,
  async run() {
    const names = subcommands.map((command) => lastWord(command.name));
    throw new DarkroomError('bad_request', `Say what to do: /${name} ${names.join(' | ')}.`);
  },
});

/** `set` of `config set`. */
export const lastWord = (name: string) => name.split(' ').at(-1)!;

/** Every option that a line may give. */
export const lineOptions = ({ options, typed = {} }: Pick<AnyCommand, 'options' | 'typed'>): Options => ({
  ...options,
  ...typed,
});

/** A command whose options' types are forgotten, as the router and the help see it. */
export type AnyCommand = Omit<Command, 'run'> & { run(values: never, context: Context): Promise<void> };

/**
 * Checks what a platform parsed itself, or what stood on a line.
 * @param values texts or numbers by option name; names that are no option are refused
 * @throws DarkroomError('bad_request')
 */
export function parseValues(
  command: AnyCommand,
  values: Readonly<Record<string, unknown>>,
): Record<string, string | number> {
  const parsed: Record<string, string | number> = {};
  const options = lineOptions(command);
  for (const [name, value] of Object.entries(values)) {
    const option = Object.hasOwn(options, name) ? options[name] : undefined;
    if (option === undefined) {
      const names = Object.keys(options);
      throw new DarkroomError('bad_request', `Unknown option ${name}. ${offerNames(name, names)}`);
    }
    if (value === undefined || option.type === 'picture') continue;
    parsed[name] = parseValue(option.flag ?? name, option, value);
  }
  return parsed;
}

function parseValue(label: string, option: Option, value: unknown): string | number {
  if (option.type === 'integer' || option.type === 'number') return parseNumber(label, option, value);
  const text = String(value).trim();
  if (option.type === 'mention') return parseMention(label, option.of, text);
  if (option.type !== 'choice') return text;
  const choice = option.choices.find((known) => known === text.toLowerCase()) ?? option.spelling?.(text);
  if (choice !== undefined) return choice;
  throw new DarkroomError(
    'bad_request',
    `${label} ${text} is not known. ${offerNames(text, option.choices)}`,
  );
}

const KIND_OF_SIGN: Readonly<Record<string, string>> = {
  '@': 'user',
  '@!': 'user',
  '@&': 'role',
  '#': 'channel',
  '!subteam^': 'role',
};

/** `<@42>` and its like, as Discord and Slack write mentions; `@name`, `#name` and bare ids stand as they are. */
function parseMention(label: string, kind: string, text: string): string {
  const [, sign = '', id = ''] = /^<(@[!&]?|#|!subteam\^)([^|>]+)(?:\|[^>]*)?>$/.exec(text) ?? [];
  if (id === '') return text.replace(/^[@#]/, '');
  if (KIND_OF_SIGN[sign] === kind) return id;
  throw new DarkroomError('bad_request', `${label} wants a ${kind}; ${text} is a ${KIND_OF_SIGN[sign]}.`);
}

function parseNumber(label: string, option: Option & { type: 'integer' | 'number' }, value: unknown): number {
  const { min, max, type } = option;
  const number = typeof value === 'string' && value.trim() === '' ? Number.NaN : Number(value);
  const kind = type === 'integer' ? 'a whole number' : 'a number';
  if (!Number.isFinite(number)) {
    throw new DarkroomError('bad_request', `${label} ${value} is not ${kind} from ${min} to ${max}.`);
  }
  if (number < min || number > max) {
    const near = number > max ? max : min;
    throw new DarkroomError('bad_request', `${label} ${value} is outside ${min} to ${max}. Try ${near}.`);
  }
  if (type === 'integer' && !Number.isInteger(number)) {
    throw new DarkroomError('bad_request', `${label} ${value} is not ${kind}. Try ${Math.round(number)}.`);
  }
  return number;
}

/** A command's usage on one line: `/imagine prompt [--seed 7] …` */
export function usageOf({ name, options }: AnyCommand): string {
  const parts = Object.entries(options)
    .filter(([, { type }]) => type !== 'picture')
    .map(([key, { flag, example }]) => (flag === undefined ? key : `[${flag} ${example ?? key}]`));
  return [`/${name}`, ...parts].join(' ');
}

/** What an option takes, in words: "0 to 4294967295", "ddim, euler". */
export function rangeOf(option: Option): string {
  switch (option.type) {
    case 'integer':
    case 'number':
      return `${option.min} to ${option.max}`;
    case 'choice':
      return option.choices.join(', ');
    default:
      return option.example ?? option.type;
  }
}
