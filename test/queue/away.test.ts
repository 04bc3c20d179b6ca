/** What jobs depend on fails: the database is away for a while, the disk is full, the clock jumps. */
import assert from 'node:assert/strict';
import { execFileSync, spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { on, once } from 'node:events';
import { cpSync, globSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { loadSettings } from '../../config/settings.ts';
import { startApp } from '../../src/app.ts';
import type { DarkroomError } from '../../src/errors.ts';
import { createLogger } from '../../src/log.ts';
import { openStore } from '../../src/store/store.ts';
import { Client } from '../adapters/stand-in.ts';
import { eventually } from '../patience.ts';
import { PostgresServer, skipServer } from './databases.ts';

const engineFactory = new URL('../engine/stand-in.ts', import.meta.url).href;
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const PANIC = new URL('./panic.ts', import.meta.url).href;
const log = createLogger('silent', false);

/** Undone in the order opposite to that it was done in. */
const newStack = () => new AsyncDisposableStack();
type Stack = AsyncDisposableStack;

function newFolder(made: Stack): string {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-away-'));
  made.defer(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function start(made: Stack, more: Readonly<Record<string, string>>) {
  const env = { DARKROOM_PORT: '0', DARKROOM_WEB_USERS: 'header', ...more };
  const app = await startApp({ settings: loadSettings(env).settings, log, engineFactory });
  made.defer(() => app.stop());
  return new Client(app.url, { 'x-darkroom-user': 'ada', origin: app.url });
}

/** @returns false where this user may mount nothing */
function mountSmall(folder: string, made: Stack): boolean {
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=80m', 'tmpfs', folder], { stdio: 'ignore' });
  } catch {
    return false;
  }
  made.defer(() => void execFileSync('umount', ['-l', folder]));
  return true;
}

async function ended(client: Client, id: string) {
  return eventually(`the job of message ${id} ends`, async () => {
    const job = (await client.messages()).find((one) => one.id === id)?.job;
    return (job?.state === 'done' || job?.state === 'failed') && job;
  });
}

test('the database goes away for some seconds: the chat says so, nothing is lost, work goes on', {
  skip: skipServer,
}, async () => {
  await using made = newStack();
  const server = await PostgresServer.start();
  made.defer(() => server.stop());
  const client = await start(made, { DATABASE_URL: await server.database(), DARKROOM_DATA: newFolder(made) });
  const accepted = [];
  for (let i = 0; i < 3; i++)
    accepted.push((await client.post(`/imagine a mug --steps 60 --seed ${i}`)).message.id);
  await server.kill();
  const refused = await client.post('/imagine a boat');
  assert.equal(refused.status, 500);
  assert.match(refused.error!.message, /cannot reach its database/);
  assert.equal((await fetch(`${client.url}/readyz`)).status, 503);
  assert.equal((await fetch(`${client.url}/healthz`)).status, 200);
  await sleep(4000);
  await server.run();
  for (const id of accepted) assert.equal((await ended(client, id)).state, 'done');
  const later = await client.post('/imagine a ship --steps 2');
  assert.equal((await ended(client, later.message.id)).state, 'done');
  const shown = (await client.messages()).filter(({ job }) => job !== undefined);
  assert.equal(shown.length, 4, 'each once');
});

test('the disk for pictures is full in mid-run: the job ends with a sentence, no half a picture stays, and the next one is drawn', async (t) => {
  await using made = newStack();
  const folder = newFolder(made);
  const pictures = join(folder, 'pictures');
  mkdirSync(pictures);
  try {
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=4k', 'tmpfs', pictures], { stdio: 'ignore' });
  } catch {
    return t.skip('only root may mount a small disk');
  }
  made.defer(() => void execFileSync('umount', ['-l', pictures]));
  const client = await start(made, { DARKROOM_DATA: folder });
  execFileSync('sh', ['-c', `head -c 4096 /dev/zero > ${join(pictures, 'ballast')}`]);
  const full = await client.post('/imagine a mug --steps 2');
  const job = await ended(client, full.message.id);
  assert.equal(job.state, 'failed');
  assert.match(job.error!.message, /disk for pictures is full/);
  assert.deepEqual(readdirSync(pictures), ['ballast']);
  execFileSync('mount', ['-o', 'remount,size=4m', pictures]);
  const free = await client.post('/imagine a mug --steps 2');
  assert.equal((await ended(client, free.message.id)).state, 'done');
});

test('the disk of the embedded database is full: submissions are refused with a sentence, accepted jobs end, all is there after a restart', async (t) => {
  await using made = newStack();
  const folder = newFolder(made);
  if (!mountSmall(folder, made)) return t.skip('only root may mount a small disk');
  const lines: string[] = [];
  const loud = createLogger('error', false);
  loud.error = (_: unknown, text?: string) => void lines.push(text ?? '');
  const env = { DARKROOM_PORT: '0', DARKROOM_WEB_USERS: 'header', DARKROOM_DATA: folder };
  const { settings } = loadSettings(env);
  const app = await startApp({ settings, log: loud, engineFactory });
  const client = new Client(app.url, { 'x-darkroom-user': 'ada', origin: app.url });
  const accepted = [(await client.post('/imagine a mug ms=100 --steps 20')).message.id];
  const ballast = join(folder, 'ballast');
  execFileSync('sh', ['-c', `cat /dev/zero > ${ballast} 2>&- || true`]);
  let refusal: string | undefined;
  for (let i = 0; i < 40 && refusal === undefined; i++) {
    const { status, message, error } = await client.post(`/imagine a boat ${'x'.repeat(9000)}`);
    if (status === 202) accepted.push(message.id);
    else refusal = error!.message;
  }
  assert.match(refusal ?? '', /database is full.*freed/);
  const isReady = async () => (await fetch(`${app.url}/readyz`)).status === 200;
  await sleep(2500);
  assert.equal(await isReady(), false);
  assert.equal(lines.filter((line) => /database is full/.test(line)).length, 1, 'logged once');
  rmSync(ballast);
  await eventually('the program is ready again', isReady);
  for (const id of accepted) assert.match((await ended(client, id)).state, /done|failed/);
  await app.stop();
  const again = await start(made, { DARKROOM_DATA: folder });
  for (const id of accepted) assert.match((await ended(again, id)).state, /done|failed/);
  const later = await again.post('/imagine a ship --steps 2');
  assert.equal((await ended(again, later.message.id)).state, 'done');
});

test('the embedded database has no room to write down what changes: it says so, and the next one goes on', async (t) => {
  await using made = newStack();
  const folder = newFolder(made);
  if (!mountSmall(folder, made)) return t.skip('only root may mount a small disk');
  const store = await openStore({ folder });
  const { database } = store;
  await database.query('create table page (number int primary key, text text) with (fillfactor = 30)');
  // Changed in place, a row needs no room of its own: only the log of changes grows.
  const write = (number: number) =>
    database.query(
      'insert into page values ($1, $2) on conflict (number) do update set text = excluded.text',
      [number, randomBytes(700).toString('hex')],
    );
  for (let i = 0; i < 20; i++) await write(i);
  execFileSync('sh', ['-c', `cat /dev/zero > ${join(folder, 'ballast')} 2>&- || true`]);
  let said: DarkroomError | undefined;
  void store.lost!.then((error) => (said = error));
  for (let i = 0; said === undefined && i < 20_000; i++) await write(i % 20).catch(() => undefined);
  assert.match(said?.message ?? '', /had to stop: its disk is full/);
  // What a process that has ended leaves behind.
  const left = newFolder(made);
  cpSync(join(folder, 'database'), join(left, 'database'), { recursive: true });
  const again = await openStore({ folder: left });
  assert.equal((await again.database.query('select 1 from page')).length, 20);
  await again.close();
});

test('the embedded database stops in mid-run: so does the program, with a sentence', async () => {
  await using made = newStack();
  const env = { ...process.env, DARKROOM_PORT: '0', DARKROOM_DATA: newFolder(made) };
  const child = spawn(process.execPath, ['--import', PANIC, MAIN, 'serve', '--threads', '1'], { env });
  made.defer(() => void child.kill('SIGKILL'));
  const exit = once(child, 'exit');
  let complaints = '';
  child.stderr.on('data', (text) => {
    complaints += text;
  });
  // Its address, once it listens.
  for await (const [text] of on(child.stdout, 'data')) if (/^http:/m.test(String(text))) break;
  child.kill('SIGUSR2');
  const [code] = await exit;
  assert.equal(code, 1);
  assert.match(
    complaints,
    /^darkroom: The embedded database had to stop: its disk is full\..*start Darkroom again/m,
  );
});

test('leases, charges and times left follow the database’s clock or one that never jumps', () => {
  const queue = fileURLToPath(new URL('../../src/queue/', import.meta.url));
  const readers = globSync('*.ts', { cwd: queue }).filter((file) =>
    /Date\.now|new Date\(\)/.test(readFileSync(join(queue, file), 'utf8')),
  );
  assert.deepEqual(readers, []);
});
