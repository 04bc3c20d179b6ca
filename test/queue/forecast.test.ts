/** Positions and waiting times as users see them, compared with the same queue worked out by hand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type Flow,
  forecastPlaces,
  type SimulatedWorker,
  type WaitingJob,
} from '../../src/queue/simulation.ts';

/** Jobs as `tenant/user model? cost`, ids in order: a, b, c ... */
function jobsOf(...lines: readonly string[]): WaitingJob[] {
  return lines.map((line, i) => {
    const [who = '', cost = '1', model = 'mini'] = line.split(' ');
    const [tenant = '', user = ''] = who.split('/');
    return { id: String.fromCharCode(97 + i), tenant, user, model, cost: Number(cost), store: 0 };
  });
}

function flowsOf(jobs: readonly WaitingJob[], weights: Readonly<Record<string, number>> = {}): Flow[] {
  const names = new Set(jobs.flatMap(({ tenant, user }) => [`${tenant}/`, `${tenant}/${user}`]));
  return [...names].map((name) => {
    const [tenant = '', user = ''] = name.split('/');
    return { tenant, user, weight: weights[user] ?? 1, tag: 0, virtual: 0 };
  });
}

const worker = (slots: number, ...running: SimulatedWorker['running']): SimulatedWorker => ({
  models: ['mini'],
  slots,
  running,
});
const running = (user: string, left: number) => ({ user, weight: 1, left, store: 0 });

function etas(jobs: readonly WaitingJob[], workers: readonly SimulatedWorker[], weights = {}) {
  const places = forecastPlaces(flowsOf(jobs, weights), jobs, workers);
  return Object.fromEntries(
    [...places].map(([id, { etaSeconds }]) => [id, Math.round(etaSeconds * 1e6) / 1e6]),
  );
}

test('one slot: one after another, users in turn, after the running job', () => {
  const jobs = jobsOf('s/u 4', 's/u 4', 's/v 1');
  const at = worker(1, running('w', 2));
  assert.deepEqual(etas(jobs, [at]), { a: 6, c: 7, b: 11 });
  const places = forecastPlaces(flowsOf(jobs), jobs, [at]);
  assert.deepEqual(places.get('c'), { position: 2, beginSeconds: 6, etaSeconds: 7 });
});

test('jobs in the slots of one worker share its GPU by their weights', () => {
  const jobs = jobsOf('s/u 4', 's/v 2');
  assert.deepEqual(etas(jobs, [worker(2)]), { b: 4, a: 6 });
  // v has three turns of four until its 2 s are done.
  assert.deepEqual(etas(jobs, [worker(2)], { v: 3 }), { b: 2.666667, a: 6 });
});

test('a user has one slot of a worker, however many are free', () => {
  const jobs = jobsOf('s/u 2', 's/u 2', 's/u 2');
  assert.deepEqual(etas(jobs, [worker(3)]), { a: 2, b: 4, c: 6 });
  assert.deepEqual(etas(jobs, [worker(3), worker(3)]), { a: 2, b: 2, c: 4 });
});

test('a job that starts beside a running one slows both, and does not wait for its end', () => {
  const jobs = jobsOf('s/u 1');
  assert.deepEqual(etas(jobs, [worker(3, running('v', 10))]), { a: 2 });
});

test('a job whose pictures are being stored holds its slot, not the GPU', () => {
  const jobs = jobsOf('s/u 2', 's/u 2', 's/v 3').map((job) => ({ ...job, store: 0.5 }));
  assert.deepEqual(etas(jobs, [worker(1)]), { a: 2.5, c: 6, b: 8.5 });
  // u and v take turns for 4 s; v has the GPU to itself for the half second until u's next job starts.
  assert.deepEqual(etas(jobs, [worker(2)]), { a: 4.5, c: 6, b: 7.5 });
  assert.deepEqual(etas(jobsOf('s/u 1'), [worker(1, { ...running('v', 0), store: 3 })]), { a: 4 });
});

test('of two workers the one takes a job that has its model; a job of nobody comes last', () => {
  const jobs = jobsOf('s/u 3 other', 's/v 3', 's/w 3', 's/x 1 unknown');
  const workers = [worker(1), { ...worker(1), models: ['other'] }];
  assert.deepEqual(etas(jobs, workers), { a: 3, b: 3, c: 6, d: 6 });
});

test('expected jobs take their turn, and have no position', () => {
  const jobs = jobsOf('s/u 4', 's/u 4');
  const flows = [...flowsOf(jobs), { tenant: 's', user: 'v', weight: 1, tag: 0, virtual: 0 }];
  const coming = [{ tenant: 's', user: 'v', model: 'mini', cost: 2, store: 0, inSeconds: 1 }];
  const places = forecastPlaces(flows, jobs, [worker(1)], coming);
  assert.deepEqual(places.get('a'), { position: 1, beginSeconds: 0, etaSeconds: 4 });
  assert.deepEqual(places.get('b'), { position: 2, beginSeconds: 6, etaSeconds: 10 });
});

test('who comes starts level with the one that lags most, also when that one is passed over', () => {
  const jobs = jobsOf('s/p 4 unknown', 's/v 4', 's/x 4');
  const tags: Readonly<Record<string, number>> = { v: 10, x: 12 };
  const known = flowsOf([...jobs, ...jobsOf('s/w')]);
  const flows = known.map((flow) => ({ ...flow, tag: tags[flow.user] ?? 0 }));
  const coming = { tenant: 's', user: 'w', model: 'mini', cost: 4, store: 0, inSeconds: 1 };
  const places = forecastPlaces(flows, jobs, [worker(1)], [coming, coming]);
  assert.deepEqual(places.get('b'), { position: 1, beginSeconds: 0, etaSeconds: 4 });
  assert.deepEqual(places.get('c'), { position: 2, beginSeconds: 12, etaSeconds: 16 });
});

test('two thousand jobs of as many users on a hundred workers are looked over in well under a second', () => {
  const jobs = Array.from({ length: 2000 }, (_, i) => ({
    ...{ id: `${i}`, tenant: `s${i}`, user: `u${i}`, model: 'mini', cost: 1 + (i % 5), store: 0 },
  }));
  const workers = Array.from({ length: 100 }, () => worker(3));
  const started = performance.now();
  assert.equal(forecastPlaces(flowsOf(jobs), jobs, workers).size, 2000);
  assert.ok(performance.now() - started < 1000);
});
