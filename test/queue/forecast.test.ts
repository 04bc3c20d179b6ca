/** What users are told of their place and their wait, beside the same line worked out by hand. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import {
  type ForecastWorker,
  forecastPlaces,
  type WaitingFlow,
  type WaitingJob,
} from '../../src/queue/forecast-line.ts';

/** Jobs as `server/member model? cost`, ids in order: a, b, c ... */
function jobsOf(...lines: readonly string[]): WaitingJob[] {
  return lines.map((line, i) => {
    const [who = '', cost = '1', model = 'mini'] = line.split(' ');
    const [server = '', member = ''] = who.split('/');
    return { id: String.fromCharCode(97 + i), server, member, model, cost: Number(cost), keep: 0 };
  });
}

function flowsOf(jobs: readonly WaitingJob[], weights: Readonly<Record<string, number>> = {}): WaitingFlow[] {
  const names = new Set(jobs.flatMap(({ server, member }) => [`${server}/`, `${server}/${member}`]));
  return [...names].map((name) => {
    const [server = '', member = ''] = name.split('/');
    return { server, member, weight: weights[member] ?? 1, tag: 0, virtual: 0 };
  });
}

const worker = (seats: number, ...seated: ForecastWorker['seated']): ForecastWorker => ({
  models: ['mini'],
  seats,
  seated,
});
const seated = (member: string, left: number) => ({ member, weight: 1, left, keep: 0 });

function etas(jobs: readonly WaitingJob[], workers: readonly ForecastWorker[], weights = {}) {
  const places = forecastPlaces(flowsOf(jobs, weights), jobs, workers);
  return Object.fromEntries(
    [...places].map(([id, { etaSeconds }]) => [id, Math.round(etaSeconds * 1e6) / 1e6]),
  );
}

test('one seat: one after another, users in turn, after what is being drawn', () => {
  const jobs = jobsOf('s/u 4', 's/u 4', 's/v 1');
  const at = worker(1, seated('w', 2));
  assert.deepEqual(etas(jobs, [at]), { a: 6, c: 7, b: 11 });
  const places = forecastPlaces(flowsOf(jobs), jobs, [at]);
  assert.deepEqual(places.get('c'), { position: 2, beginSeconds: 6, etaSeconds: 7 });
});

test('those who are seated together share the GPU, by their weights', () => {
  const jobs = jobsOf('s/u 4', 's/v 2');
  assert.deepEqual(etas(jobs, [worker(2)]), { b: 4, a: 6 });
  // v has three turns of four until its 2 s are done.
  assert.deepEqual(etas(jobs, [worker(2)], { v: 3 }), { b: 2.666667, a: 6 });
});

test('a user has one seat of a worker, however many are free', () => {
  const jobs = jobsOf('s/u 2', 's/u 2', 's/u 2');
  assert.deepEqual(etas(jobs, [worker(3)]), { a: 2, b: 4, c: 6 });
  assert.deepEqual(etas(jobs, [worker(3), worker(3)]), { a: 2, b: 2, c: 4 });
});

test('a job that comes beside one that is being drawn slows both, and does not wait for its end', () => {
  const jobs = jobsOf('s/u 1');
  assert.deepEqual(etas(jobs, [worker(3, seated('v', 10))]), { a: 2 });
});

test('a job that is being kept holds its seat, not the GPU', () => {
  const jobs = jobsOf('s/u 2', 's/u 2', 's/v 3').map((job) => ({ ...job, keep: 0.5 }));
  assert.deepEqual(etas(jobs, [worker(1)]), { a: 2.5, c: 6, b: 8.5 });
  // u and v take turns for 4 s; v alone has the GPU for the half second until u's next job sits down.
  assert.deepEqual(etas(jobs, [worker(2)]), { a: 4.5, c: 6, b: 7.5 });
  assert.deepEqual(etas(jobsOf('s/u 1'), [worker(1, { ...seated('v', 0), keep: 3 })]), { a: 4 });
});

test('of two workers the one takes a job that has its model; a job of nobody comes last', () => {
  const jobs = jobsOf('s/u 3 other', 's/v 3', 's/w 3', 's/x 1 unknown');
  const workers = [worker(1), { ...worker(1), models: ['other'] }];
  assert.deepEqual(etas(jobs, workers), { a: 3, b: 3, c: 6, d: 6 });
});

test('those who are expected take their turn, and have no place in the line', () => {
  const jobs = jobsOf('s/u 4', 's/u 4');
  const flows = [...flowsOf(jobs), { server: 's', member: 'v', weight: 1, tag: 0, virtual: 0 }];
  const coming = [{ server: 's', member: 'v', model: 'mini', cost: 2, keep: 0, inSeconds: 1 }];
  const places = forecastPlaces(flows, jobs, [worker(1)], coming);
  assert.deepEqual(places.get('a'), { position: 1, beginSeconds: 0, etaSeconds: 4 });
  assert.deepEqual(places.get('b'), { position: 2, beginSeconds: 6, etaSeconds: 10 });
});

test('who comes starts level with the one that lags most, also when that one is passed over', () => {
  const jobs = jobsOf('s/p 4 unknown', 's/v 4', 's/x 4');
  const tags: Readonly<Record<string, number>> = { v: 10, x: 12 };
  const known = flowsOf([...jobs, ...jobsOf('s/w')]);
  const flows = known.map((flow) => ({ ...flow, tag: tags[flow.member] ?? 0 }));
  const coming = { server: 's', member: 'w', model: 'mini', cost: 4, keep: 0, inSeconds: 1 };
  const places = forecastPlaces(flows, jobs, [worker(1)], [coming, coming]);
  assert.deepEqual(places.get('b'), { position: 1, beginSeconds: 0, etaSeconds: 4 });
  assert.deepEqual(places.get('c'), { position: 2, beginSeconds: 12, etaSeconds: 16 });
});

test('two thousand jobs of as many users on a hundred workers are looked over in well under a second', () => {
  const jobs = Array.from({ length: 2000 }, (_, i) => ({
    ...{ id: `${i}`, server: `s${i}`, member: `u${i}`, model: 'mini', cost: 1 + (i % 5), keep: 0 },
  }));
  const workers = Array.from({ length: 100 }, () => worker(3));
  const started = performance.now();
  assert.equal(forecastPlaces(flowsOf(jobs), jobs, workers).size, 2000);
  assert.ok(performance.now() - started < 1000);
});
