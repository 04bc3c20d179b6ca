import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createWebAdapter, type WebAdapter } from '../../adapters/web/server.ts';
import { readUpload } from '../../src/image/upload.ts';
import { Client, temporaryFolder } from '../adapters/stand-in.ts';
import { startProgram } from '../conformance/program.ts';

test('pictures go once they are older than their server keeps them', async () => {
  await using folder = await temporaryFolder();
  let age: ((days: number) => Promise<unknown>) | undefined;
  const program = await startProgram(folder.folder, ({ commands, store, onError }) => {
    age = (days) =>
      store.database.query('update darkroom.job set at = at - make_interval(days => $1)', [days]);
    return createWebAdapter({
      ...{ host: '127.0.0.1', port: 0, users: 'header', secret: store.secret, ready: () => true, onError },
      ...{ handle: commands.handle, describe: commands.describe, complete: commands.complete },
      isHeld: (picture) => store.reviews.isHeld(picture),
      ...{ messages: store.messages, people: store.people, pictures: store.pictures, readUpload },
    });
  });
  const ada = () => new Client((program.adapter as WebAdapter).url, { 'x-darkroom-user': 'ada' });
  try {
    const { pictures } = await ada().draw('/imagine a boat');
    const status = async () =>
      (await fetch(`${ada().url}${pictures[0]!.url}`, { headers: ada().headers })).status;
    await ada().post('/config set picture_retention_days 30');
    await age!(29);
    await program.restart();
    assert.equal(await status(), 200);
    const words = async () => (await ada().messages()).map(({ text }) => text).join(' ');
    assert.match(await words(), /imagine a boat/);
    await age!(2);
    await program.restart();
    assert.equal(await status(), 404);
    // The prompt stood in the user's own message as well.
    assert.doesNotMatch(await words(), /boat/);
  } finally {
    await program.stop();
  }
});
