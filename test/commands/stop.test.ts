/** What goes on in the background when the program stops. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import { startCommands } from './harness.ts';

const SEARCH_MS = 5000;

for (const isStopped of [false, true])
  test(`a search that finds the database away is ${isStopped ? 'no error at a stop' : 'an error'}`, async (t) => {
    t.mock.timers.enable({ apis: ['setInterval'] });
    const second = Promise.withResolvers<string[]>();
    const answers = [Promise.resolve([]), second.promise];
    const { jobs } = startCommands().ports;
    const chat = startCommands({ jobs: { ...jobs, endsOf: () => answers.shift()! } });
    await chat.commands.resume(async () => undefined, ['discord']);
    t.mock.timers.tick(SEARCH_MS);
    await setImmediate();
    if (isStopped) chat.commands.release();
    second.reject(new Error('the database is away'));
    await setImmediate();
    assert.deepEqual(chat.errors.map(String), isStopped ? [] : ['Error: the database is away']);
    assert.equal(answers.length, 0);
  });
