/** The whole program, as `npm start` runs it, under the blows a machine deals: a killed engine, a killed server. */
import assert from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { pino } from 'pino';
import { loadSettings } from '../config/settings.ts';
import { startApp } from '../src/app.ts';

const main = fileURLToPath(new URL('../src/main.ts', import.meta.url));
const servers = new Set<ChildProcess>();
after(() => {
  for (const server of servers) server.kill('SIGKILL');
});

interface Message {
  readonly id: string;
  readonly pictures: readonly { readonly url: string }[];
  readonly job?: { readonly id: string; readonly state: string; readonly step?: number };
}

async function serve(data: string) {
  const env = { ...process.env, DARKROOM_DATA: data, DARKROOM_PORT: '0', DARKROOM_LOG: 'info' };
  const child = spawn(process.execPath, [main, 'serve'], { env: { ...env, DARKROOM_WEB_USERS: 'header' } });
  servers.add(child);
  child.stderr.resume();
  const lines: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    child.once('exit', () => reject(new Error(`serve ended: ${lines.join('\n')}`)));
    createInterface({ input: child.stdout }).on('line', (line) => {
      lines.push(line);
      if (line.startsWith('http://')) resolve(line);
    });
  });
  const headers = { 'x-darkroom-user': 'ada', origin: url };
  return {
    child,
    lines,
    url,
    async say(text: string) {
      const form = new FormData();
      form.set('text', text);
      const answer = await fetch(`${url}/api/messages`, { method: 'POST', body: form, headers });
      const body = (await answer.json()) as { message: string | Message };
      assert.equal(answer.status, 202, JSON.stringify(body));
      return typeof body.message === 'string' ? body.message : body.message.id;
    },
    async message(id: string): Promise<Message> {
      const answer = await fetch(`${url}/api/messages`, { headers });
      const body = (await answer.json()) as Message[] | { messages: Message[] };
      const found = (Array.isArray(body) ? body : body.messages).find((message) => message.id === id);
      assert.ok(found, `no message ${id}`);
      return found;
    },
    picture: (path: string) => fetch(new URL(path, url), { headers }),
    async stop(signal: NodeJS.Signals) {
      child.removeAllListeners('exit');
      const ended = once(child, 'exit');
      child.kill(signal);
      servers.delete(child);
      return (await ended)[0] as number | null;
    },
  };
}
type Server = Awaited<ReturnType<typeof serve>>;

/** How long a picture may take is the machine's affair: only a job that has ended otherwise ends the wait. */
async function untilState(server: Server, id: string, state: string): Promise<Message> {
  for (;;) {
    const message = await server.message(id);
    const now = message.job?.state;
    if (now === state) return message;
    if (now !== 'queued' && now !== 'running')
      throw new Error(`${state} awaited: ${JSON.stringify(message)}`);
    await sleep(50);
  }
}

/** The process ids of the server's children, which is the engine alone. */
function children({ pid }: ChildProcess): number[] {
  const text = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return text.split(' ').filter(Boolean).map(Number);
}

const newFolder = () => mkdtempSync(join(tmpdir(), 'darkroom-app-'));

test('the engine is killed in mid-job: the chat answers, the job still ends as a picture', async () => {
  const server = await serve(newFolder());
  const id = await server.say('/imagine a red mug --steps 60 --enlarge off --seed 1');
  await untilState(server, id, 'running');
  for (const pid of children(server.child)) process.kill(pid, 'SIGKILL');
  assert.equal((await fetch(`${server.url}/healthz`)).status, 200);
  const message = await untilState(server, id, 'done');
  const png = await server.picture(message.pictures[0]!.url);
  assert.equal(png.headers.get('content-type'), 'image/png');
  assert.equal(await server.stop('SIGTERM'), 0);
});

test('the server is killed in mid-job: started again, it keeps the conversation and ends the job', async () => {
  const data = newFolder();
  const first = await serve(data);
  const done = await first.say('/imagine a blue car --steps 4 --enlarge off --seed 2');
  await untilState(first, done, 'done');
  const cut = await first.say('/imagine a cat --steps 60 --enlarge off --seed 3');
  await untilState(first, cut, 'running');
  await first.stop('SIGKILL');

  const second = await serve(data);
  const kept = await second.message(done);
  assert.equal((await second.picture(kept.pictures[0]!.url)).status, 200);
  await untilState(second, cut, 'done');
  assert.ok(second.lines.some((line) => line.includes('1 unfinished')));
  await second.stop('SIGTERM');
});

test('an orderly stop in mid-job keeps the job for the next start; no prompt is in the log', async () => {
  const data = newFolder();
  const first = await serve(data);
  const id = await first.say('/imagine a zebra in pyjamas --steps 60 --enlarge off --seed 4');
  await untilState(first, id, 'running');
  assert.equal(await first.stop('SIGTERM'), 0);
  const second = await serve(data);
  await untilState(second, id, 'done');
  await second.stop('SIGTERM');
  assert.ok(![...first.lines, ...second.lines].some((line) => line.includes('pyjamas')));
});

test('a stop while the model still opens is no error', async () => {
  const lines: string[] = [];
  const app = await startApp({
    settings: loadSettings({ DARKROOM_PORT: '0', DARKROOM_DATA: newFolder() }).settings,
    log: pino({ level: 'error' }, { write: (line: string) => void lines.push(line) }),
    engineFactory:
      'data:text/javascript,export const createEngine = () => ({ warm: () => new Promise(() => {}) });',
  });
  await app.stop();
  assert.deepEqual(lines, []);
});
