/** A platform that cannot be reached: tried again with growing pauses, logged once, in nobody's way. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Adapter } from '../adapters/adapter.ts';
import { DarkroomError } from '../src/errors.ts';
import { connect } from '../src/platforms.ts';

function setUp(failures: readonly DarkroomError[]) {
  const lines: string[] = [];
  const pauses: number[] = [];
  let starts = 0;
  const adapter: Adapter = {
    platform: 'slack',
    async start() {
      const failure = failures[starts++];
      if (failure !== undefined) throw failure;
      return 'slack: up';
    },
    stop: async () => undefined,
    reopen: async () => undefined,
    post: async () => ({ channel: '', message: '' }),
    findPosted: async () => undefined,
    replace: async () => undefined,
    unpost: async () => undefined,
    find: async () => undefined,
    tenantsOf: async () => [],
    rolesOf: async () => [],
  };
  const { promise: settled, resolve } = Promise.withResolvers<void>();
  const log = {
    info: (line: string) => void lines.push(`info ${line}`),
    debug: () => undefined,
    error(...words: unknown[]) {
      lines.push(`error ${words.at(-1)}`);
      if (failures[starts - 1]?.code === 'misconfigured') resolve();
    },
  };
  let ups = 0;
  const onUp = async () => {
    ups++;
    resolve();
  };
  const connection = connect(adapter, log as never, onUp, async (milliseconds) => pauses.push(milliseconds));
  return { connection, settled, lines, pauses, starts: () => starts, ups: () => ups };
}

const away = () => new DarkroomError('internal', 'Slack cannot be reached.');

test('it is tried again until it is up, and the log says so once', async () => {
  const { connection, settled, lines, pauses, ups } = setUp(Array.from({ length: 12 }, away));
  assert.equal(connection.isUp, false);
  await settled;
  assert.deepEqual(lines, [
    'error Slack cannot be reached. It is tried again until it works.',
    'info slack: up',
  ]);
  assert.equal(pauses.length, 12);
  assert.ok(pauses.every((pause, i) => pause <= 1.2 * Math.min(5 * 60_000, 1000 * 2 ** i)));
  assert.ok(pauses.at(-1)! > pauses[0]!);
  assert.deepEqual([connection.isUp, ups()], [true, 1]);
});

test('a wrong setting is not tried again', async () => {
  const wrong = new DarkroomError('misconfigured', 'Slack is off: a token is not valid.');
  const { connection, settled, lines, starts } = setUp([wrong]);
  await settled;
  assert.deepEqual(
    [lines, starts(), connection.isUp],
    [['error Slack is off: a token is not valid.'], 1, false],
  );
});

test('a stop ends the tries', async () => {
  const { connection, starts } = setUp(Array.from({ length: 1_000_000 }, away));
  await connection.stop();
  const now = starts();
  await new Promise((resolve) => setTimeout(resolve, 5));
  assert.equal(starts(), now);
});
