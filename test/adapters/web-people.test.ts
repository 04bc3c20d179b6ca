/** Names and roles of the web chat: what a stranger can and cannot become. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { chatFor } from './stand-in.ts';

type Chat = Awaited<ReturnType<typeof chatFor>>;

/** A browser with its cookie. */
class Browser {
  cookie = '';
  readonly url: string;
  constructor(chat: Chat) {
    this.url = chat.url;
  }
  async ask(path: string, init: RequestInit = {}) {
    const headers = new Headers(init.headers);
    if (this.cookie !== '') headers.set('cookie', this.cookie);
    const response = await fetch(`${this.url}${path}`, { redirect: 'manual', ...init, headers });
    this.cookie = response.headers.get('set-cookie')?.split(';')[0] ?? this.cookie;
    return response;
  }
  /** As a browser opens an address; fetch would send its own Sec-Fetch-Mode. */
  open(headers: Record<string, string> = {}, path = '/'): Promise<string> {
    return new Promise((resolve, reject) => {
      const sent = { 'sec-fetch-mode': 'navigate', accept: 'text/html', cookie: this.cookie, ...headers };
      request(`${this.url}${path}`, { headers: sent }, async (response) => {
        this.cookie = response.headers['set-cookie']?.[0]?.split(';')[0] ?? this.cookie;
        resolve(await text(response));
      })
        .on('error', reject)
        .end();
    });
  }
  form = (path: string, fields: Record<string, string>) =>
    this.ask(path, { method: 'POST', body: new URLSearchParams(fields), headers: { accept: 'text/html' } });
  async json(path: string, body: object) {
    const init = {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    };
    const response = await this.ask(path, init);
    return {
      status: response.status,
      ...((await response.json()) as { url?: string; name?: string; error?: { message: string } }),
    };
  }
  me = async () => (await (await this.ask('/api/me')).json()) as { id: string; name: string; role: string };
  /** Whether admins' commands answer. */
  async administers() {
    const form = new FormData();
    form.set('text', '/config set default_steps 20');
    return (await this.ask('/api/messages', { method: 'POST', body: form })).status === 202;
  }
  link = async (name: string, admin = false) =>
    new URL((await this.json('/api/links', { name, admin })).url!);
  follow = (url: URL) => this.form('/link', { code: url.searchParams.get('code')! });
}

test('the first browser on this machine is the operator, and only that one', async (t) => {
  const chat = await chatFor(t, { users: 'cookie' });
  const [script, proxied, first, second] = Array.from({ length: 4 }, () => new Browser(chat));
  await script!.ask('/');
  await proxied!.open({ 'x-forwarded-for': '203.0.113.7' });
  assert.equal((await proxied!.me()).role, 'member');
  await first!.open();
  await second!.open();
  assert.deepEqual(
    [(await script!.me()).role, (await first!.me()).role, (await second!.me()).role],
    ['member', 'operator', 'member'],
  );
  assert.equal(await first!.administers(), true);
  assert.equal(await second!.administers(), false);
});

test('behind a token or a public address nobody becomes the operator by being first', async (t) => {
  const chat = await chatFor(t, { users: 'cookie', publicUrl: 'https://example.org/darkroom' });
  const browser = new Browser(chat);
  await browser.open({ host: '127.0.0.1' });
  assert.equal((await browser.me()).role, 'member');
});

test('a name belongs to the one who took it, however it is spelled, also after they took another', async (t) => {
  const chat = await chatFor(t, { users: 'cookie' });
  const [ada, eve] = [new Browser(chat), new Browser(chat)];
  assert.equal((await ada.json('/api/me', { name: ' Ada  Lovelace ' })).name, 'Ada Lovelace');
  for (const name of ['Ada Lovelace', 'ada lovelace', 'ADA-LOVELACE', 'Ａda Lovelace', 'ada.lovelace_']) {
    assert.equal((await eve.json('/api/me', { name })).status, 403, name);
  }
  assert.equal((await ada.json('/api/me', { name: 'Countess' })).status, 200);
  assert.equal((await eve.json('/api/me', { name: 'Ada Lovelace' })).status, 403);
  assert.equal((await ada.json('/api/me', { name: 'Ada Lovelace' })).status, 200);
  for (const name of [
    '',
    'Darkroom',
    'd a r k room',
    'guest-1',
    'Аda' /* Cyrillic */,
    '\u3164',
    'a'.repeat(41),
    '<b>',
  ]) {
    assert.equal((await eve.json('/api/me', { name })).status, 400, name);
  }
  for (const name of ['admin', 'Operator']) assert.equal((await eve.json('/api/me', { name })).status, 403);
  for (let i = 0; i < 5; i++) assert.equal((await eve.json('/api/me', { name: `Eve ${i}` })).status, 200);
  assert.equal((await eve.json('/api/me', { name: 'Eve 5' })).status, 429);
  assert.equal((await eve.me()).name, 'Eve 4');
  assert.equal((await eve.json('/api/me', { name: 'Eve 0' })).status, 200);
});

test('an admin is who got the name by a link, not who chose it', async (t) => {
  const chat = await chatFor(t, { users: 'cookie', admins: ['web:ada', 'discord:1'] });
  const [operator, eve, ada, phone] = Array.from({ length: 4 }, () => new Browser(chat));
  await operator!.open();
  // A listed name cannot be chosen, under any spelling.
  assert.equal((await eve!.json('/api/me', { name: 'A.D.A' })).status, 403);
  assert.equal((await eve!.json('/api/links', { name: 'eve', admin: true })).status, 403);
  assert.equal((await eve!.json('/api/links', { name: 'friend' })).status, 403);

  const url = await operator!.link('Ada');
  // A preview of the link does not use it up, and nobody becomes Ada by it.
  assert.match(await eve!.open({}, `${url.pathname}${url.search}`), /Come in as Ada/);
  assert.equal((await operator!.follow(url)).status, 403);
  assert.equal((await ada!.follow(url)).status, 303);
  assert.deepEqual([(await ada!.me()).name, await ada!.administers()], ['Ada', true]);
  assert.equal((await eve!.follow(url)).status, 404);
  assert.equal((await eve!.form('/link', { code: 'x' })).status, 404);

  // A second link is the same person in another browser; other admins cannot make one.
  assert.equal((await ada!.json('/api/links', { name: 'Ada' })).status, 403);
  assert.equal((await ada!.json('/api/links', { name: 'Bob', admin: true })).status, 403);
  await phone!.follow(await operator!.link('ada'));
  assert.equal((await phone!.me()).id, (await ada!.me()).id);
});

test('a guest who took the name of an admin to come does not become one', async (t) => {
  const chat = await chatFor(t, { users: 'cookie' });
  const [operator, eve, grace] = Array.from({ length: 3 }, () => new Browser(chat));
  await operator!.open();
  await eve!.json('/api/me', { name: 'Grace' });
  const { id } = await eve!.me();
  await grace!.follow(await operator!.link('Grace', true));
  assert.equal((await grace!.me()).role, 'admin');
  const after = await eve!.me();
  assert.deepEqual([after.id, after.role, after.name.startsWith('guest-')], [id, 'member', true]);
  assert.notEqual((await grace!.me()).id, id);
  assert.equal(await eve!.administers(), false);
});

test('a ban by name reaches the user who has it', async (t) => {
  const chat = await chatFor(t, { users: 'cookie' });
  const [operator, eve] = [new Browser(chat), new Browser(chat)];
  await operator.open();
  await eve.json('/api/me', { name: 'Eve' });
  const say = async (browser: Browser, words: string) => {
    const form = new FormData();
    form.set('text', words);
    return (await browser.ask('/api/messages', { method: 'POST', body: form })).status;
  };
  assert.equal(await say(operator, '/ban add @Eve'), 202);
  assert.equal(await say(eve, 'a mug'), 403);
  assert.equal(await say(operator, 'a mug'), 202);
});

test('the door asks for the token and a name, and says what is wrong with either', async (t) => {
  const chat = await chatFor(t, { users: 'cookie', token: 'open sesame' });
  const [ada, eve] = [new Browser(chat), new Browser(chat)];
  const page = await ada.open();
  assert.match(page, /<input id="token"[^>]*>[\s\S]*<input id="name"/);
  assert.match(
    await (await ada.form('/token', { token: 'guess', name: 'Ada' })).text(),
    /That is not the token/,
  );
  assert.equal((await ada.form('/token', { token: 'open sesame', name: 'Ada' })).status, 303);
  assert.equal((await ada.me()).name, 'Ada');
  const taken = await eve.form('/token', { token: 'open sesame', name: 'ada' });
  const again = await taken.text();
  assert.equal(taken.status, 403);
  assert.match(again, /belongs to somebody else/);
  assert.doesNotMatch(again, /id="token"/);
  assert.equal((await eve.form('/token', { name: 'Eve' })).status, 303);
  assert.equal((await eve.me()).name, 'Eve');
  const markup = await eve.form('/token', { name: '"><script>' });
  assert.doesNotMatch(await markup.text(), /"><script>/);
});

test('a link opens a chat with a token without it', async (t) => {
  const chat = await chatFor(t, { users: 'cookie', token: 'open sesame' });
  await chat.store.people.invite('c'.repeat(32), { name: 'Ada', role: 'admin' });
  const ada = new Browser(chat);
  assert.equal((await ada.form('/link', { code: 'd'.repeat(32) })).status, 404);
  assert.equal((await ada.ask('/api/me')).status, 401);
  assert.equal((await ada.form('/link', { code: 'c'.repeat(32) })).status, 303);
  assert.deepEqual([(await ada.me()).name, (await ada.me()).role], ['Ada', 'admin']);
});

test("the operator cancels anybody's job and removes anybody's message; a member only their own", async (t) => {
  const chat = await chatFor(t, { users: 'cookie' });
  const [operator, ada, eve] = Array.from({ length: 3 }, () => new Browser(chat));
  await operator!.open();
  chat.queue.held = true;
  const form = new FormData();
  form.set('text', 'a mug');
  const answer = await ada!.ask('/api/messages', { method: 'POST', body: form });
  const { request, job } = (await answer.json()) as { request: { id: string }; job: { id: string } };
  const remove = async (browser: Browser, path: string) =>
    (await browser.ask(path, { method: 'DELETE' })).status;
  for (const path of [`/api/jobs/${job.id}`, `/api/messages/${request.id}`]) {
    assert.equal(await remove(eve!, path), 403, path);
    assert.equal(await remove(operator!, path), 200, path);
  }
  assert.deepEqual(await (await ada!.ask('/api/messages')).json(), []);
});
