import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import { createParser } from 'eventsource-parser';
import { Identities } from '../../adapters/web/server/identity.ts';
import { RateLimit } from '../../adapters/web/server/rate-limit.ts';
import { sentence } from '../../src/sentences.ts';
import { PATIENCE } from '../patience.ts';
import { chatFor } from './stand-in.ts';

/** A call whose Host and path go out as they stand; fetch would mend them. */
function rawGet(url: string, path: string, headers: Record<string, string>): Promise<number> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    request({ hostname, port, path, headers }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    })
      .on('error', reject)
      .end();
  });
}

interface Read {
  readonly id: string | undefined;
  readonly event: string | undefined;
  readonly data: { id?: string; message?: string };
}

type IsLast = (event: Read) => boolean;

const readEvents = async (url: string, headers: Record<string, string>, isLast: IsLast) =>
  (await openEvents(url, headers))(isLast);

/** @returns reads events until `isLast`, then drops the connection */
async function openEvents(url: string, headers: Record<string, string>) {
  const cut = new AbortController();
  const signal = AbortSignal.any([cut.signal, AbortSignal.timeout(PATIENCE)]);
  const response = await fetch(`${url}/api/events`, { headers, signal });
  return (isLast: IsLast) => read(response, isLast).finally(() => cut.abort());
}

async function read(response: Response, isLast: IsLast): Promise<Read[]> {
  const events: Read[] = [];
  const parser = createParser({
    onEvent: ({ id, event, data }) => events.push({ id, event, data: JSON.parse(data) }),
  });
  const decoder = new TextDecoder();
  for await (const chunk of response.body!) {
    parser.feed(decoder.decode(chunk, { stream: true }));
    if (events.some(isLast)) break;
  }
  return events;
}

test('events tell of messages and jobs, and resume where they were cut off', async (t) => {
  const chat = await chatFor(t);
  chat.queue.held = true;
  const ada = chat.as('Ada');
  const eve = { 'x-darkroom-user': 'Eve' };
  const readFirst = await openEvents(chat.url, eve);
  const { request: own, message } = await ada.post('a mug');
  const [seen] = await readFirst(({ event, data }) => event === 'message' && data.id !== undefined);
  assert.equal(seen?.data.id, own.id);

  await ada.post('/help'); // private: Eve must not see it
  chat.queue.develop(chat.queue.jobs[0]!);
  await ada.until(message.id, (m) => m.job?.state === 'done');
  const missed = await readEvents(
    chat.url,
    { ...eve, 'last-event-id': seen!.id! },
    ({ event, data }) => event === 'message' && data.id === message.id && 'footer' in data,
  );
  assert.equal(
    missed.some(({ event, data }) => event === 'job' && data.message === message.id),
    true,
  );
  assert.equal(
    missed.some((event) => event.id === seen?.id),
    false,
  );
  const ids = new Set([own.id, message.id]);
  assert.equal(
    missed.every(({ event, data }) => ids.has((event === 'job' ? data.message : data.id) ?? '')),
    true,
  );

  const [reset] = await readEvents(chat.url, { ...eve, 'last-event-id': 'older-7' }, () => true);
  assert.equal(reset?.event, 'reset');
});

test('another host or origin is refused', async (t) => {
  const chat = await chatFor(t);
  assert.equal(await rawGet(chat.url, '/api/messages', { host: 'evil.example' }), 403);
  assert.equal(await rawGet(chat.url, '/api/messages', { host: 'localhost:3000' }), 200);
  const post = (origin: string) =>
    fetch(`${chat.url}/api/messages`, { method: 'POST', body: new FormData(), headers: { origin } });
  assert.equal((await post('https://evil.example')).status, 403);
  assert.equal((await post('null')).status, 403);
  assert.equal((await post(chat.url)).status, 400); // let in, and the prompt is empty
});

test('no path leaves the folders', async (t) => {
  const chat = await chatFor(t);
  for (const path of [
    '/api/pictures/..%2f..%2fsecret',
    '/api/pictures/../secret.png',
    '/api/pictures/%00.png',
    '/../server.ts',
    '/..%2fserver.ts',
    '/jsconfig.json',
    '/.env',
    `/api/pictures/${'0'.repeat(32)}.png`,
  ]) {
    assert.equal(await rawGet(chat.url, path, {}), 404, path);
  }
});

test('the page comes with a policy that runs no foreign script', async (t) => {
  const chat = await chatFor(t);
  const page = await fetch(`${chat.url}/`);
  assert.equal(page.status, 200);
  assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8');
  assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'; script-src 'self';/);
  assert.equal(page.headers.get('x-content-type-options'), 'nosniff');
  const script = await fetch(`${chat.url}/main.js`);
  assert.equal(script.headers.get('content-type'), 'text/javascript; charset=utf-8');
});

test('the page is in the language of the browser, its scripts and styles in one file each', async (t) => {
  const chat = await chatFor(t);
  for (const [language, lang, label] of [
    ['ko-KR,ko;q=0.9,en;q=0.8', 'ko', '보내기'],
    ['fr,en;q=0.5', 'en', 'Send'],
  ] as const) {
    const page = await (await fetch(`${chat.url}/`, { headers: { 'accept-language': language } })).text();
    assert.ok(page.includes(`<html lang="${lang}">`) && page.includes(`aria-label="${label}"`));
    assert.doesNotMatch(page, /\{\{/);
    const data = /id="sentences">(.*?)<\/script>/.exec(page)?.[1] ?? '';
    assert.deepEqual(JSON.parse(data).sentences['page.send'], [label]);
  }
  const script = await fetch(`${chat.url}/page.js`);
  const again = await fetch(`${chat.url}/page.js`, {
    headers: { 'if-none-match': script.headers.get('etag') ?? '' },
  });
  assert.deepEqual([script.status, again.status], [200, 304]);
  assert.equal(script.headers.get('content-encoding'), 'gzip');
  const styles = await fetch(`${chat.url}/page.css`, { headers: { 'accept-encoding': 'identity' } });
  assert.equal(styles.headers.get('content-encoding'), null);
  assert.match(await styles.text(), /\.composer/);
});

test('a body beyond the limit is refused with a sentence', async (t) => {
  const chat = await chatFor(t, { limits: { bodyBytes: 1024 * 1024 } });
  const file = new File([new Uint8Array(2 * 1024 * 1024)], 'a.png');
  const refused = await chat.as('Ada').post('a mug', { file });
  assert.equal(refused.status, 413);
  assert.match(refused.error?.message ?? '', /more than 1 MB/);
});

test('a flood is slowed down, one user at a time', async (t) => {
  const chat = await chatFor(t, { limits: { burst: 3, perSecond: 0.01 } });
  for (let i = 0; i < 3; i++) assert.equal((await chat.as('Ada').post('')).status, 400);
  assert.equal((await chat.as('Ada').post('')).status, 429);
  assert.equal((await chat.as('Eve').post('')).status, 400);
  const limit = new RateLimit({ burst: 1, perSecond: 1 }, (seconds) =>
    sentence('web.many_from_network', { seconds }),
  );
  limit.take('a', 1, 0);
  assert.throws(() => limit.take('a', 1, 500), { code: 'too_many' });
  limit.take('a', 1, 1600);
});

test('a signed cookie is the user; a forged one is a stranger', async (t) => {
  const chat = await chatFor(t, { users: 'cookie' });
  const first = await fetch(`${chat.url}/api/me`);
  const cookie = first.headers.get('set-cookie') ?? '';
  assert.match(cookie, /HttpOnly; SameSite=Lax/);
  const { id } = (await first.json()) as { id: string };
  const value = cookie.split(';')[0]!;
  const who = async (sent: string) => {
    const response = await fetch(`${chat.url}/api/me`, {
      headers: { cookie: sent, 'x-darkroom-user': 'Eve' },
    });
    return ((await response.json()) as { id: string }).id;
  };
  assert.equal(await who(value), id);
  assert.notEqual(await who(`${value}x`), id);
  assert.notEqual(await who(value.replace(/\.[^.]*$/, '')), id);
});

test('beyond loopback a token is needed, and opens once for good', async (t) => {
  const key = new Uint8Array(32);
  assert.throws(() => new Identities({ host: '0.0.0.0', users: 'cookie', secret: key }), {
    code: 'misconfigured',
    message: /DARKROOM_WEB_TOKEN/,
  });
  assert.throws(() => new Identities({ host: '0.0.0.0', users: 'header', token: 'x', secret: key }), {
    code: 'misconfigured',
  });

  const chat = await chatFor(t, { token: 'open sesame', users: 'cookie' });
  assert.equal((await fetch(`${chat.url}/api/messages`)).status, 401);
  assert.equal((await fetch(`${chat.url}/?token=wrong`)).status, 401);
  assert.equal((await fetch(`${chat.url}/healthz`)).status, 200);
  const bearer = await fetch(`${chat.url}/api/messages`, {
    headers: { authorization: 'Bearer open sesame' },
  });
  assert.equal(bearer.status, 200);
  const login = await fetch(`${chat.url}/?token=open%20sesame`, { redirect: 'manual' });
  assert.equal(login.status, 303);
  assert.equal(login.headers.get('location'), '/');
  const cookie = login.headers.get('set-cookie')!.split(';')[0]!;
  assert.equal((await fetch(`${chat.url}/api/messages`, { headers: { cookie } })).status, 200);
});

test('what operators and scripts read', async (t) => {
  const chat = await chatFor(t);
  await chat.as('Ada').draw('a mug');
  await chat.as('Ada').post('');
  assert.equal((await fetch(`${chat.url}/readyz`)).status, 200);
  const metrics = await (await fetch(`${chat.url}/metrics`)).text();
  assert.match(metrics, /^darkroom_messages_total 1$/m);
  assert.match(metrics, /^darkroom_jobs_total\{state="done"\} 1$/m);
  assert.match(metrics, /^darkroom_refusals_total\{code="bad_request"\} 1$/m);
  const openapi = (await (await fetch(`${chat.url}/api/openapi.json`)).json()) as {
    paths: object;
    components: { schemas: { Message: { properties: object } } };
  };
  assert.equal('/api/messages' in openapi.paths, true);
  // It describes every field.
  const messages = (await (await fetch(`${chat.url}/api/messages`)).json()) as object[];
  const described = Object.keys(openapi.components.schemas.Message.properties);
  const fields = new Set(messages.flatMap((message) => Object.keys(message)));
  assert.ok(fields.has('about'));
  assert.deepEqual([...fields.difference(new Set(described))], []);
  const { commands, gallery, words } = (await (await fetch(`${chat.url}/api/commands`)).json()) as {
    commands: { name: string; options: { name: string; flag?: string; min?: number }[] }[];
    gallery: unknown[];
    words: string[];
  };
  assert.deepEqual(
    commands.map(({ name }) => name),
    [
      ...['imagine', 'edit', 'sweep', 'recipe', 'find', 'queue', 'notify', 'style', 'wildcard', 'rules'],
      ...['config', 'models', 'review', 'ban', 'pause', 'usage', 'help'],
    ],
  );
  assert.equal(commands[0]?.options.find(({ name }) => name === 'seed')?.flag, '--seed');
  assert.equal(gallery.length, 1);
  assert.deepEqual(words, ['mug', 'boat']);
});
