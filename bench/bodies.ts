/** Whether hostile bodies under the limit hold up the web chat: the longest time its event loop does not turn. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { Worker } from 'node:worker_threads';
import type { MessageRecord } from '../adapters/web/conversation/message.ts';
import { createWebAdapter } from '../adapters/web/server.ts';
import { openStore } from '../src/store/store.ts';
import type { Figure } from './figure.ts';

const FIELD = '--b\r\ncontent-disposition: form-data; name="text"\r\n\r\n';
const FILE = '--b\r\ncontent-disposition: form-data; name="files[]"; filename="a"\r\n\r\n';
const LONG = 'b'.repeat(69);
/** Below 12 MB each. */
const BODIES: readonly { readonly name: string; readonly type: string; readonly body: string }[] = [
  { name: 'urlencoded pairs', type: 'application/x-www-form-urlencoded', body: 'a&'.repeat(5_000_000) },
  { name: 'fields', type: 'multipart/form-data; boundary=b', body: `${FIELD}\r\n`.repeat(180_000) },
  { name: 'files', type: 'multipart/form-data; boundary=b', body: `${FILE}\r\n`.repeat(150_000) },
  {
    name: 'half boundaries',
    type: 'multipart/form-data; boundary=b',
    body: FIELD + '\r\n--'.repeat(2_700_000),
  },
  {
    name: 'long half boundaries',
    type: `multipart/form-data; boundary=${LONG}`,
    body: FILE.replace('b', LONG) + `\r\n--${LONG.slice(1)}c`.repeat(150_000),
  },
  {
    name: 'headers',
    type: 'multipart/form-data; boundary=b',
    body: `--b\r\ncontent-disposition: form-data; name="text"\r\n${'x: y\r\n'.repeat(1_900_000)}`,
  },
  { name: 'nested JSON', type: 'application/json', body: '['.repeat(11_000_000) },
];

/** The client has a thread of its own: what it does is not measured. */
const CLIENT = `
const { parentPort, workerData: { url, bodies } } = require('node:worker_threads');
(async () => {
  for (const { name, type, body } of bodies) {
    parentPort.postMessage({ begins: name });
    for (const path of ['/api/messages', '/api/actions']) {
      await fetch(url + path, { method: 'POST', body, headers: { 'content-type': type, 'x-darkroom-user': 'eve' } })
        .then((response) => response.text(), () => undefined);
    }
    parentPort.postMessage({ ends: name });
  }
})();`;

export async function bodies(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-bench-'));
  const store = await openStore<MessageRecord>({ folder });
  const web = createWebAdapter({
    ...{ host: '127.0.0.1', port: 0, users: 'header', secret: store.secret },
    ...{
      messages: store.messages,
      people: store.people,
      pictures: store.pictures,
      isHeld: async () => false,
      limits: { uploadBytes: 1e9 },
    },
    handle: async () => {},
    describe: async () => ({}),
    complete: async () => [],
    ready: () => true,
    readUpload: async (bytes) => ({ bytes }),
  });
  await web.start();
  const delay = monitorEventLoopDelay({ resolution: 2 });
  delay.enable();
  const longest = new Map<string, number>();
  const client = new Worker(CLIENT, { eval: true, workerData: { url: web.url, bodies: BODIES } });
  client.on('message', ({ begins, ends }: { begins?: string; ends?: string }) => {
    if (begins !== undefined) delay.reset();
    if (ends !== undefined) longest.set(ends, delay.max / 1e6);
  });
  await new Promise((resolve) => client.once('exit', resolve));
  delay.disable();
  await web.stop();
  await store.close();
  rmSync(folder, { recursive: true, force: true });
  return [...longest].map(([name, value]) => ({
    name: `longest block of the event loop by a body of ${name}`,
    value,
    unit: 'ms',
    target: 100,
  }));
}
