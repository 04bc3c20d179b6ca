/** Two devices, one of which fails: its jobs go to the other one, and the chat goes on. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { loadSettings } from '../../config/settings.ts';
import { startApp } from '../../src/app.ts';
import { createLogger } from '../../src/log.ts';
import { Client } from '../adapters/stand-in.ts';
import { eventually } from '../patience.ts';

const engineFactory = new URL('../engine/stand-in.ts', import.meta.url).href;

test('jobs of a device that fails are drawn on another one, and their cards say so', async () => {
  await using made = new AsyncDisposableStack();
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-devices-'));
  made.defer(() => rmSync(folder, { recursive: true, force: true }));
  const env = {
    ...{ DARKROOM_PORT: '0', DARKROOM_WEB_USERS: 'header', DARKROOM_DATA: folder },
    DARKROOM_DEVICES: 'cuda:0,cpu',
  };
  const log = createLogger('silent', false);
  const app = await startApp({ settings: loadSettings(env).settings, log, engineFactory });
  made.defer(() => app.stop());
  const users = Array.from({ length: 5 }, (_, i) => {
    return new Client(app.url, { 'x-darkroom-user': `user${i}`, origin: app.url });
  });
  // More users than one device has slots: both get some.
  const posted = await Promise.all(users.map((user) => user.post('/imagine fail=cuda ms=50 --steps 8')));
  const ids = posted.map(({ message }) => message.id);
  const cards = async () => (await users[0]!.messages()).filter(({ id }) => ids.includes(id));
  await eventually('every job ends', async () =>
    (await cards()).every(({ job }) => job?.state === 'done' || job?.state === 'failed'),
  );
  const all = await cards();
  assert.deepEqual(
    all.map(({ job }) => job?.state),
    ids.map(() => 'done'),
  );
  const note = /cuda:0 failed in the middle of this picture; it was started again on another device\./;
  assert.ok(all.some((card) => note.test(JSON.stringify(card))));
});
