/** What a database's errors say, and what it is spared: values that it cannot store. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { type TestContext, test } from 'node:test';
import { inspect } from 'node:util';
import pino from 'pino';
import { Queue } from '../../src/queue/queue.ts';
import type { GenerationRequest } from '../../src/request.ts';
import { openEmbedded } from '../../src/store/embedded.ts';
import type { JobRecord } from '../../src/store/jobs.ts';
import { openServer } from '../../src/store/postgres.ts';
import { type Database, json } from '../../src/store/sql.ts';
import { openStore } from '../../src/store/store.ts';
import { PostgresServer, skipServer } from '../queue/databases.ts';

const SECRET = 'xyzzy-secret';

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-errors-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** All that a log or a console could show of an error. */
async function shown(error: unknown): Promise<string> {
  const lines: string[] = [];
  const log = pino(
    new Writable({
      write(chunk, _, done) {
        lines.push(String(chunk));
        done();
      },
    }),
  );
  log.error({ err: error }, 'internal error');
  await new Promise((resolve) => setImmediate(resolve));
  const { cause } = error as { cause?: unknown };
  return [
    ...lines,
    inspect(error, { depth: null, showHidden: true }),
    JSON.stringify(error),
    inspect(cause),
  ].join();
}

/** Statements that fail, each with a value in what the database says of it. */
const FAILURES: Readonly<Record<string, (database: Database) => Promise<unknown>>> = {
  'a key that is there already': (database) =>
    database.query('insert into word (id) values ($1), ($1)', [SECRET]),
  'a row that a check refuses': (database) =>
    database.query('insert into word (id, length) values ($1, -1)', [SECRET]),
  'a number that is none': (database) => database.query('select $1::int', [SECRET]),
  'a JSON that is none': (database) => database.query('select $1::jsonb', [SECRET]),
  'a function that raises': (database) => database.query('select raise($1)', [SECRET]),
  'a transaction that breaks at its commit': (database) =>
    database.transaction(async (tx) => {
      await tx.query('insert into later (id) values ($1)', [SECRET]);
    }),
};

async function check(database: Database): Promise<void> {
  await database.script(`create table word (id text primary key, length int check (length >= 0));
    create table later (id text references word (id) deferrable initially deferred);
    create function raise(word text) returns void language plpgsql as 'begin raise exception ''no %'', word; end'`);
  for (const [name, fail] of Object.entries(FAILURES)) {
    const error = await fail(database).then(
      () => assert.fail(`${name} is refused`),
      (reason: unknown) => reason,
    );
    const text = await shown(error);
    assert.ok(!text.includes(SECRET), `${name}: ${text}`);
    assert.match((error as Error).message, /^Database error [0-9A-Z]{5}/, name);
  }
}

test('errors of the embedded database say code, place and statement, and no value', async (t) => {
  const database = await openEmbedded(newFolder(t));
  await check(database);
  await database.close();
});

test('errors of a server say code, place and statement, and no value', { skip: skipServer }, async () => {
  const server = await PostgresServer.start();
  const database = await openServer({ url: await server.database() });
  await check(database);
  await database.close();
  await server.stop();
});

test('NUL and half a surrogate pair: dropped from words, refused in ids, never an internal error', async (t) => {
  const store = await openStore<{ readonly id: string; readonly text: string }>({ folder: newFolder(t) });
  const queue = await Queue.open({ database: store.database, onError: assert.ifError });
  const request = { model: 'mini', prompt: 'a\0b \\u0000 \ud800 c', width: 64, height: 64 };
  const record: JobRecord = {
    ...{ id: 'nul', at: 0, user: { id: 'ada', name: 'A\0da' }, platform: 'web', channel: 'web' },
    ...{ request: request as GenerationRequest, inputs: {}, state: 'queued', notes: ['\0'], pictures: [] },
  };
  await queue.submit(record);
  const kept = await store.jobs.get('nul');
  assert.equal(kept?.request.prompt, 'ab \\u0000 \ufffd c');
  assert.equal(kept?.user.name, 'Ada');
  await store.messages.put({ id: '1', text: '\0\0x' });
  assert.equal((await store.messages.get('1'))?.text, 'x');
  for (const ask of [
    () => store.jobs.get('n\0ul'),
    () => store.jobs.ofPicture('\0'),
    () => store.messages.get('\0'),
    () => store.pictures.get('\0'),
    () => queue.cancel('n\0ul'),
    () => store.settings.rules('\0'),
    () => store.deliveries.get('\0'),
    () => queue.submit({ ...record, id: '\0' }),
  ]) {
    const answer = await ask().catch((error: { code?: string }) => error.code);
    assert.ok(answer === undefined || answer === 'bad_request', `${ask}: ${inspect(answer)}`);
  }
  assert.equal(json({ a: 'é\\\0"\udfff' }), '{"a":"é\\\\\\"\\ufffd"}');
  await queue.close();
  await store.close();
});
