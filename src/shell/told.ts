/** What the shell says of an error. It has no operator and no log to send anybody to: it gives the reason itself. */
import { DarkroomError, describeError, type ErrorWords } from '../errors.ts';
import type { Key } from '../sentences.ts';

/** The sentences that leave the reason to the log, and how they begin here. */
const LEFT_TO_THE_LOG: Partial<Record<Key, string>> = {
  'error.internal': 'Something went wrong here',
  'engine.model_unloaded': 'The model could not be loaded',
};

/** Where a verb prints the stack trace with --debug. */
export const DEBUG_HINT = ' Add --debug to see where it happened.';

/** @param hint what follows a reason that only a developer may understand */
export function describeOnShell(error: unknown, hint = ''): ErrorWords {
  const told = describeError(error);
  const opening = told.sentence && LEFT_TO_THE_LOG[told.sentence.key];
  if (opening === undefined) return told;
  const reason = reasonOf(error instanceof DarkroomError ? error.cause : error);
  return { code: told.code, message: `${opening}${reason && `: ${reason}`}.${hint}` };
}

/** Its first line, without the full stop; empty where there is none. */
function reasonOf(cause: unknown): string {
  const isPlain = cause instanceof Error && cause.name === 'Error';
  const text = isPlain ? cause.message : String(cause ?? '');
  return text.trim().split('\n')[0]!.trim().replace(/\.$/, '');
}
