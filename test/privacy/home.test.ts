/** Nothing leaves the machine, and nothing is written outside the folders that the program is given. */
import assert from 'node:assert/strict';
import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MAIN = fileURLToPath(new URL('../../src/main.ts', import.meta.url));
const RECORDER = fileURLToPath(new URL('./recorder.ts', import.meta.url));

/** A home, a working folder and a temporary folder of their own, and an environment that names them. */
function newHome(t: TestContext) {
  const root = mkdtempSync(join(tmpdir(), 'darkroom-home-'));
  t.after(() => rmSync(root, { recursive: true, force: true }));
  const folder = (name: string) => {
    mkdirSync(join(root, name), { mode: 0o700 });
    return join(root, name);
  };
  const [home, work, temporary, data] = [folder('home'), folder('work'), folder('tmp'), folder('data')];
  const { ORT_DISABLE_TELEMETRY: _, ...env } = process.env;
  return {
    ...{ root, home, work, data },
    env: { ...env, HOME: home, XDG_CACHE_HOME: join(home, '.cache'), TMPDIR: temporary, DARKROOM_DATA: data },
  };
}

const isWrittenTo = (folder: string) => readdirSync(folder, { recursive: true });

/** Without a network of our own nothing can be recorded. */
const skip = (() => {
  if (process.platform !== 'linux') return 'network namespaces are Linux’s';
  try {
    execFileSync('unshare', ['--net', '--mount', '--map-root-user', 'ip', 'link', 'set', 'lo', 'up'], {
      stdio: 'ignore',
    });
    return false;
  } catch {
    return 'this user may make no network namespace';
  }
})();

/** Runs a program in a namespace whose only name server writes down what it is asked. */
async function record(root: string, env: NodeJS.ProcessEnv, cwd: string, ...program: readonly string[]) {
  const resolver = join(root, 'resolv.conf');
  writeFileSync(resolver, 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n');
  const script = `ip link set lo up && mount --bind ${resolver} /etc/resolv.conf && exec "$@"`;
  const inside = ['--net', '--mount', '--map-root-user', 'sh', '-c', script, 'sh'];
  const { stdout } = await run('unshare', [...inside, process.execPath, RECORDER, ...program], { env, cwd });
  return JSON.parse(stdout) as { readonly names: readonly string[]; readonly code: number };
}

test('the recorder records', { skip }, async (t) => {
  const { root, env, work } = newHome(t);
  const lookup = "require('dns').lookup('who.example.org', () => {})";
  const { names } = await record(root, env, work, process.execPath, '-e', lookup);
  assert.ok(names.includes('who.example.org'), names.join());
});

test('imagine looks up no name and writes only its picture', { skip }, async (t) => {
  const { root, env, home, work } = newHome(t);
  const out = join(work, 'mug.png');
  const { names, code } = await record(
    ...([root, env, work, process.execPath, MAIN, 'imagine', 'a red mug'] as const),
    ...['--steps', '2', '--seed', '1', '--out', out, '--progress', 'none'],
  );
  assert.deepEqual([code, names], [0, []]);
  assert.deepEqual(isWrittenTo(home), []);
  assert.deepEqual(isWrittenTo(work), ['mug.png']);
});

test('serve draws a picture and writes nothing outside its data folder; that is its own user’s alone', async (t) => {
  const { env, home, work, data } = newHome(t);
  const child = spawn(process.execPath, [MAIN, 'serve', '--threads', '1'], {
    env: { ...env, DARKROOM_PORT: '0', DARKROOM_LOG: 'silent', DARKROOM_WEB_USERS: 'header' },
    cwd: work,
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  t.after(() => child.kill('SIGKILL'));
  const [url] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  const headers = { 'x-darkroom-user': 'ada', origin: url };
  const body = new FormData();
  body.set('text', '/imagine a red mug --steps 2 --seed 1');
  const answer = await fetch(`${url}/api/messages`, { method: 'POST', body, headers });
  const { message } = (await answer.json()) as { message: { id: string } };
  for (let state = ''; state !== 'done'; ) {
    const list = (await (await fetch(`${url}/api/messages`, { headers })).json()) as {
      id: string;
      job?: { state: string };
    }[];
    state = list.find(({ id }) => id === message.id)?.job?.state ?? '';
    assert.notEqual(state, 'failed');
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  const exit = once(child, 'exit');
  child.kill('SIGTERM');
  assert.deepEqual(await exit, [0, null]);
  assert.deepEqual(isWrittenTo(home), []);
  assert.deepEqual(isWrittenTo(work), []);
  // Inside its own folder, which nobody else can enter, PostgreSQL chooses the modes.
  const open = execFileSync('find', [data, '-perm', '/077', '-not', '-path', `${data}/database/*`]);
  assert.equal(open.toString(), '');
});
