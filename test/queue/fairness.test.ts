import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { Job } from '../../src/job.ts';
import { type Arrival, Bench, eventsOf, jobOf } from './arithmetic.ts';

const USERS = ['a', 'b', 'c', 'd'];

interface Workload {
  readonly seats: number;
  readonly weights: readonly number[];
  readonly jobs: readonly { user: number; at: number; steps: number; stepSeconds: number }[];
}

const workload = (seats: fc.Arbitrary<number>): fc.Arbitrary<Workload> =>
  fc.record({
    seats,
    weights: fc.array(fc.integer({ min: 1, max: 3 }), { minLength: 4, maxLength: 4 }),
    jobs: fc.array(
      fc.record({
        user: fc.nat(3),
        at: fc.nat(60),
        steps: fc.integer({ min: 1, max: 14 }),
        stepSeconds: fc.integer({ min: 1, max: 8 }).map((eighths) => eighths / 8),
      }),
      { minLength: 2, maxLength: 24 },
    ),
  });

/** Runs a workload to its end; `look` is called at the end of each engine call. */
async function play({ seats, weights, jobs }: Workload, look: (bench: Bench, active: Set<string>) => void) {
  const arrivals: Arrival[] = jobs
    .map(({ user, at, steps }, i) => ({ at, job: jobOf(`${i}`, USERS[user]!, steps) }))
    .sort((x, y) => x.at - y.at);
  const stepSeconds = (job: Job) => jobs[Number(job.id)]!.stepSeconds;
  const bench = new Bench(
    { seats, waitingPerUser: 100, weightOf: (user) => weights[USERS.indexOf(user)]! },
    (job, kind) => (kind === 'step' ? stepSeconds(job) : 0.25),
  );
  const unfinished = new Map<string, string>();
  /** Jobs whose user had none when they came, and the engine calls made until then. */
  const newcomers: { id: string; calls: number }[] = [];
  const ends: Promise<unknown>[] = [];
  const arrive = () => {
    while (arrivals.length > 0 && arrivals[0]!.at <= bench.now) {
      const { job } = arrivals.shift()!;
      if (!unfinished.values().some((user) => user === job.user)) {
        newcomers.push({ id: job.id, calls: bench.calls.length });
      }
      unfinished.set(job.id, job.user);
      bench.queue.submit(job);
      ends.push(eventsOf(bench.queue, job.id).then(() => unfinished.delete(job.id)));
    }
  };
  bench.onTick = () => {
    look(bench, new Set(unfinished.values()));
    arrive();
  };
  while (arrivals.length > 0) {
    bench.now = Math.max(bench.now, arrivals[0]!.at);
    arrive();
    while (ends.length > 0) await Promise.all(ends.splice(0));
  }
  assert.equal(bench.open.size, 0);
  return { bench, newcomers };
}

/** Checks |W_f/w_f - W_g/w_g| <= c_f/w_f + c_g/w_g over every interval in which both have jobs. */
async function checkBound(load: Workload, chargeOf: (bench: Bench, user: string) => number) {
  const service = new Map(USERS.map((user) => [user, 0]));
  /** Difference of weighted service at each call, by pair, for the busy interval under way and those past. */
  const pairs = USERS.flatMap((f, i) => USERS.slice(i + 1).map((g) => ({ f, g, busy: [[]] as number[][] })));
  const weighted = (user: string) => service.get(user)! / load.weights[USERS.indexOf(user)]!;
  const { bench } = await play(load, ({ calls }, active) => {
    const { user, seconds } = calls.at(-1)!;
    service.set(user, service.get(user)! + seconds);
    for (const { f, g, busy } of pairs) {
      if (active.has(f) && active.has(g)) busy.at(-1)!.push(weighted(f) - weighted(g));
      else if (busy.at(-1)!.length > 0) busy.push([]);
    }
  });
  for (const { f, g, busy } of pairs) {
    const bound = [f, g]
      .map((user) => chargeOf(bench, user) / load.weights[USERS.indexOf(user)]!)
      .reduce((x, y) => x + y);
    for (const differences of busy.filter((d) => d.length > 0)) {
      const spread = Math.max(...differences) - Math.min(...differences);
      assert.ok(spread <= bound + 1e-9, `${f} and ${g} drift ${spread} apart; the bound is ${bound}`);
    }
  }
}

const largest = (numbers: number[]) => Math.max(0, ...numbers);

test('with a seat for each user, no two drift further apart than a slice of each', async () => {
  await fc.assert(
    fc.asyncProperty(workload(fc.integer({ min: 4, max: 6 })), (load) =>
      checkBound(load, ({ calls }, user) => {
        const steps = calls.filter((call) => call.user === user).map(({ seconds }) => seconds);
        return 4 * largest(steps);
      }),
    ),
    { numRuns: 60 },
  );
});

test('with one seat, no two drift further apart than a job of each', async () => {
  await fc.assert(
    fc.asyncProperty(workload(fc.constant(1)), (load) =>
      checkBound(load, ({ calls }, user) => {
        const jobs = Map.groupBy(
          calls.filter((call) => call.user === user),
          ({ id }) => id,
        );
        return largest([...jobs.values()].map((own) => own.reduce((sum, { seconds }) => sum + seconds, 0)));
      }),
    ),
    { numRuns: 60 },
  );
});

test('a newcomer waits for at most one slice of each other user', async () => {
  await fc.assert(
    fc.asyncProperty(workload(fc.constant(4)), async (load) => {
      const { bench, newcomers } = await play(load, () => {});
      for (const { id, calls } of newcomers) {
        const opened = bench.calls.findIndex((call) => call.id === id);
        for (const [user, own] of Map.groupBy(bench.calls.slice(calls, opened), (call) => call.user)) {
          // What is left of the slice under way, then one more.
          assert.ok(own.length < 4 + 4, `${id} waited for ${own.length} calls of ${user}`);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('every seat is used while another user waits, and the GPU never rests', async () => {
  await fc.assert(
    fc.asyncProperty(workload(fc.integer({ min: 1, max: 5 })), async (load) => {
      const { bench } = await play(load, ({ queue }) => {
        const jobs = queue.list();
        const seated = jobs.filter(({ position }) => position === 0);
        const users = new Set(jobs.map(({ user }) => user));
        assert.equal(new Set(seated.map(({ user }) => user)).size, seated.length, 'one seat a user');
        assert.equal(seated.length, Math.min(load.seats, users.size));
      });
      // Time passes on the clock only while the GPU works, or where nobody has a job.
      const gaps = bench.calls.filter(
        (call, i) => i > 0 && call.at - call.seconds - bench.calls[i - 1]!.at > 1e-9,
      );
      for (const gap of gaps)
        assert.ok(load.jobs.some(({ at }) => Math.abs(at - (gap.at - gap.seconds)) < 1e-9));
    }),
    { numRuns: 60 },
  );
});

test('idle time earns no credit', async () => {
  const bench = new Bench({ seats: 2 });
  bench.onTick = () => {
    if (bench.calls.length === 60) bench.queue.submit(jobOf('late', 'b', 40));
  };
  bench.queue.submit(jobOf('long', 'a', 120));
  await eventsOf(bench.queue, 'long');
  const both = bench.calls.slice(64, 104);
  const steps = (user: string) => both.filter((call) => call.user === user).length;
  assert.ok(Math.abs(steps('a') - steps('b')) <= 8, `${steps('a')} and ${steps('b')}`);
  await bench.queue.drain();
});

test('weights share the GPU in proportion', async () => {
  const bench = new Bench({ seats: 2, weightOf: (user) => (user === 'a' ? 3 : 1) });
  bench.queue.submit(jobOf('x', 'a', 120));
  bench.queue.submit(jobOf('y', 'b', 120));
  await bench.queue.drain();
  const early = bench.calls.slice(0, 120);
  const ratio =
    early.filter(({ user }) => user === 'a').length / early.filter(({ user }) => user === 'b').length;
  assert.ok(ratio > 2.6 && ratio < 3.4, `${ratio}`);
});

test('a small job beside a flood waits for 8 of its steps at most', async () => {
  const bench = new Bench({ seats: 2 });
  for (let i = 0; i < 20; i++) bench.queue.submit(jobOf(`flood${i}`, 'a', 20));
  let submitted = 0;
  bench.onTick = () => {
    if (bench.calls.length !== 50) return;
    submitted = bench.calls.length;
    bench.queue.submit(jobOf('small', 'b', 4));
  };
  await eventsOf(bench.queue, 'flood4');
  const end = bench.calls.findIndex(({ id, kind }) => id === 'small' && kind === 'develop');
  assert.ok(end > 0);
  const waited = bench.calls
    .slice(submitted, end)
    .filter(({ user, kind }) => user === 'a' && kind === 'step');
  assert.ok(waited.length <= 8, `${waited.length} steps`);
  await bench.queue.close();
});

test('what a crash made worthless is not charged', async () => {
  const bench = new Bench({ seats: 2 });
  let died = false;
  bench.onCall = () => {
    if (died || bench.calls.length < 9) return;
    died = true;
    bench.queue.submit(jobOf('newcomer', 'b', 100));
    bench.die();
  };
  bench.queue.submit(jobOf('victim', 'a', 12));
  await eventsOf(bench.queue, 'victim');
  const others = bench.calls.filter(({ id, kind }) => id === 'newcomer' && kind === 'step').length;
  // The 8 lost steps are made up for first; charged, all 12 would alternate with the newcomer's.
  assert.ok(died && others <= 4, `${others} steps of the newcomer came before`);
  await bench.queue.close();
});
