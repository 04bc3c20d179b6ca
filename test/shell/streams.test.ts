/** What a terminal, a pipe or an editor does around the program: a clean end or one sentence, never a stack trace. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { ALLOCATOR } from '../../src/engine/process/process.ts';
import { createProgress, tellPicture } from '../../src/shell/progress.ts';
import { readRequests } from '../../src/shell/request-file.ts';
import { stopSignal } from '../../src/shell/stop-signal.ts';
import { outcome } from './outcome.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));
const bin = join(root, 'bin/darkroom.js');
const newFolder = () => mkdtempSync(join(tmpdir(), 'darkroom-streams-'));

async function shell(line: string, env: NodeJS.ProcessEnv = {}) {
  const child = spawn('bash', ['--norc', '-o', 'pipefail', '-c', line], {
    env: { PATH: process.env['PATH'], DARKROOM_DATA: newFolder(), ...env },
  });
  return outcome(child);
}
const darkroom = `"${process.execPath}" "${bin}"`;

test('a reader that has enough ends the program cleanly; a full disk is a sentence', async () => {
  const head = await shell(`${darkroom} models list | head -c 1`);
  assert.deepEqual([head.code, head.err], [0, '']);
  if (process.platform !== 'linux') return;
  const full = await shell(`${darkroom} models list > /dev/full`);
  assert.equal(full.code, 1);
  assert.equal(full.err, 'darkroom: The output cannot be written: the disk is full.\n');
});

test('the settings may come with a byte order mark, and nobody needs a HOME', async () => {
  const folder = newFolder();
  const settings = '{"DARKROOM_PORT": "4567"}';
  for (const bytes of [Buffer.from(`\uFEFF${settings}`), Buffer.from(`\uFEFF${settings}`, 'utf16le')]) {
    writeFileSync(join(folder, 's.json'), bytes);
    const { code, out, err } = await shell(`${darkroom} doctor --config "${folder}/s.json"`);
    assert.equal(code, 0, err);
    assert.match(out, /DARKROOM_PORT\s+4567\s+\(file\)/);
  }
});

test('requests may come with a byte order mark, in UTF-16 and with the line ends of Windows', async () => {
  const file = join(newFolder(), 'r.jsonl');
  const lines = '{"prompt": "차"}\r\n\r\n{"prompt": "b"}\r\n';
  for (const bytes of [
    Buffer.from(`\uFEFF${lines}`),
    Buffer.from(`\uFEFF${lines}`, 'utf16le'),
    Buffer.from(`\uFEFF${lines}`, 'utf16le').swap16(),
  ]) {
    writeFileSync(file, bytes);
    const tasks = await readRequests(file);
    assert.deepEqual(
      tasks.map(({ draft }) => draft),
      [{ prompt: '차' }, { prompt: 'b' }],
    );
  }
});

test('without the Node that npm fetches, a sentence says how to get it', async () => {
  const folder = newFolder();
  mkdirSync(join(folder, 'bin'));
  // An older Node, as far as the program can see.
  writeFileSync(
    join(folder, 'old.mjs'),
    "Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '20.11.0' } });",
  );
  cpSync(bin, join(folder, 'bin/darkroom.js'));
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  mkdirSync(join(folder, 'src'));
  symlinkSync(join(root, 'src/main.ts'), join(folder, 'src/main.ts'));
  const run = () =>
    shell(`"${process.execPath}" --import "${folder}/old.mjs" "${folder}/bin/darkroom.js" --version`);
  const none = await run();
  assert.equal(none.code, 1);
  assert.match(
    none.err,
    /^darkroom: Darkroom needs Node 24, and this is Node 20.11.0\. Run npm ci without --omit=optional.*\n$/,
  );
  const name = `node-${process.platform}-${process.arch}`;
  mkdirSync(join(folder, 'node_modules', name), { recursive: true });
  writeFileSync(join(folder, 'node_modules', name, 'package.json'), '{}');
  assert.deepEqual(await run(), none);
});

test('verbs that run models in their own process have the allocator of the inference process', async () => {
  const folder = newFolder();
  for (const name of ['bin', 'src']) mkdirSync(join(folder, name));
  cpSync(bin, join(folder, 'bin/darkroom.js'));
  writeFileSync(join(folder, 'package.json'), '{"type": "module"}');
  writeFileSync(join(folder, 'src/main.ts'), "console.log(process.env['GLIBC_TUNABLES'] ?? 'none');");
  const told = async (verb: string, before = '') =>
    (await shell(`${before} "${process.execPath}" "${folder}/bin/darkroom.js" ${verb}`)).out.trim();
  for (const verb of ['imagine', 'sweep', 'models verify'])
    assert.equal(await told(verb), ALLOCATOR.GLIBC_TUNABLES, verb);
  assert.equal(await told('imagine', 'GLIBC_TUNABLES=glibc.malloc.hugetlb=0'), 'glibc.malloc.hugetlb=0');
  assert.equal(await told('serve'), 'none');
});

test('progress fits the width of the terminal', () => {
  for (const columns of [0, 10, 24, 30, 40, 60, 80, 200]) {
    const lines: string[] = [];
    const output = { isTTY: true, columns, write: (text: string) => lines.push(text) };
    const progress = createProgress('auto', output);
    for (let step = 1; step <= 150; step++) progress.show(step, 150);
    for (const line of lines) {
      const shown = line.replace(/^\r/, '').replace('\x1b[K', '');
      assert.ok(shown.length < (columns || 80), `${columns}: ${shown.length}`);
    }
    if (columns >= 30) assert.match(lines.at(-1)!, /step 150 of 150, 0\.0 s left/);
  }
});

test('--progress json is an object a line: what is loaded, which picture of a sweep, each step', () => {
  const lines: string[] = [];
  const output = { isTTY: true, write: (text: string) => lines.push(text) };
  const progress = createProgress('json', output);
  progress.load('sdxl-base', { opened: 4e9, total: 7e9 });
  progress.load('sdxl-base', { opened: 7e9, total: 7e9 });
  progress.loaded();
  tellPicture('json', { picture: 1, pictures: 3, label: 'steps 10' }, output);
  progress.show(1, 2);
  progress.end();
  const events = lines.map((line) => {
    assert.ok(line.endsWith('\n'));
    return JSON.parse(line);
  });
  const loading = { event: 'loading', model: 'sdxl-base', total_bytes: 7e9 };
  assert.deepEqual(events.slice(0, 3), [
    { ...loading, opened_bytes: 4e9 },
    { ...loading, opened_bytes: 7e9 },
    { event: 'picture', picture: 1, pictures: 3, label: 'steps 10' },
  ]);
  assert.deepEqual({ ...events[3], eta_seconds: 0 }, { event: 'step', step: 1, steps: 2, eta_seconds: 0 });
});

test('one press of Ctrl-C stops cleanly, however often it arrives; a second one ends at once', async (t) => {
  const codes: number[] = [];
  let now = 1000;
  t.mock.method(performance, 'now', () => now);
  const before = process.listeners('SIGINT');
  const stopped = stopSignal((code) => codes.push(code));
  t.after(() => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      for (const listener of process.listeners(signal))
        if (!before.includes(listener)) process.off(signal, listener);
  });
  process.emit('SIGINT');
  await stopped;
  now += 40;
  process.emit('SIGINT');
  process.emit('SIGINT');
  assert.deepEqual(codes, []);
  now += 2000;
  process.emit('SIGINT');
  process.emit('SIGTERM');
  assert.deepEqual(codes, [130, 143]);
});
