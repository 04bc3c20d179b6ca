/** What a verb of the shell is, and how its options are read. */
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { DarkroomError, offerNames } from '../errors.ts';

export interface Verb {
  /** One line for the list of verbs. */
  readonly summary: string;
  /** The whole of --help. */
  readonly help: string;
  /** @param args what stands behind the verb. @returns the exit code */
  run(args: readonly string[]): Promise<number>;
}

/** The command line was wrong; exit code 2. */
export class UsageError extends Error {}

/** Options that every verb takes. */
const COMMON = { config: { type: 'string' }, debug: { type: 'boolean' } } as const;

/** @throws UsageError for an unknown option, with the nearest names */
export function readOptions<Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: Options,
  { positionals = 0 }: { positionals?: number } = {},
) {
  const known = { ...options, ...COMMON };
  // `--seed -1` is a value out of range, not an option.
  const joined = joinNegativeNumbers(args);
  for (const arg of joined) {
    if (arg === '--') break;
    const name = /^--([^=]+)/.exec(arg)?.[1];
    if (name === undefined || name in known) continue;
    const names = Object.keys(known);
    throw new UsageError(`Unknown option --${name}. ${offerNames(name, names)}`);
  }
  try {
    const parsed = parseArgs({ args: joined, options: known, allowPositionals: true, strict: true });
    if (parsed.positionals.length > positionals) {
      throw new UsageError(
        `Too many words: ${parsed.positionals.slice(positionals).join(' ')}. Put the prompt in quotes.`,
      );
    }
    return parsed;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(error instanceof Error ? firstSentence(error.message) : String(error));
  }
}

/** A value that this verb cannot use is wrong usage; other errors pass. */
export function asUsage(error: unknown): unknown {
  const isUsage =
    error instanceof DarkroomError && (error.code === 'bad_request' || error.code === 'unsupported');
  return isUsage ? new UsageError(error.message, { cause: error }) : error;
}

/** `1 picture`, `2 pictures`. */
export const counted = (count: number, one: string): string => `${count} ${one}${count === 1 ? '' : 's'}`;

/** On stderr, beside the output: what whoever waits should know. */
export const sayBeside = (text: string): void => void process.stderr.write(`darkroom: ${text}\n`);

/** @throws UsageError where text is no number */
export function readNumber(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const value = Number(text);
  if (text.trim() === '' || !Number.isFinite(value))
    throw new UsageError(`--${name} ${text} is not a number.`);
  return value;
}

function joinNegativeNumbers(args: readonly string[]): string[] {
  const joined: string[] = [];
  for (const arg of args) {
    const last = joined.at(-1);
    if (/^-\d/.test(arg) && last !== undefined && /^--[^=]+$/.test(last))
      joined[joined.length - 1] = `${last}=${arg}`;
    else joined.push(arg);
  }
  return joined;
}

const firstSentence = (message: string) => `${message.split('. ')[0]!.replace(/\.$/, '')}.`;
