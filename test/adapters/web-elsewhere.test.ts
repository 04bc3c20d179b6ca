/** Several `serve` on one PostgreSQL: each shows live what comes in through another. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadSettings } from '../../config/settings.ts';
import { startApp } from '../../src/app.ts';
import { createLogger } from '../../src/log.ts';
import { openServer } from '../../src/store/postgres.ts';
import { eventually } from '../patience.ts';
import { PostgresServer, skipServer } from '../queue/databases.ts';
import { Client } from './stand-in.ts';

const engineFactory = new URL('../engine/stand-in.ts', import.meta.url).href;
const log = createLogger('silent', false);
const headers = (url: string, user: string) => ({ 'x-darkroom-user': user, origin: url });

interface Heard {
  readonly name: string;
  readonly data: Readonly<Record<string, unknown>>;
}

/** All that a user's event stream says. */
async function listen(url: string, user: string, signal: AbortSignal): Promise<Heard[]> {
  const heard: Heard[] = [];
  const { body } = await fetch(`${url}/api/events`, { headers: headers(url, user), signal });
  void (async () => {
    let rest = '';
    for await (const text of body!.pipeThrough(new TextDecoderStream())) {
      const parts = (rest + text).split('\n\n');
      rest = parts.pop()!;
      for (const part of parts) {
        const name = /^event: (.*)$/m.exec(part)?.[1];
        const data = /^data: (.*)$/m.exec(part)?.[1];
        if (name !== undefined && data !== undefined) heard.push({ name, data: JSON.parse(data) });
      }
    }
  })().catch(() => undefined);
  return heard;
}

test('a page on one serve sees live what is posted through another: once, and only what its user may see', {
  skip: skipServer,
}, async () => {
  await using made = new AsyncDisposableStack();
  const server = await PostgresServer.start();
  made.defer(() => server.stop());
  const url = await server.database();
  const start = async () => {
    const folder = mkdtempSync(join(tmpdir(), 'darkroom-two-'));
    made.defer(() => rmSync(folder, { recursive: true, force: true }));
    const env = {
      DARKROOM_PORT: '0',
      DARKROOM_WEB_USERS: 'header',
      DATABASE_URL: url,
      DARKROOM_DATA: folder,
    };
    const app = await startApp({ settings: loadSettings(env).settings, log, engineFactory });
    made.defer(() => app.stop());
    return app.url;
  };
  const [a, b] = [await start(), await start()];
  const hangUp = new AbortController();
  made.defer(async () => hangUp.abort());
  const ada = await listen(a, 'ada', hangUp.signal);
  const eve = await listen(a, 'eve', hangUp.signal);
  const near = await listen(b, 'ada', hangUp.signal);
  const client = new Client(b, headers(b, 'ada'));

  const { request, message } = await client.post('/imagine a mug ms=30 --steps 60');
  const shown = (heard: Heard[], id: string) =>
    heard.filter(({ name, data }) => name === 'message' && data['id'] === id);
  const ended = (heard: Heard[]) =>
    heard.filter(
      ({ name, data }) => name === 'job' && data['message'] === message.id && data['state'] === 'done',
    );
  await eventually('the end on both', () =>
    [ada, eve, near].every((one) => ended(one).length > 0 && shown(one, message.id).length > 1),
  );
  for (const heard of [ada, eve, near]) {
    assert.equal(shown(heard, request!.id).length, 1, "the user's words once");
    assert.equal(shown(heard, message.id).length, 2, 'the answer once as it begins and once as it ends');
    assert.equal(ended(heard).length, 1, 'one end');
  }
  const running = ada.filter(({ name, data }) => name === 'job' && data['state'] === 'running');
  assert.ok(
    running.some(({ data }) => Number(data['step']) > 0),
    'steps are seen',
  );
  assert.ok(
    running.some(({ data }) => String(data['preview']).startsWith('data:image/png')),
    'and previews',
  );
  const pictures = shown(ada, message.id).at(-1)!.data['pictures'];
  assert.equal((pictures as unknown[]).length, 1);

  const hidden = await client.post('/help');
  await eventually('the private answer', () => shown(ada, hidden.message.id).length === 1);
  assert.equal(hidden.message.private, true);
  assert.equal(shown(eve, hidden.message.id).length, 0, 'for its reader alone');

  const other = new Client(a, headers(a, 'ada'));
  assert.deepEqual(await other.messages(), await client.messages());

  // Each through the serve that does not follow the job.
  const long = await client.post('/imagine a boat ms=100 --steps 60');
  const of = (heard: Heard[], state: string) =>
    heard.filter(({ data }) => data['message'] === long.message.id && data['state'] === state);
  await eventually('it runs', () => of(ada, 'running').length > 0);
  const shownAtA = (await other.messages()).find(({ id }) => id === long.message.id);
  assert.equal(shownAtA?.job?.state, 'running', 'a fresh page knows too');
  const cancelled = await fetch(`${a}/api/jobs/${long.job!.id}`, {
    method: 'DELETE',
    headers: headers(a, 'ada'),
  });
  assert.equal(cancelled.status, 200);
  await eventually(
    'the cancel on both',
    () => of(ada, 'cancelled').length > 0 && of(near, 'cancelled').length > 0,
  );

  const asked = { message: message.id, action: `delete:${message.job!.id}`, values: {} };
  const button = await fetch(`${a}/api/actions`, {
    method: 'POST',
    headers: { ...headers(a, 'ada'), 'content-type': 'application/json' },
    body: JSON.stringify(asked),
  });
  assert.equal(button.status, 202);
  const gone = (heard: Heard[]) =>
    heard.filter(({ name, data }) => name === 'removed' && data['id'] === message.id);
  await eventually('the removal on both', () => gone(ada).length > 0 && gone(near).length > 0);
  await sleep(300);
  for (const heard of [ada, eve, near]) assert.equal(gone(heard).length, 1);
  assert.equal(of(ada, 'cancelled').length, 1);

  const database = await openServer({ url });
  made.defer(() => database.close());
  await database.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'darkroom listener'",
  );
  // What was told while nobody heard is read anew.
  await eventually('every page is told to read all', () =>
    [ada, near].every((heard) => heard.some(({ name }) => name === 'reset')),
  );
  const last = await client.post('/imagine a mug --steps 2');
  await eventually('the end on both again', () =>
    [ada, near].every((heard) =>
      heard.some(({ data }) => data['message'] === last.message.id && data['state'] === 'done'),
    ),
  );
});
