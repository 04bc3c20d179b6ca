/** One large file in ranges that come side by side, and servers that make it hard. */
import assert from 'node:assert/strict';
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { loadSettings } from '../../config/settings.ts';
import { createDownloads } from '../../src/model-downloads.ts';
import { temporaryFolder } from '../models/forge.ts';
import { answer, type Fault, listen, openHubs, sendRange } from './hubs.ts';

const PATIENCE = { tries: 3, pause: 1, longestWait: 5000, silence: 2000 };
const PIECES = { least: 100_000, bytes: 30_000, atOnce: 3 };
const WEIGHTS = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * 31 + (i >> 8)) % 251));
const RANGES = ['0-29999', '30000-59999', '60000-89999', '90000-119999', '120000-149999', '150000-179999'];
const ALL = [...RANGES, '180000-199999'].map((range) => `bytes=${range}`);

async function setUp(t: TestContext) {
  const hubs = await openHubs(t);
  const home = await temporaryFolder(t);
  const folder = join(home, 'models');
  writeFileSync(join(home, 'empty.json'), '{}');
  hubs.repositories.set('ada/one', { files: { 'one.safetensors': WEIGHTS }, token: 'hf_right' });
  const given = { HF_ENDPOINT: hubs.hub, HF_HOME: home, HF_TOKEN: 'hf_right' };
  const { settings } = loadSettings(given, join(home, 'empty.json'));
  const add = async (address = 'ada/one', signal?: AbortSignal) => {
    const downloads = createDownloads(settings, {
      patience: PATIENCE,
      pieces: PIECES,
    });
    const plan = await downloads.plan(downloads.parse(address), async () => 'float32');
    const { path } = await downloads.fetch(plan, folder, { signal, onProgress: () => {} });
    return readFileSync(path);
  };
  const asked = () => hubs.seen.filter(({ host }) => host === 'files').map(({ range }) => range ?? 'all');
  const fail = (...faults: Fault[]) => hubs.faults.set('one.safetensors', faults);
  /** Names of what is left of a download. */
  const left = () =>
    readdirSync(join(folder, '.incoming'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ name }) => name)
      .sort();
  return { hubs, folder, add, asked, fail, left };
}

/** As a server that reads the range, under an ETag. */
const tagged =
  (etag: string): Fault =>
  (request, response, bytes) => {
    response.setHeader('etag', etag);
    sendRange(request, response, bytes);
  };

test('a large file comes in pieces side by side, and the token stays with the hub', async (t) => {
  const { hubs, add, asked, fail, left } = await setUp(t);
  let [now, most] = [0, 0];
  const slow: Fault = (request, response, bytes) => {
    most = Math.max(most, ++now);
    setTimeout(() => {
      now--;
      sendRange(request, response, bytes);
    }, 50);
  };
  fail(...ALL.map(() => slow));
  assert.deepEqual(await add(), WEIGHTS);
  assert.deepEqual(asked().toSorted(), ALL.toSorted());
  assert.equal(most, 3);
  assert.ok(hubs.seen.some(({ host, token }) => host === 'hub' && token === 'Bearer hf_right'));
  assert.ok(hubs.seen.every(({ host, token }) => host === 'hub' || token === undefined));
  assert.deepEqual(left(), []);
});

test('a piece that breaks off goes on where it was, in this run and in the next', async (t) => {
  const { hubs, folder, add, asked, fail, left } = await setUp(t);
  const broken: Fault = (request, response, bytes) => {
    const [, from, to] = /^bytes=(\d+)-(\d+)$/.exec(request.headers.range!)!.map(Number);
    response.writeHead(206, {
      'content-length': to! - from! + 1,
      'content-range': `bytes ${from}-${to}/${bytes.length}`,
    });
    response.write(bytes.subarray(from, from! + 10_000), () => setTimeout(() => response.destroy(), 20));
  };
  fail(broken, answer(429, { 'retry-after': '0' }));
  assert.deepEqual(await add(), WEIGHTS);
  assert.ok(asked().includes('bytes=10000-29999'), asked().join());

  hubs.seen.length = 0;
  hubs.repositories.set('ada/two', { files: { 'two.safetensors': WEIGHTS } });
  hubs.faults.set('two.safetensors', [
    (request, response, bytes) => sendRange(request, response, bytes),
    broken,
    ...Array.from({ length: 20 }, () => answer(503)),
  ]);
  await assert.rejects(add('ada/two'), { code: 'not_found', message: /answered 503, 3 times in a row/ });
  assert.ok(!existsSync(join(folder, 'two.safetensors')));
  assert.deepEqual(left(), ['two.safetensors.part', 'two.safetensors.part.json']);
  hubs.faults.clear();
  hubs.seen.length = 0;
  assert.deepEqual(await add('ada/two'), WEIGHTS);
  // The first piece is there, and ten thousand bytes of another one.
  assert.equal(asked().length, 6);
  assert.ok(!asked().includes(ALL[0]!));
  assert.equal(asked().filter((range) => !ALL.includes(range)).length, 1);
});

const whole: Fault = (_request, response, bytes) =>
  void response.writeHead(200, { 'content-length': bytes.length }).end(bytes);
const HARD: [what: string, ...Fault[]][] = [
  ['ignores ranges', ...Array.from({ length: 9 }, () => whole)],
  ['has no such range', tagged('"a"'), answer(416)],
  ['has another file by now', tagged('"a"'), tagged('"b"'), tagged('"a"')],
  [
    'sends another part',
    (_request, response, bytes) => {
      response.writeHead(206, { 'content-range': `bytes 5-9/${bytes.length}`, 'content-length': 5 });
      response.end(bytes.subarray(5, 10));
    },
  ],
  [
    'has a file of another size',
    (request, response, bytes) => sendRange(request, response, Buffer.concat([bytes, bytes])),
  ],
];
for (const [what, ...faults] of HARD) {
  test(`a server that ${what} is asked for the file in one row`, async (t) => {
    const { add, asked, fail, left } = await setUp(t);
    fail(...faults);
    assert.deepEqual(await add(), WEIGHTS);
    assert.equal(asked().at(-1), 'all');
    assert.deepEqual(left(), []);
  });
}

test('pieces with other bytes than the hub names are thrown away; a full disk is said', async (t) => {
  const { hubs, folder, add, fail, left } = await setUp(t);
  fail((request, response, bytes) => sendRange(request, response, Buffer.alloc(bytes.length)));
  await assert.rejects(add(), { code: 'bad_model', message: /one\.safetensors came damaged: its SHA-256/ });
  assert.deepEqual(left(), []);

  hubs.repositories.set('ada/full', { files: { 'full.safetensors': WEIGHTS } });
  hubs.faults.set(
    'full.safetensors',
    Array.from({ length: 9 }, () => answer(503)),
  );
  await assert.rejects(add('ada/full'), { message: /503/ });
  const [incoming = ''] = readdirSync(join(folder, '.incoming')).filter((name) => name.startsWith('full'));
  const part = join(folder, '.incoming', incoming, 'full.safetensors.part');
  hubs.faults.clear();
  (await import('node:fs')).rmSync(part);
  symlinkSync('/dev/full', part);
  await assert.rejects(add('ada/full'), { code: 'too_large', message: /cannot be stored: the disk is full/ });
});

test('a download that is cancelled ends at once, and what has come is kept', async (t) => {
  const { add, asked, fail, left, hubs } = await setUp(t);
  const cancelled = new AbortController();
  const open: ServerResponse[] = [];
  const hanging: Fault = (_request, response) => void open.push(response);
  fail((request, response, bytes) => sendRange(request, response, bytes), hanging, hanging, hanging);
  const adding = add('ada/one', cancelled.signal);
  while (open.length < 3) await sleep(5);
  cancelled.abort();
  await assert.rejects(adding, { code: 'cancelled' });
  for (const response of open) response.destroy();
  assert.deepEqual(left(), ['one.safetensors.part', 'one.safetensors.part.json']);
  hubs.seen.length = 0;
  assert.deepEqual(await add(), WEIGHTS);
  assert.deepEqual(asked().toSorted(), ALL.slice(1).toSorted());
});

test('a file without a hash comes in pieces only under a strong ETag, which each piece must match', async (t) => {
  const { add } = await setUp(t);
  const asked: [string | undefined, string | undefined][] = [];
  let etag = '"1"';
  const origin = await listen(t, (request, response) => {
    asked.push([request.headers.range, request.headers['if-range'] as string | undefined]);
    response.setHeader('etag', etag);
    // RFC 9110, section 13.1.5: the whole file where it is another one.
    if (request.headers['if-range'] !== undefined && request.headers['if-range'] !== etag)
      return whole(request, response, WEIGHTS);
    return sendRange(request, response, WEIGHTS);
  });
  assert.deepEqual(await add(`${origin}/x.safetensors`), WEIGHTS);
  assert.deepEqual(asked.slice(1).toSorted(), ALL.map((range) => [range, '"1"']).toSorted() as typeof asked);
  asked.length = 0;
  etag = 'W/"1"';
  assert.deepEqual(await add(`${origin}/y.safetensors`), WEIGHTS);
  assert.deepEqual(asked.slice(1), [[undefined, undefined]]);
});
