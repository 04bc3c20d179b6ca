/** A process that is killed in the middle of a sweep: the next one draws what is missing, and the grid once. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { MessageJson } from '../../adapters/web/conversation/message.ts';
import { openEmbedded } from '../../src/store/embedded.ts';
import { freePort } from '../queue/databases.ts';
import { checkSums } from '../usage/sums.ts';
import { Member } from './cluster.ts';

test('kill -9 in the middle of a sweep: each picture is drawn, and the grid has them all', async () => {
  const data = mkdtempSync(join(tmpdir(), 'darkroom-chaos-'));
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const serve = new Member('serve', { DARKROOM_DATA: data, DARKROOM_PORT: `${port}` });
  const headers = { 'x-darkroom-user': 'ada', origin: url };
  const messages = async () =>
    (await (await fetch(`${url}/api/messages`, { headers })).json()) as MessageJson[];
  /** Waits until the sweep's message is as expected. */
  const until = async (isExpected: (message: MessageJson) => boolean): Promise<MessageJson> => {
    for (let i = 0; i < 300; i++) {
      const found = (await messages()).find((one) => one.author.bot && isExpected(one));
      if (found !== undefined) return found;
      await sleep(100);
    }
    throw new Error(`the sweep is not as expected: ${JSON.stringify(await messages())}`);
  };
  await serve.start();
  try {
    const body = new FormData();
    body.set('text', '/sweep "ms=60 mug" steps=4,8 seed=1..3');
    await fetch(`${url}/api/messages`, { method: 'POST', body, headers });
    const offer = await until(({ actions }) => actions.some(({ id }) => id.startsWith('start:')));
    const action = offer.actions.find(({ id }) => id.startsWith('start:'))!.id;
    const press = { message: offer.id, action };
    const sent = { ...headers, 'content-type': 'application/json' };
    await fetch(`${url}/api/actions`, { method: 'POST', headers: sent, body: JSON.stringify(press) });
    const half = await until(({ job }) => job?.state === 'running' && (job.step ?? 0) >= 2);
    assert.ok(half.job!.step! < 6);
    await serve.kill();
    await serve.start();
    const grid = await until(({ job }) => job?.state === 'done');
    assert.equal(grid.id, offer.id);
    assert.deepEqual([grid.pictures.length, grid.cells?.length], [1, 6]);
    assert.equal((await messages()).filter(({ author }) => author.bot).length, 1);
    assert.equal(await serve.stop(), 0);
    const database = await openEmbedded(data);
    const jobs = await database.query(
      `select state, count(*)::int as count, sum(jsonb_array_length(pictures))::int as pictures from darkroom.job
       where frame ? 'cell' group by state`,
    );
    assert.deepEqual(jobs, [{ state: 'done', count: 6, pictures: 6 }]);
    const [kept] = await database.query(
      "select sum(done)::int as done, sum(pictures)::int as pictures from darkroom.usage_hour where tenant = ''",
    );
    assert.deepEqual(kept, { done: 6, pictures: 6 }, 'the sweep itself is not counted');
    await checkSums(database);
    assert.deepEqual(await database.query('select job from darkroom.outbox'), []);
    await database.close();
  } finally {
    await serve.kill();
    rmSync(data, { recursive: true, force: true });
  }
});
