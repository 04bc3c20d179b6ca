/** The web chat behind a reverse proxy: a public address with a path, and errors as pages for browsers. */
import assert from 'node:assert/strict';
import { createServer, request as send } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { chatFor } from './stand-in.ts';

interface ProxyOptions {
  /** Whether the proxy removes the path from what it passes on. */
  readonly strips: boolean;
  /** The Host header that it sends. */
  readonly host: string;
}

/** A reverse proxy that serves the chat below /art. */
async function startProxy(t: TestContext, target: string, { strips, host }: ProxyOptions): Promise<string> {
  const { hostname, port } = new URL(target);
  const server = createServer((incoming, outgoing) => {
    const path = incoming.url!;
    const headers = { ...incoming.headers, host, 'x-forwarded-for': '203.0.113.5' };
    const passed = send(
      {
        hostname,
        port,
        method: incoming.method,
        path: strips ? path.slice('/art'.length) || '/' : path,
        headers,
      },
      (response) => {
        outgoing.writeHead(response.statusCode!, response.headers);
        response.pipe(outgoing);
      },
    );
    incoming.pipe(passed);
    outgoing.on('close', () => passed.destroy());
    passed.on('error', () => outgoing.destroy());
  }).listen(0, '127.0.0.1');
  await new Promise((resolve) => server.once('listening', resolve));
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const PUBLIC = { publicUrl: 'https://pictures.example/art', users: 'cookie' } as const;

for (const strips of [true, false]) {
  for (const host of ['pictures.example', '127.0.0.1:3000']) {
    test(`below a path, ${strips ? 'removed' : 'kept'} by the proxy, with the host ${host}`, async (t) => {
      const chat = await chatFor(t, PUBLIC);
      const proxy = await startProxy(t, chat.url, { strips, host });
      const page = await fetch(`${proxy}/art/`);
      assert.equal(page.status, 200);
      const cookies = page.headers.get('set-cookie') ?? '';
      assert.match(cookies, /^darkroom-[\w-]{8}=.*; Path=\/art\/; .*; Secure$/);
      const html = await page.text();
      assert.equal(/(?:src|href)="\//.test(html), false, 'links of the page are relative');
      assert.equal((await fetch(`${proxy}/art/main.js`)).status, 200);
      const cookie = cookies.split(';')[0]!;
      const form = new FormData();
      form.set('text', 'a mug');
      const post = (origin: string) =>
        fetch(`${proxy}/art/api/messages`, { method: 'POST', body: form, headers: { origin, cookie } });
      assert.equal((await post('https://evil.example')).status, 403);
      const accepted = await post('https://pictures.example');
      assert.equal(accepted.status, 202);
      const client = { headers: { cookie } };
      for (;;) {
        const messages = (await (await fetch(`${proxy}/art/api/messages`, client)).json()) as {
          pictures: { url: string }[];
        }[];
        const url = messages[1]?.pictures[0]?.url;
        if (url === undefined) continue;
        assert.match(url, /^\/art\/api\/pictures\//);
        assert.equal((await fetch(`${proxy}${url}`, client)).status, 200);
        break;
      }
      if (!strips) {
        const redirect = await fetch(`${proxy}/art`, { redirect: 'manual' });
        assert.equal(redirect.headers.get('location'), '/art/');
      }
    });
  }
}

test('a host that is neither ours nor the public one is told what to set', async (t) => {
  const chat = await chatFor(t);
  const proxy = await startProxy(t, chat.url, { strips: true, host: 'pictures.example' });
  const response = await fetch(`${proxy}/art/api/me`);
  assert.equal(response.status, 403);
  assert.match(await response.text(), /set DARKROOM_URL/);
});

test('browsers get errors as a page, programs as JSON; the page for the token opens the chat', async (t) => {
  const chat = await chatFor(t, { ...PUBLIC, token: 'a long enough token' });
  const browser = { accept: 'text/html,application/xhtml+xml,*/*;q=0.8', host: 'pictures.example' };
  const refused = await fetch(`${chat.url}/`, { headers: browser });
  assert.equal(refused.status, 401);
  assert.match(refused.headers.get('content-type') ?? '', /^text\/html/);
  const html = await refused.text();
  assert.match(html, /<form method="post" action="\/art\/token">/);
  for (const file of ['style.css', 'theme.css', 'error.css', 'theme.js', 'icon.svg']) {
    assert.ok(html.includes(`/art/${file}`));
    assert.equal((await fetch(`${chat.url}/${file}`)).status, 200, file);
  }
  const json = await fetch(`${chat.url}/api/me`);
  assert.equal(json.headers.get('content-type'), 'application/json');

  const open = (token: string) =>
    fetch(`${chat.url}/art/token`, {
      method: 'POST',
      body: new URLSearchParams({ token }),
      headers: { origin: 'https://pictures.example' },
      redirect: 'manual',
    });
  assert.equal((await open('wrong')).status, 401);
  const login = await open('a long enough token');
  assert.equal(login.status, 303);
  assert.equal(login.headers.get('location'), '/art/');
  const cookie = login.headers.get('set-cookie')!.split(';')[0]!;
  const missing = await fetch(`${chat.url}/<b>there</b>`, { headers: { ...browser, cookie } });
  assert.equal(missing.status, 404);
  assert.equal((await missing.text()).includes('<b>'), false);
});
