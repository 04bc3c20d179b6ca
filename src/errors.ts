/**
 * The errors of Darkroom. One class: `code` is for programs, `message` is one sentence for the person who
 * asked (it names the value, the limit and the way out), `cause` is for the operator's log.
 */

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

  /**
   * @param code what went wrong, for programs
   * @param message one sentence for the user, shown as it stands
   * @param options.cause the reason for the operator; never shown to the user
   */
  constructor(code: ErrorCode, message: string, options?: { cause?: unknown }) {
    super(message, options);
    this.name = 'DarkroomError';
    this.code = code;
  }
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

/** What a user is told of any error: our own sentence, or a neutral one where the error is not ours. */
export function describeError(error: unknown): { code: ErrorCode; message: string } {
  if (error instanceof DarkroomError) return { code: error.code, message: error.message };
  if (error instanceof DatabaseAway) {
    return {
      code: 'internal',
      message:
        'Darkroom cannot reach its database just now. What was accepted is not lost; ask again in a minute.',
    };
  }
  if (error instanceof DiskFull) {
    return {
      code: 'internal',
      message:
        "The disk of Darkroom's database is full. What was accepted is not lost; ask again when the operator has freed some of it.",
    };
  }
  return {
    code: 'internal',
    message: 'Something went wrong here. The operator finds the reason in the log.',
  };
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
export function offerNames(word: string, names: readonly string[]): string {
  const near = nearestNames(word, names);
  return near.length > 0 ? `Did you mean ${near.join(' or ')}?` : `Known: ${names.join(', ')}.`;
}

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
