/** `darkroom queue` and `darkroom config` beside the `darkroom serve` that holds the data folder. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { createInterface } from 'node:readline';
import { after, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { askAtDoor, openDoor } from '../../src/shell/door.ts';
import { UsageError } from '../../src/shell/verb.ts';

const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const exec = promisify(execFile);
const servers = new Set<ChildProcess>();
after(() => {
  for (const server of servers) server.kill('SIGKILL');
});

function newFolder(t: { after(work: () => void): void }): string {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-door-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

async function serve(folder: string) {
  const env = { ...process.env, DARKROOM_DATA: folder, DARKROOM_PORT: '0', DARKROOM_WEB_USERS: 'header' };
  const child = spawn(process.execPath, [MAIN, 'serve'], { env });
  servers.add(child);
  child.stderr.resume();
  const lines = createInterface({ input: child.stdout });
  const url = await new Promise<string>((resolve) =>
    lines.on('line', (line) => line.startsWith('http://') && resolve(line)),
  );
  const headers = { 'x-darkroom-user': 'ada', origin: url };
  const stop = async (signal: NodeJS.Signals) => {
    const ended = once(child, 'exit');
    child.kill(signal);
    await ended;
    servers.delete(child);
  };
  const say = async (text: string) => {
    const body = new FormData();
    body.set('text', text);
    const answer = await fetch(`${url}/api/messages`, { method: 'POST', body, headers });
    return (await answer.json()) as { job?: { id: string } };
  };
  return { child, say, stop };
}

test('the serve that holds the folder does what the shell is asked, also in a folder of a long name', async (t) => {
  const folder = join(newFolder(t), 'a'.repeat(80), 'b'.repeat(80));
  mkdirSync(folder, { recursive: true });
  const darkroom = async (...args: string[]) => {
    const env = { ...process.env, DARKROOM_DATA: folder };
    return exec(process.execPath, [MAIN, ...args], { env });
  };
  // What takes a process of its own is shown by few of them.
  const asked = async (verb: 'queue' | 'config', ...args: string[]) => {
    const heard: string[] = [];
    const hear = (text: string) => void heard.push(text);
    assert.equal(await askAtDoor(folder, { verb, args, asker: 'ada' }, { say: hear, complain: hear }), 0);
    return heard.join('\n');
  };
  const first = await serve(folder);
  assert.equal(statSync(join(folder, 'serve.sock')).mode & 0o777, 0o600);
  assert.equal((await darkroom('queue', 'pause')).stdout, 'Paused.\n');
  const { job } = await first.say('/imagine a red mug --steps 4');
  assert.match(await asked('queue', 'list'), /^0 run, 1 wait, 1 worker; paused\n\S+ {2}queued/);
  assert.match(await asked('queue', 'drain'), /^Drained: no job runs, 1 wait/);
  assert.equal((await asked('queue', 'weight', 'web:ada', '3')).split(' in ')[0], 'web:ada has weight 3');
  assert.equal((await darkroom('queue', 'cancel', job!.id)).stdout, `Cancelled ${job!.id}.\n`);
  assert.match(await asked('queue', 'list'), /^0 run, 0 wait/);
  await assert.rejects(darkroom('queue', 'cancel', 'nothing'), { code: 2, stderr: /No job nothing waits/ });
  assert.equal(await asked('queue', 'resume'), 'Resumed.');
  assert.match(await asked('config', 'set', 'default_steps', '24'), /default_steps: .* -> 24/);
  await assert.rejects(darkroom('config', 'set', 'default_step', '24'), {
    code: 1,
    stderr: /^darkroom: .*default_steps/,
  });

  // What a killed one left of its door is in nobody's way.
  await first.stop('SIGKILL');
  assert.match((await darkroom('config', 'show')).stdout, /default_steps: Pictures take 24 steps/);
  const second = await serve(folder);
  assert.match(await asked('config', 'history'), /\d{4}-\d\d-\d\d \d\d:\d\d UTC, .*default_steps/);
  await second.stop('SIGTERM');
  assert.ok(!readdirSync(folder).some((name) => name === 'serve.sock' || name.startsWith('door-')));
});

test('who asks hears each line as it comes and is thrown what was thrown; who hangs up is noticed', async (t) => {
  const folder = newFolder(t);
  const gone = Promise.withResolvers<void>();
  const door = await openDoor(folder, async ({ args }, { say, complain }, signal) => {
    say(`hello ${args[0]}`);
    complain('well');
    if (args[0] === 'wait')
      await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()));
    if (args[0] === 'wait') gone.resolve();
    if (args[0] === 'wrong') throw new UsageError('Say it right.');
    if (args[0] === 'broken') throw new TypeError('x is undefined');
    return 7;
  });
  const heard: string[] = [];
  const voice = {
    say: (text: string) => heard.push(text),
    complain: (text: string) => heard.push(`! ${text}`),
  };
  const ask = (word: string, at = folder) =>
    askAtDoor(at, { verb: 'queue', args: [word], asker: 'ada' }, voice);
  assert.equal(await ask('ada'), 7);
  assert.equal(await ask('bo', relative('.', folder)), 7);
  assert.deepEqual(heard, ['hello ada', '! well', 'hello bo', '! well']);
  await assert.rejects(ask('wrong'), new UsageError('Say it right.'));
  // Whoever may ask is who runs serve: no log keeps the reason, so it is told.
  await assert.rejects(ask('broken'), {
    code: 'internal',
    message: 'Something went wrong here: TypeError: x is undefined.',
  });
  const silent = connect(join(folder, 'serve.sock'), () => silent.destroy());
  const hasty = connect(join(folder, 'serve.sock'), () => {
    hasty.write('{"verb":"queue","args":["wait"],"asker":"ada"}\n');
    hasty.once('data', () => hasty.destroy());
  });
  await gone.promise;
  const waiting = ask('wait');
  while (heard.at(-1) !== '! well' || heard.at(-2) !== 'hello wait')
    await new Promise((r) => setTimeout(r, 5));
  await door!.close();
  await assert.rejects(waiting, { code: 'internal', message: /ended before it answered/ });
  assert.equal(await ask('ada'), undefined);
});
