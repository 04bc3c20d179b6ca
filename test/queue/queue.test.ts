import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DarkroomError } from '../../src/errors.ts';
import { Bench, endOf, eventsOf, jobOf } from './arithmetic.ts';

const states = (events: { state: string }[]) =>
  events.map(({ state }) => state).filter((state, i, all) => state !== all[i - 1]);

test('a watcher sees place, steps, previews and the end; a late one the end alone', async () => {
  const { queue } = new Bench({ seats: 1 });
  queue.submit(jobOf('first', 'a'));
  queue.submit(jobOf('second', 'b', 6));
  const [events, others] = await Promise.all([eventsOf(queue, 'second'), eventsOf(queue, 'second')]);
  assert.deepEqual(states(events), ['queued', 'running', 'done']);
  assert.deepEqual(states(others), states(events));
  assert.deepEqual(events[0], { ...events[0], state: 'queued', position: 1 });
  const running = events.filter((event) => event.state === 'running');
  assert.equal(running.at(-1)!.steps, 6);
  assert.ok(running.some(({ preview }) => preview !== undefined));
  const last = events.at(-1)!;
  // The first job's 4 steps and developing; it was open already.
  assert.ok(last.state === 'done' && last.seconds.queued === 4.25);
  assert.deepEqual(states(await eventsOf(queue, 'second')), ['done']);
});

test('places and times left follow the line and what was learned', async () => {
  const bench = new Bench({ seats: 1 });
  const { queue } = bench;
  queue.submit(jobOf('teach', 'a'));
  await endOf(queue, 'teach');
  queue.submit(jobOf('one', 'a', 10));
  queue.submit(jobOf('two', 'a', 10));
  queue.submit(jobOf('three', 'a', 10));
  queue.submit(jobOf('other', 'b', 10));
  const listed = () => queue.list().map(({ id, position, etaSeconds }) => [id, position, etaSeconds]);
  assert.deepEqual(listed(), [
    ['one', 0, 10.5],
    ['other', 1, 21],
    ['two', 2, 31.5],
    ['three', 3, 42],
  ]);
  const watched = eventsOf(queue, 'three');
  assert.equal(queue.cancel('two'), true);
  assert.deepEqual(listed().at(-1), ['three', 2, 31.5]);
  const places = (await watched).flatMap((event) => (event.state === 'queued' ? [event.position] : []));
  assert.deepEqual(places, [3, 2, 1]);
});

test('a waiting job that is cancelled is never begun', async () => {
  const bench = new Bench({ seats: 1 });
  bench.queue.submit(jobOf('one', 'a'));
  bench.queue.submit(jobOf('two', 'b'));
  assert.equal(bench.queue.cancel('two'), true);
  assert.equal(bench.queue.cancel('two'), false);
  assert.equal(bench.queue.cancel('nobody'), false);
  assert.deepEqual(await eventsOf(bench.queue, 'two'), [{ state: 'cancelled' }]);
  await bench.queue.drain();
  assert.ok(bench.calls.every(({ id }) => id === 'one'));
});

test('a running job that is cancelled gives the GPU back after the step under way', async () => {
  const bench = new Bench({ seats: 1 });
  bench.onTick = () => {
    if (bench.calls.length === 4) bench.queue.cancel('one');
  };
  bench.queue.submit(jobOf('one', 'a', 40));
  bench.queue.submit(jobOf('two', 'b'));
  assert.equal((await endOf(bench.queue, 'one')).state, 'cancelled');
  assert.equal((await endOf(bench.queue, 'two')).state, 'done');
  assert.equal(bench.calls.filter(({ id }) => id === 'one').length, 4);
  assert.equal(bench.open.size, 0);
});

test('a cap on waiting jobs, for each user alone', async () => {
  const { queue } = new Bench({ seats: 1, waitingPerUser: 2 });
  for (const id of ['one', 'two', 'three']) queue.submit(jobOf(id, 'a'));
  assert.throws(
    () => queue.submit(jobOf('four', 'a')),
    (error: unknown) =>
      error instanceof DarkroomError && error.code === 'too_many' && /limit is 2/.test(error.message),
  );
  queue.submit(jobOf('five', 'b'));
  await queue.close();
  assert.throws(() => queue.submit(jobOf('six', 'b')), DarkroomError);
});

test('an error fails its own job alone', async () => {
  const failures: unknown[] = [];
  const bench = new Bench({ seats: 2, onFailure: (_, error) => failures.push(error) });
  bench.onCall = ({ id, kind }) => {
    if (id === 'bad' && kind === 'step') throw new DarkroomError('bad_model', 'A weight is NaN.');
    if (id === 'worse' && kind === 'open') throw new TypeError('secret detail');
  };
  bench.queue.submit(jobOf('bad', 'a'));
  bench.queue.submit(jobOf('worse', 'b'));
  bench.queue.submit(jobOf('good', 'c'));
  const ends = await Promise.all(['bad', 'worse', 'good'].map((id) => endOf(bench.queue, id)));
  assert.deepEqual(ends[0], { state: 'failed', error: { code: 'bad_model', message: 'A weight is NaN.' } });
  assert.ok(ends[1]!.state === 'failed' && ends[1]!.error.code === 'internal');
  assert.doesNotMatch(JSON.stringify(ends[1]), /secret/);
  assert.equal(ends[2]!.state, 'done');
  assert.equal(failures.length, 2);
});

test('a lost engine puts the job back before its user’s others, once; the bystander is not blamed', async () => {
  const bench = new Bench({ seats: 2 });
  let deaths = 0;
  bench.onCall = ({ id, kind }) => {
    if (id !== 'victim' || kind !== 'step' || bench.calls.length < 5 || deaths === 1) return;
    deaths++;
    bench.die();
  };
  bench.queue.submit(jobOf('victim', 'a', 12));
  bench.queue.submit(jobOf('later', 'a'));
  bench.queue.submit(jobOf('bystander', 'b', 12));
  const events = await eventsOf(bench.queue, 'victim');
  assert.equal(deaths, 1);
  assert.equal(events.at(-1)!.state, 'done');
  assert.equal((await endOf(bench.queue, 'bystander')).state, 'done');
  await bench.queue.drain();
  const ends = bench.calls.filter(({ kind }) => kind === 'develop').map(({ id }) => id);
  assert.ok(ends.indexOf('victim') < ends.indexOf('later'));
});

test('a job that takes the engine down twice fails with a sentence; the bystander is done', async () => {
  const bench = new Bench({ seats: 2 });
  let deaths = 0;
  bench.onCall = ({ id, kind }) => {
    if (id !== 'poison' || kind !== 'step') return;
    deaths++;
    bench.die();
  };
  bench.queue.submit(jobOf('poison', 'a', 12));
  bench.queue.submit(jobOf('bystander', 'b', 12));
  const end = await endOf(bench.queue, 'poison');
  assert.ok(end.state === 'failed' && end.error.code === 'engine_failed');
  assert.match(end.error.message, /stopped twice/);
  assert.equal((await endOf(bench.queue, 'bystander')).state, 'done');
  assert.equal(deaths, 2);
});

test('finished jobs are forgotten after a while, not under a watcher', async () => {
  const { queue } = new Bench({ seats: 1, waitingPerUser: 100 });
  for (let i = 0; i < 40; i++) queue.submit(jobOf(`${i}`, 'a', 1));
  const first = eventsOf(queue, '0');
  await queue.drain();
  assert.equal((await first).at(-1)!.state, 'done');
  assert.throws(() => queue.watch('0'), { code: 'not_found' });
  assert.equal((await endOf(queue, '39')).state, 'done');
  assert.throws(() => queue.watch('never'), { code: 'not_found' });
});
