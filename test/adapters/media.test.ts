/** Pictures from a host that answers with whatever it likes: each comes whole or is refused in a sentence. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type Server, type Socket } from 'node:net';
import { after, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import fc from 'fast-check';
import { fetchMedia, type MediaRules } from '../../adapters/media.ts';
import { DarkroomError } from '../../src/errors.ts';

const unhandled: unknown[] = [];
process.on('uncaughtException', (error) => unhandled.push(error));
process.on('unhandledRejection', (error) => unhandled.push(error));

/** A host on loopback that writes bytes at its own pace to whoever connects. */
async function hostile(answer: (socket: Socket, request: string) => void): Promise<Server & { url: string }> {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.once('data', (request) => answer(socket, request.toString('latin1')));
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  servers.push(server);
  return Object.assign(server, { url: `http://127.0.0.1:${port}/picture.png` });
}
const servers: Server[] = [];
after(() => {
  for (const server of servers) server.close();
});

const RULES: MediaRules = {
  hosts: ['files.slack.com'],
  furtherHosts: ['127.0.0.1'],
  maxBytes: 1 << 16,
  timeoutMs: 400,
  headers: { authorization: 'Bearer xoxb-secret' },
};
const http = (status: string, headers: readonly string[], body: Uint8Array | string = '') =>
  Buffer.concat([
    Buffer.from([`HTTP/1.1 ${status}`, ...headers, '', ''].join('\r\n'), 'latin1'),
    Buffer.from(body as string),
  ]);

async function refusalOf(work: Promise<unknown>): Promise<DarkroomError> {
  const error = await work.then(
    () => assert.fail('nothing was refused'),
    (e: unknown) => e,
  );
  assert.ok(error instanceof DarkroomError, String(error));
  assert.match(error.message, /[.!?]$/);
  return error;
}

test('a picture comes as it is', async () => {
  const { url } = await hostile((socket) => socket.end(http('200 OK', ['Connection: close'], 'pixels')));
  assert.equal(Buffer.from(await fetchMedia(url, RULES)).toString(), 'pixels');
});

test('an answer that is broken when the time is over breaks nothing', async () => {
  const packed = gzipSync(Buffer.alloc(100_000, 7));
  const { url } = await hostile((socket) => {
    socket.write(http('200 OK', ['Content-Encoding: gzip', 'Transfer-Encoding: chunked']));
    socket.write(`a\r\n${packed.subarray(0, 10).toString('latin1')}\r\n`, 'latin1');
    setTimeout(() => socket.end('40\r\nrubbish that is no deflate stream', 'latin1'), RULES.timeoutMs + 20);
  });
  assert.equal((await refusalOf(fetchMedia(url, RULES))).code, 'not_found');
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(unhandled, []);
});

test('a Location is checked, and not followed for ever', async () => {
  const to = async (location: string) => {
    const host = await hostile((socket) =>
      socket.end(http('302 Found', [`Location: ${location}`, 'Connection: close'])),
    );
    return refusalOf(fetchMedia(host.url, RULES));
  };
  for (const location of [
    'http://',
    'http://[',
    'https://files.slack.com:444/x',
    'http://files.slack.com/x',
    'https://files.slack.com@example.com/x',
    'https://ada:secret@127.0.0.1/x',
    'http://169.254.169.254/latest',
    'file:///etc/passwd',
    'data:image/png;base64,AA',
    'javascript:1',
  ]) {
    assert.equal((await to(location)).code, 'forbidden', location);
  }
  assert.equal((await to('/picture.png')).code, 'bad_picture');
});

test('a picture is refused as soon as it is too large, whatever its header says', async () => {
  const told = await hostile((socket) => socket.write(http('200 OK', ['Content-Length: 99999999'], 'x')));
  assert.equal((await refusalOf(fetchMedia(told.url, RULES))).code, 'too_large');
  let sent = 0;
  const endless = await hostile((socket) => {
    socket.write(http('200 OK', ['Connection: close']));
    const more = () => {
      while (!socket.destroyed && socket.write(Buffer.alloc(8192))) sent += 8192;
    };
    socket.on('drain', more);
    more();
  });
  assert.equal((await refusalOf(fetchMedia(endless.url, RULES))).code, 'too_large');
  assert.ok(sent < 50 << 20);
});

test('the token goes to the platform over TLS, and otherwise only to this machine', async () => {
  const seen: string[] = [];
  const host = await hostile((socket, request) => {
    seen.push(request);
    socket.end(http('200 OK', ['Connection: close'], 'x'));
  });
  await fetchMedia(host.url, RULES);
  assert.match(seen[0]!, /authorization: Bearer xoxb-secret/i);
  // Another name of this machine stands for a host of the operator's in the network.
  const port = new URL(host.url).port;
  const elsewhere = { ...RULES, furtherHosts: ['0.0.0.0'] };
  await fetchMedia(`http://0.0.0.0:${port}/x`, elsewhere);
  assert.doesNotMatch(seen[1]!, /authorization/i);
  assert.equal((await refusalOf(fetchMedia('http://files.slack.com/x', RULES))).code, 'forbidden');
});

test('whatever a host answers, it comes or is refused, and nothing is left unhandled', async () => {
  const header = fc.constantFrom(
    'Content-Length: -1',
    'Content-Length: 5',
    'Content-Length: x',
    'Content-Encoding: gzip',
    'Content-Encoding: br',
    'Transfer-Encoding: chunked',
    'Location: http://[',
    'Location: /picture.png',
    'Upgrade: websocket\r\nConnection: upgrade',
    'Connection: keep-alive',
    `X: ${'y'.repeat(20_000)}`,
    'no colon',
  );
  const status = fc.constantFrom(
    '200 OK',
    '204 No',
    '101 Switch',
    '100 Wait',
    '206 Part',
    '302 Go',
    '500 No',
    'x',
    '',
  );
  const answers = fc.record({
    status,
    headers: fc.array(header, { maxLength: 4 }),
    body: fc.uint8Array({ maxLength: 400 }),
    cut: fc.nat(600),
    isReset: fc.boolean(),
    late: fc.constantFrom(0, 0, 0, 130),
  });
  let current: Parameters<typeof respond>[1] | undefined;
  function respond(
    socket: Socket,
    given: {
      status: string;
      headers: string[];
      body: Uint8Array;
      cut: number;
      isReset: boolean;
      late: number;
    },
  ) {
    const bytes = http(given.status, given.headers, given.body);
    const at = given.cut % (bytes.length + 1);
    socket.write(bytes.subarray(0, at));
    const finish = () => {
      if (socket.destroyed) return;
      if (given.isReset) socket.resetAndDestroy();
      else socket.end(bytes.subarray(at));
    };
    if (given.late > 0) setTimeout(finish, given.late);
    else finish();
  }
  const { url } = await hostile((socket) => respond(socket, current!));
  await fc.assert(
    fc.asyncProperty(answers, async (given) => {
      current = given;
      await fetchMedia(url, { ...RULES, timeoutMs: 100 }).catch((error: unknown) => {
        if (!(error instanceof DarkroomError)) throw error;
      });
    }),
    { numRuns: 200, seed: 11 },
  );
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.deepEqual(unhandled, []);
});
