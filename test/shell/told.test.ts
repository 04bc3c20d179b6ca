/** What the shell says of errors that a chat leaves to the operator's log. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DarkroomError } from '../../src/errors.ts';
import { sentence } from '../../src/sentences.ts';
import { DEBUG_HINT, describeOnShell } from '../../src/shell/told.ts';

const messageOf = (error: unknown) => describeOnShell(error, DEBUG_HINT).message;

test('a reason that a chat leaves to the log is given on the shell, in one line', () => {
  assert.equal(
    messageOf(new TypeError('x is undefined\nmore')),
    'Something went wrong here: TypeError: x is undefined. Add --debug to see where it happened.',
  );
  const cause = new Error('Could not find an implementation for Foo(1).');
  assert.equal(
    messageOf(new DarkroomError('bad_model', sentence('engine.model_unloaded'), { cause })),
    'The model could not be loaded: Could not find an implementation for Foo(1). Add --debug to see where it happened.',
  );
  // As the process that reads pictures tells its own errors.
  assert.equal(
    messageOf(new DarkroomError('internal', sentence('error.internal'), { cause: 'a decoder failed' })),
    'Something went wrong here: a decoder failed. Add --debug to see where it happened.',
  );
});

test('without a reason the sentence ends, and other errors are told as everywhere', () => {
  assert.equal(
    describeOnShell(new DarkroomError('internal', sentence('error.internal'))).message,
    'Something went wrong here.',
  );
  const own = new DarkroomError('not_found', sentence('models.none_installed'));
  assert.equal(messageOf(own), own.message);
});
