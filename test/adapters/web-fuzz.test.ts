/** Any text in any field of any call is refused or used, and never an internal error. */
import assert from 'node:assert/strict';
import { request } from 'node:http';
import { test } from 'node:test';
import fc from 'fast-check';
import { chatFor } from './stand-in.ts';

/** A call whose path and body go out as they are. */
function call(
  url: string,
  method: string,
  path: string,
  type?: string,
  body: string | Buffer = '',
): Promise<number> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const headers = { 'x-darkroom-user': 'ada', ...(type !== undefined && { 'content-type': type }) };
    request({ hostname, port, path, method, headers }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    })
      .on('error', reject)
      .end(body);
  });
}

const HOSTILE = [
  '\0',
  'a\0b',
  '__proto__',
  'constructor',
  'toString',
  '\ud800',
  '\u202e',
  "'; drop table darkroom.message; --",
  '%00',
  '../../etc/passwd',
  '{}',
  '[]',
  '-1',
  'NaN',
  '1e999',
  'null',
  'x'.repeat(5000),
];
const COMMANDS = [
  '/imagine a mug --region X',
  '/imagine a mug --style X',
  '/imagine a mug --sampler X',
  '/imagine a mug --seed X',
  '/imagine X',
  '/edit X',
  '/style add X a mug, {prompt}',
  '/style remove X',
  '/config set default_style X',
  '/config set X 1',
  '/config set allowed_models X',
  '/config set channels X',
  '/config show X',
  '/models X',
  '/ban add X',
  '/recipe X',
  '/X',
  'X',
];

const form = (fields: Readonly<Record<string, string>>, file = 'a.png') =>
  Buffer.from(
    `${Object.entries(fields)
      .map(([name, value]) => `--b\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`)
      .join(
        '',
      )}--b\r\ncontent-disposition: form-data; name="files[]"; filename="${file}"\r\n\r\nx\r\n--b--\r\n`,
  );
const MULTIPART = 'multipart/form-data; boundary=b';

test('NUL, prototypes and other hostile text in every field: refused or used, never a 500', async (t) => {
  const chat = await chatFor(t, { limits: { burst: 100_000 } });
  const ada = chat.as('ada');
  const done = await ada.draw('/imagine a red mug --seed 3');
  const { url } = chat;
  const wrong: string[] = [];
  const check = async (label: string, status: Promise<number>) => {
    if ((await status) >= 500) wrong.push(`${label}: ${await status}`);
  };
  const json = 'application/json';
  for (const text of HOSTILE) {
    const encoded = encodeURIComponent(text.toWellFormed());
    for (const command of COMMANDS) {
      const line = command.replace('X', () => text);
      await check(
        line,
        ada.post(line).then(({ status }) => status),
      );
    }
    await check(
      'reply_to',
      call(url, 'POST', '/api/messages', MULTIPART, form({ text: 'a', reply_to: text })),
    );
    await check('file name', call(url, 'POST', '/api/messages', MULTIPART, form({ text: 'a' }, text)));
    await check('field', call(url, 'POST', '/api/messages', MULTIPART, form({ [text]: 'a' })));
    for (const path of [
      `/api/messages?after=${encoded}`,
      `/api/messages?before=${encoded}`,
      `/api/messages?limit=${encoded}`,
      `/api/pictures/${encoded}.png`,
      `/${encoded}`,
      `/?token=${encoded}`,
    ]) {
      await check(path, call(url, 'GET', path));
    }
    await check('job', call(url, 'DELETE', `/api/jobs/${encoded}`));
    await check('message', call(url, 'DELETE', `/api/messages/${encoded}`));
    const { id: message } = done;
    const edit = `edit:${done.job?.id}`;
    for (const body of [
      { message: text, action: edit },
      { message, action: text },
      { message, action: edit, values: { prompt: text } },
      { message, action: edit, values: { [text]: 'a' } },
      { message, action: edit, values: { prompt: 'a boat', region: text } },
      { message, action: edit, values: { prompt: 'a boat', strength: text } },
      { message, action: edit, values: { prompt: { text } } },
      { message, action: edit, values: text },
    ]) {
      await check(JSON.stringify(body), call(url, 'POST', '/api/actions', json, JSON.stringify(body)));
    }
    await check('body', call(url, 'POST', '/api/actions', json, text));
    await check(
      'token',
      call(url, 'POST', '/token', 'application/x-www-form-urlencoded', `token=${encoded}`),
    );
  }
  await check('nesting', call(url, 'POST', '/api/actions', json, `{"values":${'['.repeat(100_000)}`));
  assert.deepEqual(wrong, []);
  assert.deepEqual(chat.errors, []);
});

test('random paths and bodies: never a 500', async (t) => {
  const chat = await chatFor(t, { limits: { burst: 100_000 } });
  const method = fc.constantFrom('GET', 'POST', 'DELETE', 'PUT', 'HEAD', 'OPTIONS');
  const path = fc.oneof(
    fc.constantFrom('/api/messages', '/api/actions', '/api/jobs/x', '/api/me', '/token', '/metrics', '/'),
    fc.webPath(),
  );
  const type = fc.constantFrom(MULTIPART, 'application/json', 'text/plain', 'multipart/form-data; boundary=');
  const body = fc.oneof(fc.string({ unit: 'binary' }), fc.json());
  await fc.assert(
    fc.asyncProperty(method, path, type, body, async (method, path, type, body) => {
      assert.ok((await call(chat.url, method, path, type, Buffer.from(body))) < 500);
    }),
    { numRuns: 300 },
  );
  assert.deepEqual(chat.errors, []);
});
