import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, beforeEach, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { cpuDevice, parseDevice } from '../../src/engine/device.ts';
import { probe } from '../../src/engine/probe.ts';
import { areSumsExact, SUMS, sumsFeeds } from '../../src/engine/probe-sums.ts';

const root = mkdtempSync(join(tmpdir(), 'darkroom-probe-'));
after(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  process.env['XDG_CACHE_HOME'] = mkdtempSync(join(root, 'cache-'));
});

/** A child that does this instead of probing. */
function child(body: string): URL {
  const file = join(mkdtempSync(join(root, 'child-')), 'child.mjs');
  writeFileSync(file, body);
  return pathToFileURL(file);
}

const card = parseDevice('cuda:0');

test('a device that gives the CPU’s numbers works', async () => {
  assert.deepEqual(await probe(cpuDevice({ threads: 1 })), { works: true, precision: 'float32' });
});

test('a device that cannot be opened does not work, and says why', async () => {
  const { works, reason } = await probe(parseDevice('cuda:0'));
  assert.ok(works || /cuda:0 cannot be used/.test(reason!), reason);
});

test('without a graphics driver webgpu says what it needs', async (t) => {
  const names = ['VK_ICD_FILENAMES', 'VK_DRIVER_FILES'] as const;
  const before = names.map((name) => process.env[name]);
  t.after(() =>
    names.forEach((name, i) => {
      if (before[i] === undefined) delete process.env[name];
      else process.env[name] = before[i];
    }),
  );
  for (const name of names) process.env[name] = join(root, 'none.json');
  if (process.platform !== 'linux') return;
  const { works, reason } = await probe(parseDevice('webgpu'));
  assert.equal(works, false);
  assert.match(reason!, /webgpu cannot be used: no graphics driver was found\. On Linux it needs libvulkan1/);
});

test('a provider that crashes or hangs in its probe harms nobody', async () => {
  const crash = await probe(card, {
    child: child("process.kill(process.pid, 'SIGSEGV'); setInterval(() => {}, 1000);"),
  });
  assert.match(
    crash.reason!,
    /^it crashed \(SIGSEGV\); it is tried again with another driver, or once \S+ is deleted$/,
  );
  const other = parseDevice('cuda:1');
  const told: string[] = [];
  const hang = await probe(other, {
    child: child('setInterval(() => {}, 1000);'),
    ...{ seconds: 1, slowAfter: 0.5, onSlow: (what: string) => told.push(what) },
  });
  assert.deepEqual(told, [
    'Still testing the device cuda:1: its driver has not answered for 0.5 s, and may take up to 1 s.',
  ]);
  assert.match(hang.reason!, /^it did not answer within 1 s; it is tried again with/);
  assert.deepEqual([crash.works, hang.works], [false, false]);
  // Neither is asked again by the next start.
  const works = child('process.send({ works: true }); setInterval(() => {}, 1000);');
  assert.deepEqual(await probe(card, { child: works }), crash);
});

test('a graphics device that crashes over float16 is used in float32', async () => {
  const body = `
    const { precision } = JSON.parse(process.argv[2]);
    if (precision === 'float16') process.kill(process.pid, 'SIGABRT');
    else process.send({ works: true, precision });
    setInterval(() => {}, 1000);`;
  assert.deepEqual(await probe(parseDevice('webgpu'), { child: child(body) }), {
    works: true,
    precision: 'float32',
  });
});

test('a graphics device that adds up in float16 is used in float32, and that it has float16 is kept', async () => {
  const body = `
    const { precision } = JSON.parse(process.argv[2]);
    process.send(precision === 'float16'
      ? { works: false, reason: 'it adds up products in float16', addsInFloat16: true }
      : { works: true, precision });
    setInterval(() => {}, 1000);`;
  const answer = { works: true, precision: 'float32', addsInFloat16: true };
  assert.deepEqual(await probe(parseDevice('webgpu'), { child: child(body) }), answer);
  assert.deepEqual(await probe(parseDevice('webgpu'), { child: child('process.exit(1)') }), answer);
});

test('sums that are rounded to float16 on their way are found, rounded inputs and outputs are not', () => {
  const { x, matrix } = sumsFeeds();
  const { rows, terms, columns } = SUMS;
  const product = (of: (value: number) => number, add: (value: number) => number) =>
    Float32Array.from({ length: rows * columns }, (_, i) => {
      const [row, column] = [Math.floor(i / columns), i % columns];
      let sum = 0;
      for (let k = 0; k < terms; k++)
        sum = add(
          sum + of(Number(x!.data[row * terms + k])) * of(Number(matrix!.data[k * columns + column])),
        );
      return of(sum);
    });
  const whole = (value: number) => value;
  const exact = product(whole, whole);
  assert.equal(areSumsExact([product(Math.f16round, whole)], [exact]).isExact, true);
  assert.equal(areSumsExact([product(Math.f16round, Math.f16round)], [exact]).isExact, false);
  assert.equal(areSumsExact([exact.fill(Number.NaN)], [exact]).isExact, false);
});

test('a device that cannot be opened is asked again by the next start: what it lacks may be there', async () => {
  const lacks =
    "process.send({ works: false, isUnopened: true, reason: 'no permission' }); setInterval(() => {}, 1000);";
  const third = parseDevice('cuda:3');
  assert.equal((await probe(third, { child: child(lacks) })).reason, 'no permission');
  assert.equal((await probe(third, { child: child('process.send({ works: true });') })).works, true);
});

test('the answer is kept by driver and version, and a damaged cache asks again', async () => {
  rmSync(join(process.env['XDG_CACHE_HOME']!, 'darkroom', 'devices.json'), { force: true });
  const once = child('process.send({ works: true });');
  assert.equal((await probe(card, { child: once })).works, true);
  assert.equal((await probe(card, { child: child('process.exit(1)') })).works, true);
  const file = join(process.env['XDG_CACHE_HOME']!, 'darkroom', 'devices.json');
  assert.match(readFileSync(file, 'utf8'), /onnxruntime \d+\.\d+\.\d+, driver \S+, cuda:0/);
  writeFileSync(file, '{');
  assert.equal((await probe(card, { child: child('process.exit(1)') })).works, false);
});
