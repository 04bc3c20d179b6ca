/**
 * Nothing lost, nothing twice: processes are killed under load, and every promise is kept. This is the short form;
 * CHAOS_KILLS=30 kills each kind 30 times (npm run chaos).
 */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { askAtDoor } from '../../src/shell/door.ts';
import { openEmbedded } from '../../src/store/embedded.ts';
import { openServer } from '../../src/store/postgres.ts';
import type { Sql } from '../../src/store/sql.ts';
import { freePort, PostgresServer, skipServer } from '../queue/databases.ts';
import { Crowd, Member } from './cluster.ts';
import { checkLedger } from './ledger.ts';

const KILLS = Number(process.env['CHAOS_KILLS'] ?? 1);
/** Jobs that wait when a process is killed. */
const WAITING = KILLS > 1 ? 1000 : 60;
const NODE = fileURLToPath(new URL('./node.ts', import.meta.url));
/** Milliseconds until all have ended: leases, and the hold on an end that is being shown, have to lapse first. */
const PATIENCE = 90_000;
/** What the database says of jobs that have not ended or are not shown. */
async function tellAlive(url: string): Promise<string> {
  const database = await openServer({ url });
  const alive = await database.query(
    `select j.id, j.state, j.tries, j.ticket, j.attempt, o.taken_until, o.tries as shows, b.state as boss, b.retry_count
     from darkroom.job j left join darkroom.outbox o on o.job = j.id
       left join darkroom_boss.job b on b.id = j.ticket
     where j.state in ('queued', 'running') or o.job is not null`,
  );
  await database.close();
  return JSON.stringify(alive);
}

/** An end whose note was cut off is shown again some seconds later, and only then counts as shown. */
async function allShown(database: Sql): Promise<void> {
  const until = Date.now() + PATIENCE;
  while (Date.now() < until) {
    const [left] = await database.query<{ count: number }>('select count(*)::int from darkroom.outbox');
    if (left!.count === 0) return;
    await sleep(500);
  }
}

/** Runs `serve` in namespaces of its own, as a container has them. @returns why it ended; undefined where that cannot be tried */
async function container(node: string, env: NodeJS.ProcessEnv): Promise<string | undefined> {
  const inside = ['--pid', '--fork', '--kill-child', '--uts', '--map-root-user'];
  try {
    execFileSync('unshare', [...inside, 'true'], { stdio: 'ignore' });
  } catch {
    return undefined;
  }
  const child = spawn('unshare', [...inside, process.execPath, node, 'serve'], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  let complaints = '';
  child.stderr.on('data', (text) => {
    complaints += text;
  });
  const [code] = (await once(child, 'exit')) as [number | null];
  assert.equal(code, 1, complaints);
  return complaints;
}

/** Between two blows, at a random moment of the work. */
const breath = () => sleep(300 + Math.random() * 900);

test('one process: kill -9 of it and of its engine', async () => {
  const data = mkdtempSync(join(tmpdir(), 'darkroom-chaos-'));
  const port = await freePort();
  const serve = new Member('serve', { DARKROOM_DATA: data, DARKROOM_PORT: `${port}` });
  await serve.start();
  const crowd = new Crowd(`http://127.0.0.1:${port}`, 6, 150);
  try {
    for (let i = 0; i < 2 * KILLS; i++) {
      await breath();
      serve.signalEngine('SIGKILL');
      await breath();
      await serve.kill();
      await serve.start();
    }
    await breath();
    await crowd.stop();
    const messages = await crowd.settled(PATIENCE);
    assert.ok(messages.length > 5, `${messages.length} promises`);
    assert.equal(await serve.stop(), 0);
    const database = await openEmbedded(data);
    await checkLedger(database, messages);
    await database.close();
  } finally {
    await crowd.stop();
    await serve.kill();
    rmSync(data, { recursive: true, force: true });
  }
});

test('one process: an engine that hangs, a platform that never answers, another container on its folder, many that wait', async () => {
  const data = mkdtempSync(join(tmpdir(), 'darkroom-chaos-'));
  const silent = createServer().listen(0, '127.0.0.1');
  await once(silent, 'listening');
  const port = await freePort();
  const env = {
    ...{ DARKROOM_DATA: data, DARKROOM_PORT: `${port}`, CALL_LIMIT: '3' },
    ...{ SLACK_BOT_TOKEN: 'xoxb-1', SLACK_APP_TOKEN: 'xapp-1' },
    SLACK_API_URL: `http://127.0.0.1:${(silent.address() as AddressInfo).port}/api/`,
  };
  const url = `http://127.0.0.1:${port}`;
  const serve = new Member('serve', env);
  await serve.start();
  const crowd = new Crowd(url, 6, 150);
  const operate = (action: string) =>
    askAtDoor(
      data,
      { verb: 'queue', args: [action], asker: 'chaos' },
      { say: () => {}, complain: (text) => assert.fail(text) },
    );
  try {
    await operate('pause');
    await crowd.flood(WAITING);
    await serve.kill();
    await serve.start();
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    assert.equal((await fetch(`${url}/readyz`)).status, 503, 'Slack is set up and does not answer');
    const second = await container(NODE, { ...env, DARKROOM_PORT: '0' });
    if (second !== undefined) assert.match(second, /is in use by process/);
    await operate('resume');
    for (let i = 0; i < KILLS; i++) {
      await breath();
      serve.signalEngine('SIGSTOP');
      await sleep(6000);
    }
    await crowd.stop();
    const messages = await crowd.settled(PATIENCE + WAITING * 300);
    assert.ok(messages.length >= WAITING, `${messages.length} promises`);
    assert.equal(await serve.stop(), 0);
    const database = await openEmbedded(data);
    await checkLedger(database, messages);
    await database.close();
  } finally {
    await crowd.stop();
    await serve.kill();
    silent.close();
    rmSync(data, { recursive: true, force: true });
  }
});

test('many processes: kill -9 of chat, worker, engine and PostgreSQL, and a worker that sleeps past its lease', {
  skip: skipServer,
}, async () => {
  const postgres = await PostgresServer.start();
  const url = await postgres.database();
  const data = mkdtempSync(join(tmpdir(), 'darkroom-chaos-'));
  const port = await freePort();
  const env = { DATABASE_URL: url, DARKROOM_DATA: data, DARKROOM_PORT: `${port}` };
  const chat = new Member('chat', env);
  await chat.start();
  const workers = [new Member('worker', env), new Member('worker', env), new Member('worker', env)];
  await Promise.all(workers.map((worker) => worker.start()));
  const crowd = new Crowd(`http://127.0.0.1:${port}`, 8, 150);
  try {
    const [first, second, sleeper] = workers as [Member, Member, Member];
    // Longer than its lease; it wakes to find its jobs another's.
    await breath();
    sleeper.signal('SIGSTOP');
    const slept = sleep(20_000);
    for (let i = 0; i < KILLS; i++) {
      await breath();
      first.signalEngine('SIGKILL');
      await breath();
      await second.kill();
      await second.start();
      await breath();
      await chat.kill();
      await chat.start();
      await breath();
      await postgres.kill();
      await sleep(500);
      await postgres.run();
    }
    await breath();
    await crowd.stop();
    await slept;
    sleeper.signal('SIGCONT');
    const messages = await crowd.settled(PATIENCE).catch(async (error: unknown) => {
      throw new Error(await tellAlive(url), { cause: error });
    });
    assert.ok(messages.length > 5, `${messages.length} promises`);
    const database = await openServer({ url });
    await allShown(database);
    for (const worker of workers) assert.equal(await worker.stop(), 0);
    assert.equal(await chat.stop(), 0);
    await checkLedger(database, messages);
    await database.close();
  } finally {
    await crowd.stop();
    for (const member of [chat, ...workers]) {
      member.signal('SIGCONT');
      await member.kill();
    }
    await postgres.stop();
    rmSync(data, { recursive: true, force: true });
  }
});
