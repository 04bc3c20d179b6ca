/** What comes again and again while something is away is logged once, then counted. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { DatabaseAway, DiskFull } from '../src/errors.ts';
import type { Logger } from '../src/log.ts';
import { createReport } from '../src/report.ts';

function newLog() {
  const lines: string[] = [];
  const write = (...given: unknown[]) => void lines.push(String(given.at(-1)));
  return { lines, log: { debug: write, info: write, warn: write, error: write } as unknown as Logger };
}

async function until(look: () => boolean): Promise<void> {
  while (!look()) await sleep(5);
}

test('a database that is away is logged once, and once more when that is over', async () => {
  const { lines, log } = newLog();
  const report = createReport(log, 20);
  for (let i = 0; i < 3000; i++) report(new DatabaseAway(new Error('ECONNREFUSED')));
  report(new DiskFull(new Error('53100')));
  report(new TypeError('other'));
  await until(() => lines.length === 5);
  assert.deepEqual(lines.slice(0, 3), [
    'The database cannot be reached.',
    'The disk of the embedded database is full: free some of it.',
    'internal error',
  ]);
  assert.match(lines.slice(3).toSorted()[1]!, /^That is over after 0 s and 3000 errors: The database cannot/);
});
