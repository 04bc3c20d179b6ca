/** Nobody stops everybody: bodies, streams, new names and guesses are bounded before they cost anything. */
import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import { EventHub } from '../../adapters/web/conversation/event-hub.ts';
import { checkExposure } from '../../adapters/web/server/access.ts';
import { ClientAddresses } from '../../adapters/web/server/client-address.ts';
import { eventually } from '../patience.ts';
import { Client, chatFor } from './stand-in.ts';

const post = (url: string, type: string | undefined, body: string, headers: object = {}) =>
  fetch(`${url}/api/messages`, {
    method: 'POST',
    headers: { 'x-darkroom-user': 'ada', ...(type !== undefined && { 'content-type': type }), ...headers },
    body,
  });

const multipart = (parts: readonly string[]) =>
  `${parts.map((part) => `--b\r\n${part}\r\n`).join('')}--b--\r\n`;
const field = (name: string, value: string) =>
  `content-disposition: form-data; name="${name}"\r\n\r\n${value}`;

test('a message has one content type; any other body is refused and not parsed', async (t) => {
  const chat = await chatFor(t);
  const pairs = 'a&'.repeat(5_000_000);
  for (const type of ['application/x-www-form-urlencoded', 'text/plain', 'application/json', undefined]) {
    assert.equal((await post(chat.url, type, pairs)).status, 415, type);
  }
  assert.equal((await post(chat.url, 'multipart/form-data', 'x')).status, 415);
  assert.deepEqual(chat.errors, []);
});

test('fields, files and names are counted while they arrive', async (t) => {
  const chat = await chatFor(t);
  const type = 'multipart/form-data; boundary=b';
  const file = (name: string) => `content-disposition: form-data; name="${name}"; filename="a.png"\r\n\r\nx`;
  for (const [parts, status] of [
    [Array.from({ length: 150_000 }, () => field('text', '')), 400],
    [Array.from({ length: 100_000 }, () => file('files[]')), 413],
    [[field('text', 'a mug'), field('text', 'a boat')], 400],
    [[field('tekst', 'a mug')], 400],
    [[file('text')], 400],
    [[field('text', 'x'.repeat(2_000_000))], 413],
  ] as const) {
    const response = await post(chat.url, type, multipart(parts));
    assert.equal(response.status, status, `${parts.length} parts: ${await response.text()}`);
  }
  for (const broken of [
    '',
    '--b',
    '--b\r\n\r\n',
    '--c\r\n\r\n--c--',
    multipart([field('text', 'x')]).slice(0, -9),
  ]) {
    assert.equal((await post(chat.url, type, broken)).status, 400, JSON.stringify(broken));
  }
  assert.deepEqual(chat.errors, []);
  assert.deepEqual(uploads(), []);
});

const isUpload = (name: string) => name.startsWith('darkroom-upload-');
const before = new Set(readdirSync(tmpdir()).filter(isUpload));
/** What this test left in the folder for temporary files. */
const uploads = () => readdirSync(tmpdir()).filter((name) => isUpload(name) && !before.has(name));

function openUpload(url: string): Promise<Socket> {
  const { hostname, port } = new URL(url);
  return new Promise((resolve, reject) => {
    const socket = connect(Number(port), hostname, () => {
      socket.write(
        'POST /api/messages HTTP/1.1\r\nhost: localhost\r\nx-darkroom-user: eve\r\n' +
          'content-type: multipart/form-data; boundary=b\r\ncontent-length: 1000000\r\n\r\n--b\r\n',
      );
      resolve(socket);
    });
    socket.once('error', reject);
  });
}

test('unfinished uploads are few, and end', async (t) => {
  const chat = await chatFor(t, { limits: { openUploadsPerUser: 3, idleUploadMs: 500 } });
  const sockets = await Promise.all([1, 2, 3, 4, 5].map(() => openUpload(chat.url)));
  const answers = await Promise.all(
    sockets.map(
      (socket) =>
        new Promise<string>((resolve) => {
          let answer = '';
          socket.on('data', (bytes) => {
            answer += bytes;
          });
          socket.on('close', () => resolve(answer));
          socket.on('error', () => resolve(answer));
        }),
    ),
  );
  const statuses = answers.map((answer) => /^HTTP\/1.1 (\d+)/.exec(answer)?.[1]).sort();
  assert.deepEqual(statuses, ['408', '408', '408', '429', '429']);
  assert.equal((await new Client(chat.url, { 'x-darkroom-user': 'eve' }).post('a mug')).status, 202);
  assert.deepEqual(uploads(), []);
  assert.deepEqual(chat.errors, []);
});

test('an aborted upload leaves nothing behind', async (t) => {
  const chat = await chatFor(t);
  const socket = await openUpload(chat.url);
  await sleep(200);
  socket.destroy();
  await eventually('nothing is left', () => uploads().length === 0);
  assert.deepEqual(chat.errors, []);
});

test('HEAD opens no stream, and a reader ends with its request', async (t) => {
  const chat = await chatFor(t);
  const readers = async () => {
    const metrics = await (await fetch(`${chat.url}/metrics`)).text();
    return Number(/^darkroom_event_readers (\d+)$/m.exec(metrics)?.[1]);
  };
  for (let i = 0; i < 20; i++) {
    assert.equal((await fetch(`${chat.url}/api/events`, { method: 'HEAD' })).status, 405);
  }
  assert.equal(await readers(), 0);
  const cut = new AbortController();
  await fetch(`${chat.url}/api/events`, { signal: cut.signal });
  assert.equal(await readers(), 1);
  cut.abort();
  await eventually('the reader has ended', async () => (await readers()) === 0);
});

test('streams are limited per network and in all; an event is encoded once', () => {
  const hub = new EventHub(60_000, { perKey: 2, total: 3 });
  const open = (key: string) => hub.open({ user: 'web:a', key }, undefined);
  const first = open('a');
  open('a');
  assert.throws(() => open('a'), { code: 'too_many', message: /Your network has the chat open 2 times/ });
  open('b');
  assert.throws(() => open('c'), { code: 'too_many' });
  first.close();
  open('c');
  let encoded = 0;
  const data = { toJSON: () => ++encoded };
  hub.publish({ name: 'message', data });
  assert.equal(encoded, 1);
  hub.close();
});

/** A browser: it keeps its cookie. */
async function browserOf(url: string, address?: string) {
  const forwarded = address === undefined ? {} : { 'x-forwarded-for': address };
  const response = await fetch(`${url}/api/me`, { headers: forwarded });
  const cookie = response.headers.get('set-cookie')?.split(';')[0];
  const me = (await response.json()) as { id: string; name: string };
  return {
    status: response.status,
    me,
    client: new Client(url, { ...forwarded, ...(cookie && { cookie }) }),
  };
}

test('cookies are free, and so many names of one network are one user', async (t) => {
  const limits = { addressBurst: 20, addressPerSecond: 0.01 };
  const chat = await chatFor(t, { users: 'cookie', trustedProxies: ['127.0.0.1'], limits });
  chat.queue.held = true;
  const flood = await Promise.all(Array.from({ length: 40 }, () => browserOf(chat.url, '203.0.113.9')));
  assert.equal(flood.filter(({ status }) => status === 200).length, 30);
  assert.equal(flood.filter(({ status }) => status === 429).length, 10);
  const groups = new Set<string | undefined>();
  for (const { client } of flood.slice(0, 3)) await client.post('a mug');
  const honest = await browserOf(chat.url, '198.51.100.7');
  const { status } = await honest.client.post('a boat');
  assert.equal(status, 202);
  for (const { id } of chat.queue.jobs) groups.add((await chat.store.jobs.get(id))?.share?.group);
  assert.equal(groups.size, 2, 'one group a network');
  assert.equal(
    [...groups].every((group) => group?.startsWith('web-address:')),
    true,
  );
  assert.equal(
    [...groups].some((group) => group?.includes('203')),
    false,
    'no address is stored',
  );

  // Calls are counted by network as well.
  const statuses: number[] = [];
  for (let i = 0; i < 20; i++) statuses.push((await flood[i % 20]!.client.cancel('none')).status);
  assert.equal(statuses.includes(429), true);
  assert.equal((await honest.client.post('another boat')).status, 202);
});

test('a forwarded address counts only where the proxy is trusted', () => {
  const reported: string[] = [];
  const of = (trusted: string[], peer: string, forwarded?: string) =>
    new ClientAddresses(trusted, (proxy) => reported.push(proxy)).of({
      socket: { remoteAddress: peer },
      headers: { ...(forwarded !== undefined && { 'x-forwarded-for': forwarded }) },
    } as never);
  assert.equal(of([], '10.0.0.1', '1.2.3.4'), '10.0.0.1');
  assert.deepEqual(reported, ['10.0.0.1']);
  assert.equal(of(['10.0.0.0/8'], '::ffff:10.0.0.1', '6.6.6.6, 1.2.3.4'), '1.2.3.4');
  assert.equal(of(['10.0.0.0/8'], '10.0.0.1', '1.2.3.4, 10.2.2.2'), '1.2.3.4');
  assert.equal(of(['10.0.0.1'], '10.0.0.1', '[2001:db8::7]:443'), '2001:db8::7');
  assert.equal(of(['10.0.0.1'], '10.0.0.1', 'unknown'), '10.0.0.1');
  assert.throws(() => of(['10.0.0.0/33'], '10.0.0.1'), { code: 'misconfigured', message: /10\.0\.0\.0\/33/ });
  assert.throws(() => of(['proxy.example'], '10.0.0.1'), { code: 'misconfigured' });
});

test('names of guests differ, and nobody takes the name of another', async (t) => {
  const chat = await chatFor(t, { users: 'cookie' });
  const [a, b] = await Promise.all([browserOf(chat.url), browserOf(chat.url)]);
  assert.notEqual(a.me.name, b.me.name);
  assert.match(a.me.name, /^guest-[0-9a-f]{10}$/);
  const named = await chatFor(t);
  for (const name of ['Darkroom', 'darkroom', a.me.name]) {
    const response = await fetch(`${named.url}/api/me`, { headers: { 'x-darkroom-user': name } });
    assert.equal(response.status, 400, name);
  }
});

test('wrong tokens: a few guesses, a line in the log, and no short token', async (t) => {
  const notices: string[] = [];
  const token = 'a long enough token';
  const chat = await chatFor(t, { users: 'cookie', token, onNotice: (line) => notices.push(line) });
  const guess = async (given: string) =>
    (await fetch(`${chat.url}/api/me`, { headers: { authorization: `Bearer ${given}` } })).status;
  const statuses: number[] = [];
  for (let i = 0; i < 12; i++) statuses.push(await guess(`guess ${i}`));
  assert.deepEqual(new Set(statuses.slice(0, 10)), new Set([401]));
  assert.deepEqual(statuses.slice(10), [429, 429]);
  assert.equal(await guess(token), 429, 'what is right is not told either');
  assert.deepEqual(notices, ['web chat: wrong token from 127.0.0.1']);
  const options = { host: '127.0.0.1', users: 'cookie', token: 'x' } as const;
  assert.throws(() => checkExposure(options), { code: 'misconfigured', message: /needs at least 8/ });
});
