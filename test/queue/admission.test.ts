/** Caps: what is refused, that nothing of it is kept, and that the sentence says what is used and when it frees. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, beforeEach, test } from 'node:test';
import type { Share } from '../../src/job.ts';
import { Queue } from '../../src/queue/queue.ts';
import { registerWorker } from '../../src/queue/worker-registry.ts';
import { freezeRequest } from '../../src/request.ts';
import { openEmbedded } from '../../src/store/embedded.ts';
import type { JobRecord } from '../../src/store/jobs.ts';
import { migrate } from '../../src/store/migrate.ts';
import type { Database } from '../../src/store/sql.ts';

const folder = mkdtempSync(join(tmpdir(), 'darkroom-admission-'));
let database: Database;
let queue: Queue;
let count = 0;

before(async () => {
  database = await openEmbedded(folder);
  await migrate(database);
  queue = await Queue.open({ database, onError: assert.ifError });
});
beforeEach(() =>
  database.script('truncate darkroom.job, darkroom.usage; update darkroom.flow set waiting = 0'),
);
after(async () => {
  await queue.close();
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

const { request } = freezeRequest(
  { prompt: 'a blue car', width: 256, height: 256, num_inference_steps: 20, seed: 1 },
  {
    model: 'mini',
    defaults: {
      ...{ numInferenceSteps: 20, guidanceScale: 5, sampler: 'euler', schedule: 'normal' },
      ...{ width: 256, height: 256, strength: 0.75, maxSize: 256 },
    },
  },
);
const options = { worker: 'w', models: [request.model], busy: [], warm: [] };

function recordOf(user: string, share?: Omit<Share, 'weight'>): JobRecord {
  return {
    id: `job${count++}`,
    at: Date.now(),
    user: { id: user, name: user },
    ...{ platform: 'web', channel: 'web', request, inputs: {}, state: 'queued', notes: [], pictures: [] },
    ...(share && { share: { weight: 1, ...share } }),
  };
}

/** A picture that took so many GPU-seconds and ended so many hours ago. */
async function draw(
  user: string,
  share: Omit<Share, 'weight'>,
  seconds: number,
  hoursAgo = 0,
): Promise<void> {
  const record = recordOf(user, share);
  await queue.submit(record);
  const claim = await queue.dispatcher.claim(options);
  assert.equal(claim?.id, record.id);
  await queue.dispatcher.finish(claim, seconds, { state: 'done', pictures: [], notes: [] });
  await database.query(`update darkroom.job set ended_at = ended_at - $2 * interval '1 hour' where id = $1`, [
    record.id,
    hoursAgo,
  ]);
}

test('users of one group have the cap and the turns of one user; the others are not behind them', async () => {
  const share = { tenant: 'web', group: 'web-address:1', waiting: 3 };
  for (const name of ['a', 'b', 'c']) await queue.submit(recordOf(name, share));
  await assert.rejects(queue.submit(recordOf('d', share)), {
    code: 'too_many',
    message: /your network have 3/,
  });
  await queue.submit(recordOf('honest', { tenant: 'web', group: 'web-address:2', waiting: 3 }));
  const first = [await queue.dispatcher.claim(options), await queue.dispatcher.claim(options)];
  const users = await database.query<{ name: string }>(
    'select user_name as name from darkroom.job where id = any($1)',
    [first.map((claim) => claim?.id)],
  );
  assert.deepEqual(users.map(({ name }) => name).sort(), ['a', 'honest']);
});

test('waiting jobs of one user: the refusal names the cap, what waits, and when the next one starts', async () => {
  const share = { tenant: 'discord:1', waiting: 2 };
  await queue.submit(recordOf('a', share));
  await queue.submit(recordOf('a', share));
  await assert.rejects(queue.submit(recordOf('a', share)), {
    code: 'too_many',
    message: /^You have 2 waiting pictures; the limit is 2\. The next one starts in about \d+ s: wait for it/,
  });
  const [row] = await database.query('select count(*)::int as jobs from darkroom.job');
  assert.deepEqual(row, { jobs: 2 }, 'nothing of it is kept');
  // Others, and the same person on another server, are not concerned.
  await queue.submit(recordOf('b', share));
  await queue.submit(recordOf('a', { tenant: 'discord:2', waiting: 2 }));
});

test('GPU-seconds of a day may go in one burst; then they come back as pictures grow a day old', async () => {
  const share = { tenant: 's', gpuSecondsPerDay: 20 };
  await draw('a', share, 9, 20);
  await draw('a', share, 9, 1);
  await assert.rejects(queue.submit(recordOf('a', share)), {
    code: 'too_many',
    message:
      /^You have used or requested 18 GPU-seconds in the last 24 hours, and this request takes about \d.*your limit is 20\. There is room again in about 4 hours\.$/,
  });
  await queue.submit(recordOf('b', share));
  await database.query(
    `update darkroom.job set ended_at = ended_at - interval '5 hours' where user_id = 'a'`,
  );
  await queue.submit(recordOf('a', share));
});

test('what waits and runs counts by its estimate, and cancelling gives it back', async () => {
  const cost = queue.costs.jobSeconds(request);
  const share = { tenant: 's', gpuSecondsPerDay: 2.5 * cost };
  const second = recordOf('a', share);
  await queue.submit(recordOf('a', share));
  await queue.submit(second);
  await assert.rejects(queue.submit(recordOf('a', share)), {
    message: /There is room again when the waiting jobs have ended\.$/,
  });
  await queue.cancel(second.id);
  await queue.submit(recordOf('a', share));
});

test('a picture beyond the whole cap is refused with the way out, and a server has a cap over all its users', async () => {
  await assert.rejects(queue.submit(recordOf('a', { tenant: 's', gpuSecondsPerDay: 0.5 })), {
    message: /your limit is 0\.5 in 24 hours\. Choose a smaller size, fewer steps or fewer pictures\.$/,
  });
  const share = { tenant: 's', tenantGpuSecondsPerDay: 30 };
  await draw('a', share, 14);
  await draw('b', share, 15);
  await assert.rejects(queue.submit(recordOf('c', share)), {
    message: /^This server has used or requested 29 GPU-seconds.*the server's limit is 30\./,
  });
});

test('a model that no worker runs is refused while there are workers, and waits while there are none', async () => {
  const there = (model: string, isDraining: boolean) =>
    database.query(`insert into darkroom.worker (id, models, slots, is_draining) values ($1, $2, 1, $3)`, [
      `worker of ${model}`,
      [model],
      isDraining,
    ]);
  await queue.submit(recordOf('ada'));
  await there('other', false);
  // It ends what it has begun and takes nothing more.
  await there('mini', true);
  await assert.rejects(queue.submit(recordOf('ada')), {
    code: 'not_found',
    message: 'No running machine has the model mini. Choose another: other.',
  });
  await database.query('update darkroom.worker set is_draining = false');
  await queue.submit(recordOf('ada'));
  await database.query('delete from darkroom.worker');
});

test('jobs that wait for a model that was removed end with a sentence; those of others wait on', async () => {
  await registerWorker(database, { id: 'w', models: ['mini', 'gone'], slots: 1, isDraining: false });
  const records = ['ada', 'bo', 'cy'].map((user, i) => {
    const record = recordOf(user);
    return i === 0 ? record : { ...record, request: { ...request, model: i === 1 ? 'gone' : 'elsewhere' } };
  });
  for (const record of records.slice(0, 2)) await queue.submit(record);
  await registerWorker(database, { id: 'v', models: ['elsewhere'], slots: 1, isDraining: false });
  await queue.submit(records[2]!);
  await registerWorker(database, { id: 'w', models: ['mini'], slots: 1, isDraining: false });
  assert.equal(await queue.dispatcher.failGone(() => true), 1);
  const rows = await database.query<{ model: string; state: string; error: { message: string } | null }>(
    'select model, state, error from darkroom.job order by at, id',
  );
  assert.deepEqual(rows.map(({ model, state }) => `${model} ${state}`).toSorted(), [
    'elsewhere queued',
    'gone failed',
    'mini queued',
  ]);
  assert.match(rows.find(({ model }) => model === 'gone')!.error!.message, /The model gone was removed/);
  const [waiting] = await database.query("select waiting from darkroom.flow where user_id = 'bo'");
  assert.deepEqual(waiting, { waiting: 0 });
  assert.equal(await queue.dispatcher.failGone(() => true), 0);
  await database.script('delete from darkroom.worker');
});

test('a job that was claimed and of which no step is known yet still takes as long as while it waited', async () => {
  const record = recordOf('ada');
  await queue.submit(record);
  const events = queue.watch(record.id)[Symbol.asyncIterator]();
  const waiting = (await events.next()).value;
  assert.equal(waiting?.state, 'queued');
  await queue.dispatcher.claim(options);
  const running = (await events.next()).value;
  assert.ok(running?.state === 'running' && running.step === 0);
  assert.equal(running.etaSeconds, waiting.etaSeconds);
  assert.ok(running.etaSeconds > 1);
  // Whoever asks only now, too.
  const later = (await queue.watch(record.id)[Symbol.asyncIterator]().next()).value;
  assert.ok(later?.state === 'running' && later.etaSeconds > 1);
  await events.return?.();
});
