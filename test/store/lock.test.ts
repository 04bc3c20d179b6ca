/** One process for one data folder: between processes, containers and after crashes, and when somebody deletes the lock. */
import assert from 'node:assert/strict';
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { type TestContext, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { openEmbedded } from '../../src/store/embedded.ts';
import { lockFolder } from '../../src/store/lock.ts';

const LOCK = fileURLToPath(new URL('../../src/store/lock.ts', import.meta.url));
/** Namespaces of its own for processes, network and names, as a container has them. */
const CONTAINER = ['--pid', '--fork', '--kill-child', '--net', '--uts', '--map-root-user'];
const skipContainer = (() => {
  try {
    execFileSync('unshare', [...CONTAINER, 'true'], { stdio: 'ignore' });
    return false;
  } catch {
    return 'this user may make no namespaces';
  }
})();

function newFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-lock-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'data'));
  return join(folder, 'data');
}

/** A process that takes the lock of a folder. @returns it, and what it said: `held`, or why not */
async function contend(t: TestContext, folder: string, isContainer = false) {
  const code = `import { lockFolder } from ${JSON.stringify(LOCK)};
    try {
      await lockFolder(${JSON.stringify(folder)});
      console.log('held');
      setInterval(() => {}, 1000);
    } catch (error) { console.log(error.message); }`;
  const command = [process.execPath, '--input-type=module', '-e', code] as const;
  const [program, ...args] = isContainer ? ['unshare', ...CONTAINER, ...command] : command;
  const child = spawn(program!, args, { stdio: ['ignore', 'pipe', 'inherit'] });
  t.after(() => child.kill('SIGKILL'));
  const [line] = (await once(createInterface({ input: child.stdout }), 'line')) as [string];
  return { child, line };
}

async function kill(child: ChildProcess): Promise<void> {
  const ended = once(child, 'exit');
  child.kill('SIGKILL');
  await ended;
}

test('a second process is refused by the name of the first, also while that sleeps; a dead one holds nothing', async (t) => {
  const folder = newFolder(t);
  const { child, line } = await contend(t, folder);
  assert.equal(line, 'held');
  const refusal = { code: 'misconfigured', message: new RegExp(`in use by process ${child.pid}\\.`) };
  await assert.rejects(lockFolder(folder), refusal);
  child.kill('SIGSTOP');
  await assert.rejects(lockFolder(folder), refusal);
  await kill(child);
  const lock = await lockFolder(folder);
  lock.release();
  lock.release();
  (await lockFolder(folder)).release();
});

test('containers that share a folder exclude each other', { skip: skipContainer }, async (t) => {
  const folder = newFolder(t);
  const first = await contend(t, folder, true);
  assert.equal(first.line, 'held');
  assert.match((await contend(t, folder, true)).line, /in use by process/);
  await assert.rejects(lockFolder(folder), { code: 'misconfigured' });
  await kill(first.child);
  assert.equal((await contend(t, folder, true)).line, 'held');
});

test('only the folder itself is written, and a copy of it is free', async (t) => {
  const folder = newFolder(t);
  const lock = await lockFolder(folder);
  assert.deepEqual(readdirSync(join(folder, '..')), ['data']);
  cpSync(folder, `${folder}-copy`, { recursive: true });
  (await lockFolder(`${folder}-copy`)).release();
  lock.release();
});

test('a lock that is deleted by hand: the holder stops before anybody else starts, and writes nothing more', async (t) => {
  const folder = newFolder(t);
  const first = await openEmbedded(folder);
  await first.script('create table word (text text)');
  rmSync(join(folder, 'lock'));
  const opening = openEmbedded(folder);
  const error = await first.lost;
  assert.match(error.message, /lock of the data folder .* was deleted or replaced/);
  await assert.rejects(first.query("insert into word values ('late')"), { code: 'misconfigured' });
  await assert.rejects(first.close(), { code: 'misconfigured' });
  const second = await opening;
  assert.deepEqual(await second.query('select * from word'), []);
  assert.match(readFileSync(join(folder, 'lock-holder'), 'utf8'), new RegExp(`^${process.pid} `));
  await second.close();
});
