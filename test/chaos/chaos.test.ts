/**
 * Nothing lost, nothing twice: processes are killed under load, and every promise is kept. This is the short form;
 * CHAOS_KILLS=30 kills each kind 30 times (npm run chaos).
 */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { openEmbedded } from '../../src/store/embedded.ts';
import { openServer } from '../../src/store/postgres.ts';
import { freePort, PostgresServer, skipServer } from '../queue/databases.ts';
import { Crowd, Member } from './cluster.ts';
import { checkLedger } from './ledger.ts';

const KILLS = Number(process.env['CHAOS_KILLS'] ?? 1);
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
      serve.killEngine();
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
      first.killEngine();
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
    for (const worker of workers) assert.equal(await worker.stop(), 0);
    assert.equal(await chat.stop(), 0);
    const database = await openServer({ url });
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
