/** Pictures that wait for a reviewer: held with the end of their job, decided once, gone with their job. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { describeError } from '../../src/errors.ts';
import type { Moderation } from '../../src/job.ts';
import { Queue } from '../../src/queue/queue.ts';
import type { StoredMessage } from '../../src/store/messages.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { temporaryFolder } from '../adapters/stand-in.ts';
import { checkSums } from '../usage/sums.ts';

const ERROR = describeError(new Error('rejected'));
const BY = { id: 'web:rae', name: 'rae' };

let store: Store<StoredMessage>;
let queue: Queue;
let folder: Awaited<ReturnType<typeof temporaryFolder>>;
before(async () => {
  folder = await temporaryFolder();
  store = await openStore({ folder: folder.folder });
  queue = await Queue.open({ database: store.database, onError: assert.ifError });
});
after(async () => {
  await queue.close();
  await store.close();
  await folder[Symbol.asyncDispose]();
});

/** A job that has ended with one picture. @returns the picture's id */
async function finish(id: string, moderation: Moderation, isFlagged: boolean | undefined): Promise<string> {
  await queue.dispatcher.submit({
    ...{ id, tenant: 'web', platform: 'web', channel: 'web:main', inputs: {}, notes: [], cost: 1 },
    user: { id: 'web:bo', name: 'bo' },
    request: { model: 'mini' } as never,
    frame: { moderation },
  });
  const claim = await queue.dispatcher.claim({ worker: 'w', models: ['mini'], busy: [], warm: [] });
  assert.equal(claim?.moderation, moderation);
  const picture = await store.pictures.put(Buffer.from('png'), { job: id, kind: 'result' });
  const finding = { label: 'concept 3', score: 0.02 };
  const pictures = [
    {
      ...{ id: picture, width: 8, height: 8 },
      ...(isFlagged !== undefined && { finding: { ...finding, isFlagged } }),
    },
  ];
  await queue.dispatcher.finish(claim!, 1, { state: 'done', notes: [], pictures });
  return picture;
}

test('what is flagged, or was not checked, waits outside of its job; the rest does not', async () => {
  for (const [id, flag] of [
    ['flagged', true],
    ['unchecked', undefined],
  ] as const) {
    const picture = await finish(id, 'hold', flag);
    const job = await store.jobs.get(id);
    assert.deepEqual([job?.state, job?.pictures, job?.frame?.review], ['done', [], 'held']);
    assert.equal(await store.jobs.ofPicture(picture), undefined);
    assert.equal(await store.reviews.isHeld(picture), true);
  }
  for (const [id, moderation, flag] of [
    ['clear', 'hold', false],
    ['spoiler', 'spoiler', true],
  ] as const) {
    const picture = await finish(id, moderation, flag);
    assert.equal((await store.jobs.ofPicture(picture))?.id, id);
    assert.equal(await store.reviews.isHeld(picture), false);
  }
  const held = await store.reviews.held('web', 10);
  assert.deepEqual(
    held.map(({ job }) => job),
    ['flagged', 'unchecked'],
  );
});

test('an approved picture is its job’s, a rejected one is deleted, and each is decided once', async () => {
  const kept = await finish('good', 'hold', true);
  const gone = await finish('bad', 'hold', true);
  for (const id of ['good', 'bad']) await store.jobs.endShown(id);
  assert.equal(await store.reviews.decide('good', 'approved', BY, ERROR), true);
  assert.equal(await store.reviews.decide('good', 'rejected', BY, ERROR), false);
  assert.equal(await store.reviews.decide('bad', 'rejected', BY, ERROR), true);
  const [good, bad] = [await store.jobs.get('good'), await store.jobs.get('bad')];
  assert.deepEqual([good?.state, good?.pictures[0]?.id, good?.frame?.review], ['done', kept, 'approved']);
  assert.deepEqual([bad?.state, bad?.pictures, bad?.error?.code], ['failed', [], 'internal']);
  assert.equal(String(await store.pictures.get(kept)), 'png');
  assert.equal(await store.pictures.get(gone), undefined);
  for (const id of ['good', 'bad']) assert.equal((await store.jobs.takeEnd(id))?.id, id);
  const decided = (await store.reviews.decided('web', 10)).map(({ job, state, decided: by }) => [
    job,
    state,
    by?.by,
  ]);
  assert.deepEqual(decided, [
    ['bad', 'rejected', 'rae'],
    ['good', 'approved', 'rae'],
  ]);
  // Its pictures count once it is approved; what was rejected counts as failed.
  await checkSums(store.database);
});

test('what waits goes with its job, also by retention', async () => {
  const picture = await finish('old', 'hold', true);
  await store.jobs.remove('old');
  assert.equal(await store.reviews.get('old'), undefined);
  assert.equal(await store.pictures.get(picture), undefined);
});

test('messages in which reviewers saw a picture are taken once it no longer waits, by one process at a time', async () => {
  for (const [job, state] of [
    ['waits', 'held'],
    ['yes', 'approved'],
    ['removed', 'gone'],
  ] as const) {
    await finish(job, 'hold', true);
    const at = { job, platform: 'slack', channel: 'C1', message: `m-${job}` };
    await store.reviews.noteMessage({ ...at, ...(job === 'yes' && { files: ['F1'] }) });
    if (state === 'approved') await store.reviews.decide(job, state, BY, ERROR);
    if (state === 'gone') await store.jobs.remove(job);
  }
  assert.deepEqual(await store.reviews.takeSettled(['discord']), []);
  const [yes] = await store.reviews.takeSettled(['slack'], 'yes');
  assert.deepEqual([yes?.message, yes?.files], ['m-yes', ['F1']]);
  const rest = await store.reviews.takeSettled(['slack', 'discord']);
  assert.deepEqual(
    rest.map(({ job, files }) => [job, files]),
    [['removed', []]],
  );
  for (const { number } of [yes!, ...rest]) await store.reviews.messageSettled(number);
  const left = await store.database.query('select job from darkroom.review_message');
  assert.deepEqual(left, [{ job: 'waits' }]);
});

test('the end of a job that a killed process was showing can be shown at once after the next start', async () => {
  await finish('cut', 'spoiler', false);
  assert.ok(await store.jobs.takeEnd('cut'));
  assert.equal(await store.jobs.takeEnd('cut'), undefined);
  await queue.dispatcher.recover();
  assert.ok((await store.jobs.endsOf(['web'])).includes('cut'));
  assert.ok(await store.jobs.takeEnd('cut'));
});
