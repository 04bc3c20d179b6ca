/** People's own photos and words: they live with their job, wherever pictures are stored, and go with it. */
import assert from 'node:assert/strict';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import { Queue } from '../../src/queue/queue.ts';
import type { GenerationRequest } from '../../src/request.ts';
import { createRetentionClock } from '../../src/store/clock.ts';
import type { JobRecord } from '../../src/store/jobs.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { createUnclaimedSweep, rewriteDeleted } from '../../src/store/upkeep.ts';
import { startS3 } from './s3-server.ts';

interface Message {
  readonly id: string;
  readonly text: string;
  readonly job?: { readonly id: string };
}

const PHOTO = Uint8Array.of(1, 2, 3);
const options = { worker: 'w', models: ['mini'], busy: [], warm: [] };

function recordOf(id: string, inputs: Readonly<Record<string, string>>, prompt = 'a mug'): JobRecord {
  const request = { model: 'mini', prompt, width: 64, height: 64, numInferenceSteps: 1, numImages: 1 };
  return {
    ...{ id, at: 0, user: { id: `user of ${id}`, name: 'Ada Lovelace' }, platform: 'web', channel: 'web' },
    ...{ request: request as GenerationRequest, inputs, state: 'queued', notes: ['a note'], pictures: [] },
  };
}

for (const kind of ['files', 'rows', 's3'] as const) {
  describe(`pictures in ${kind}`, () => {
    const folder = mkdtempSync(join(tmpdir(), 'darkroom-owned-'));
    let store: Store<Message>;
    let queue: Queue;
    let s3: Awaited<ReturnType<typeof startS3>> | undefined;
    before(async () => {
      if (kind === 's3') s3 = await startS3();
      store = await openStore<Message>({ folder, pictures: s3?.address ?? kind });
      queue = await Queue.open({ database: store.database, onError: assert.ifError });
    });
    after(async () => {
      await queue.close();
      await store.close();
      await s3?.close();
      rmSync(folder, { recursive: true, force: true });
    });

    const upload = (job: string) => store.pictures.put(PHOTO, { job, kind: 'input' });
    const isThere = async (id: string) => (await store.pictures.get(id)) !== undefined;
    const rowsOf = async (job: string) =>
      (await store.database.query('select id from darkroom.picture where job = $1', [job])).length;
    /** A job that has an upload and ends with one picture. */
    async function draw(id: string, inputs?: Readonly<Record<string, string>>) {
      const input = inputs === undefined ? await upload(id) : undefined;
      await queue.submit(recordOf(id, inputs ?? { source: input! }));
      const claim = await queue.dispatcher.claim(options);
      assert.equal(claim?.id, id);
      const result = await store.pictures.put(PHOTO, { job: id, kind: 'result' });
      const pictures = [{ id: result, width: 1, height: 1 }];
      assert.equal(await queue.dispatcher.finish(claim, 1, { state: 'done', pictures, notes: [] }), true);
      return { input: input!, result };
    }

    test('a job that is deleted takes its upload and its results with it, and leaves no words', async () => {
      const { input, result } = await draw('deleted');
      const borrower = recordOf('borrower', { source: result });
      await store.jobs.remove('deleted');
      assert.deepEqual(
        [await isThere(input), await isThere(result), await rowsOf('deleted')],
        [false, false, 0],
      );
      assert.equal(await store.jobs.get('deleted'), undefined);
      const [row] = await store.database.query(
        "select user_id, model, actual, to_jsonb(job)::text as whole from darkroom.job where id = 'deleted'",
      );
      const { whole, ...kept } = row as { whole: string };
      assert.deepEqual(kept, { user_id: 'user of deleted', model: 'mini', actual: 1 });
      assert.doesNotMatch(whole, /mug|Lovelace|a note/);
      // What was borrowed is gone for the borrower as well; its own deletion leaves others' pictures alone.
      const other = await draw('other');
      await queue.submit({ ...borrower, inputs: { source: other.result } });
      assert.equal(await queue.cancel('borrower'), true);
      await store.jobs.remove('borrower');
      assert.equal(await isThere(other.result), true);
    });

    test('a job that is cancelled takes its upload with it, waiting or running', async () => {
      const waiting = await upload('waiting');
      await queue.submit(recordOf('waiting', { source: waiting }));
      assert.equal(await queue.cancel('waiting'), true);
      const running = await upload('running');
      await queue.submit(recordOf('running', { source: running }));
      const claim = await queue.dispatcher.claim(options);
      assert.equal(claim?.id, 'running');
      await queue.cancel('running');
      assert.equal(await store.pictures.removeCondemned(), 2);
      assert.deepEqual([await isThere(waiting), await isThere(running)], [false, false]);
      // Its worker had a picture almost ready: nobody gets it.
      const late = await store.pictures.put(PHOTO, { job: 'running', kind: 'result' });
      const pictures = [{ id: late, width: 1, height: 1 }];
      await queue.dispatcher.finish(claim, 1, { state: 'done', pictures, notes: [] });
      assert.equal(await store.pictures.removeCondemned(), 1);
      assert.equal(await isThere(late), false);
    });

    test('results of a try that crashed do not outlive the job’s end', async () => {
      const left = await store.pictures.put(PHOTO, { job: 'again', kind: 'result' });
      const { input, result } = await draw('again');
      await store.pictures.removeCondemned();
      assert.deepEqual(
        [await isThere(left), await isThere(input), await isThere(result)],
        [false, true, true],
      );
    });

    test('an upload whose job is refused, or never comes, goes', async () => {
      const refused = await upload('refused');
      await store.pictures.removeOf('refused');
      assert.equal(await isThere(refused), false);
      const [late, lost] = [await upload('late'), await upload('lost')];
      const sweep = createUnclaimedSweep(store.pictures);
      await sweep();
      assert.deepEqual([await isThere(late), await isThere(lost)], [true, true], 'the job may be on its way');
      await queue.submit(recordOf('late', { source: late }));
      await sweep();
      assert.deepEqual([await isThere(late), await isThere(lost)], [true, false]);
      await queue.cancel('late');
    });
  });
}

describe('words', () => {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-words-'));
  let store: Store<Message>;
  let queue: Queue;
  before(async () => {
    store = await openStore<Message>({ folder });
    queue = await Queue.open({ database: store.database, onError: assert.ifError });
  });
  after(async () => {
    await queue.close();
    await store.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const filesWith = (word: string) =>
    globSync('**/*', { cwd: folder, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .filter((entry) => readFileSync(join(entry.parentPath, entry.name)).includes(word))
      .map(({ name }) => name);

  test('deleted words leave the files of the embedded database when it is rewritten, others stay', async () => {
    await queue.submit(recordOf('secret', {}, 'a prompt of xylophones'));
    await queue.submit(recordOf('open', {}, 'a prompt of zithers'));
    await store.messages.put({ id: '1', text: 'a message of xylophones' });
    await store.database.query('checkpoint');
    assert.notDeepEqual(filesWith('xylophones'), []);
    await queue.cancel('secret');
    await store.jobs.remove('secret');
    await store.messages.remove('1');
    await rewriteDeleted(store.database);
    assert.deepEqual(filesWith('xylophones'), []);
    assert.notDeepEqual(filesWith('zithers'), []);
    assert.equal((await store.jobs.get('open'))?.request.prompt, 'a prompt of zithers');
  });

  test('old messages and jobs are found in batches, those that show a waiting job excepted', async () => {
    for (let i = 0; i < 7; i++) await store.messages.put({ id: `m${i}`, text: '' });
    await store.messages.put({ id: 'm7', text: '', job: { id: 'open' } });
    await store.database.query("update darkroom.message set at = at - interval '2 days' where id <> 'm6'");
    const yesterday = Date.now() - 86_400_000;
    assert.deepEqual(await store.messages.listBefore(yesterday, 4), ['m0', 'm1', 'm2', 'm3']);
    assert.deepEqual((await store.messages.listBefore(yesterday, 100)).sort(), [
      'm0',
      'm1',
      'm2',
      'm3',
      'm4',
      'm5',
    ]);
    await queue.cancel('open');
    assert.equal((await store.messages.listBefore(yesterday, 100)).includes('m7'), true);
    await store.database.query("update darkroom.job set at = at - interval '2 days'");
    assert.deepEqual(
      (await store.jobs.endedBefore('@user of open', yesterday, 10)).map(({ id }) => id),
      ['open'],
    );
  });

  test('a clock that jumps is not trusted with deletion until it has run steadily for a day', async () => {
    let monotonic = 0;
    const hours = (count: number) => {
      monotonic += count * 3_600_000;
    };
    const pass = (interval: string) =>
      store.database.query(`update darkroom.clock set seen = seen - interval '${interval}'`);
    const clock = createRetentionClock(store.database, () => monotonic);
    assert.notEqual(await clock.now(), undefined);
    // A jump: the database's clock says a year, ours an hour (the row is moved into the past instead).
    await pass('1 year');
    const restarted = createRetentionClock(store.database, () => monotonic);
    assert.equal(await restarted.now(), undefined);
    for (let i = 0; i < 23; i++) {
      await store.database.query("update darkroom.clock set seen = seen - interval '1 hour'");
      assert.equal(await createRetentionClock(store.database).now(), undefined, `after ${i} hours`);
    }
    await store.database.query("update darkroom.clock set seen = seen - interval '1 hour'");
    assert.notEqual(await createRetentionClock(store.database).now(), undefined);
    // In one process: no time has passed by the other clock, or far more than by the database's.
    const jumpy = createRetentionClock(store.database, () => monotonic);
    assert.notEqual(await jumpy.now(), undefined);
    hours(5);
    assert.equal(await jumpy.now(), undefined);
  });
});
