/**
 * The errors of Darkroom. One class: `code` is for programs, `message` is one sentence for the person who
 * asked (it names the value, the limit and the way out), `cause` is for the operator's log.
 */
import { type Sentence, sayWords, sentence, type Words } from './sentences.ts';

export type ErrorCode =
  | 'bad_request' // a value that cannot be used; the message names it
  | 'bad_picture' // an upload that is no usable picture
  | 'bad_model' // a model folder or weight file that cannot be used
  | 'unsupported' // a known option that this version does not carry out
  | 'not_found'
  | 'forbidden'
  | 'too_large'
  | 'too_many' // a cap on jobs or requests
  | 'cancelled'
  | 'engine_failed' // the inference process died or gave numbers that are no picture
  | 'misconfigured' // settings the program cannot start with
  | 'internal';

export class DarkroomError extends Error {
  readonly code: ErrorCode;
  /** `message` before it was said in English; absent where only operators meet the error. */
  readonly sentence: Sentence | undefined;

  /**
   * @param code what went wrong, for programs
   * @param words one sentence for the user; English text where only operators meet it
   * @param options.cause the reason for the operator; never shown to the user
   */
  constructor(code: ErrorCode, words: Words, options?: { cause?: unknown }) {
    super(sayWords('en', words), options);
    this.name = 'DarkroomError';
    this.code = code;
    this.sentence = typeof words === 'string' ? undefined : words;
  }
}

/**
 * The results of several, where the operator wants to mend all that is wrong at once.
 * @throws DarkroomError that says each reason, of the first one's code; whatever else is thrown, as it is
 */
export function requireAll<T>(tried: readonly PromiseSettledResult<T>[]): T[] {
  const reasons = tried.flatMap((one) => (one.status === 'rejected' ? [one.reason as unknown] : []));
  const [first, ...others] = reasons;
  if (first === undefined) return tried.flatMap((one) => (one.status === 'fulfilled' ? [one.value] : []));
  const odd = reasons.find((reason) => !(reason instanceof DarkroomError));
  if (odd !== undefined || others.length === 0) throw odd ?? first;
  const expected = reasons as DarkroomError[];
  const said = [...new Set(expected.map(({ message }) => message))];
  throw new DarkroomError(expected[0]!.code, said.join(' '), { cause: first });
}

/** The database cannot be reached: nobody's fault here, and over some time. `cause` says why. */
export class DatabaseAway extends Error {
  constructor(cause: unknown) {
    super('The database cannot be reached.', { cause });
    this.name = 'DatabaseAway';
  }
}

/** The embedded database's disk has no room: nobody's fault here, and over when there is some. */
export class DiskFull extends Error {
  constructor(cause: unknown) {
    super('The disk of the embedded database is full: free some of it.', { cause });
    this.name = 'DiskFull';
  }
}

/** An error as plain data, to be stored and sent. */
export interface ErrorWords {
  readonly code: ErrorCode;
  /** In English: for logs, scripts and the shell. */
  readonly message: string;
  /** To be said in the reader's language; absent where only operators meet the error. */
  readonly sentence?: Sentence | undefined;
}

/** What a user is told of any error: our own sentence, or a neutral one where the error is not ours. */
export function describeError(error: unknown): ErrorWords {
  const { code, message, sentence: own } = error instanceof DarkroomError ? error : neutral(error);
  return { code, message, ...(own && { sentence: own }) };
}

function neutral(error: unknown): DarkroomError {
  if (error instanceof DatabaseAway) return new DarkroomError('internal', sentence('error.database_away'));
  if (error instanceof DiskFull) return new DarkroomError('internal', sentence('error.disk_full'));
  return new DarkroomError('internal', sentence('error.internal'));
}

/**
 * The words of an error, in the reader's language as soon as they are said. What is wrong with the files of a model is
 * for whoever put them there, in English; others are told what it means for them.
 */
export function wordsOf({ code, sentence: own, message }: ErrorWords): Words {
  if (own !== undefined) return own;
  const isOfFiles = code === 'bad_model' || code === 'unsupported';
  return isOfFiles ? sentence('error.model_files', { reason: message }) : message;
}

/**
 * The names nearest to a mistyped one, best first, at most three, by edit distance (Levenshtein 1966).
 * Names further away than half their length are left out.
 */
export function nearestNames(word: string, names: readonly string[]): string[] {
  const plain = (s: string) => s.toLowerCase().replaceAll(/[^a-z0-9]/g, '');
  return names
    .map((name) => ({ name, distance: editDistance(plain(word), plain(name)) }))
    .filter(({ name, distance }) => distance <= Math.max(1, Math.floor(plain(name).length / 2)))
    .sort((a, b) => a.distance - b.distance)
    .slice(0, 3)
    .map(({ name }) => name);
}

/** A sentence's tail that offers the nearest names, or all of them where none is near. */
export function offer(word: string, names: readonly string[]): Sentence {
  const near = nearestNames(word, names);
  return near.length > 0
    ? sentence('error.did_you_mean', { names: { anyOf: near } })
    : sentence('error.known', { names });
}

/** Sentences one after the other. */
export const inARow = ([first, ...rest]: readonly Sentence[]): Sentence =>
  rest.length === 0 ? first! : sentence('error.row', { first: first!, second: inARow(rest) });

/** offer() in English, for sentences that only operators meet. */
export const offerNames = (word: string, names: readonly string[]): string =>
  sayWords('en', offer(word, names));

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const substitution = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(substitution, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
