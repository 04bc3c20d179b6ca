/** A worker and its queue: slots, slices, deaths, cancels, lost leases. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { DarkroomError, describeError } from '../../src/errors.ts';
import { FilesChanged, type Job } from '../../src/job.ts';
import { callLimit } from '../../src/queue/drawing.ts';
import { sentence } from '../../src/sentences.ts';
import { Bench, jobOf } from './arithmetic.ts';

const USERS = ['a', 'b', 'c', 'd'];

interface Workload {
  readonly weights: readonly number[];
  readonly jobs: readonly { user: number; at: number; steps: number; stepSeconds: number }[];
}

const workload: fc.Arbitrary<Workload> = fc.record({
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
async function play(
  { weights, jobs }: Workload,
  slots: number,
  look: (bench: Bench, active: Set<string>) => void,
) {
  const arrivals = jobs
    .map(({ user, at, steps }, i) => ({ at, job: jobOf(`${i}`, USERS[user]!, steps) }))
    .sort((x, y) => x.at - y.at);
  const stepSeconds = (job: Job) => jobs[Number(job.id)]!.stepSeconds;
  const bench = new Bench({ slots }, (job, kind) => (kind === 'step' ? stepSeconds(job) : 0.25));
  bench.queue.weightOf = (user) => weights[USERS.indexOf(user)]!;
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
      bench.submit(job);
      ends.push(bench.endOf(job.id).then(() => unfinished.delete(job.id)));
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
  await bench.worker.stop(0);
  assert.equal(bench.open.size, 0);
  return { bench, newcomers };
}

test('with a slot for each user, no two drift further apart than a slice of each', async () => {
  await fc.assert(
    fc.asyncProperty(workload, fc.integer({ min: 4, max: 6 }), async (load, slots) => {
      const service = new Map(USERS.map((user) => [user, 0]));
      /** Differences of weighted service, by pair and by interval in which both have jobs. */
      const pairs = USERS.flatMap((f, i) =>
        USERS.slice(i + 1).map((g) => ({ f, g, busy: [[]] as number[][] })),
      );
      const weighted = (user: string) => service.get(user)! / load.weights[USERS.indexOf(user)]!;
      const { bench } = await play(load, slots, ({ calls }, active) => {
        const { user, seconds } = calls.at(-1)!;
        service.set(user, service.get(user)! + seconds);
        for (const { f, g, busy } of pairs) {
          if (active.has(f) && active.has(g)) busy.at(-1)!.push(weighted(f) - weighted(g));
          else if (busy.at(-1)!.length > 0) busy.push([]);
        }
      });
      const sliceOf = (user: string) =>
        4 * Math.max(0, ...bench.calls.filter((call) => call.user === user).map(({ seconds }) => seconds));
      for (const { f, g, busy } of pairs) {
        const bound = [f, g]
          .map((user) => sliceOf(user) / load.weights[USERS.indexOf(user)]!)
          .reduce((x, y) => x + y);
        for (const differences of busy.filter((d) => d.length > 0)) {
          const spread = Math.max(...differences) - Math.min(...differences);
          assert.ok(spread <= bound + 1e-9, `${f} and ${g} drift ${spread} apart; the bound is ${bound}`);
        }
      }
    }),
    { numRuns: 60 },
  );
});

test('a newcomer waits for at most one slice of each other user', async () => {
  await fc.assert(
    fc.asyncProperty(workload, async (load) => {
      const { bench, newcomers } = await play(load, 4, () => {});
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

test('every slot is used while another user waits, one a user, and the GPU never idles', async () => {
  await fc.assert(
    fc.asyncProperty(workload, fc.integer({ min: 1, max: 5 }), async (load, slots) => {
      const { bench } = await play(load, slots, ({ queue, calls }) => {
        const running = [...queue.running.values()].map(({ user }) => user);
        const users = new Set([...running, ...queue.waiting.map(({ user }) => user)]);
        assert.equal(new Set(running).size, running.length, 'one slot a user');
        // The last call of a job frees its slot only when its end is written.
        if (calls.at(-1)!.kind === 'step') assert.equal(running.length, Math.min(slots, users.size));
      });
      // Time passes on the clock only while the GPU works, or where nobody has a job.
      const gaps = bench.calls.filter(
        (call, i) => i > 0 && call.at - call.seconds - bench.calls[i - 1]!.at > 1e-9,
      );
      for (const gap of gaps) {
        assert.ok(load.jobs.some(({ at }) => Math.abs(at - (gap.at - gap.seconds)) < 1e-9));
      }
    }),
    { numRuns: 60 },
  );
});

test('idle time earns no credit', async () => {
  const bench = new Bench();
  bench.onTick = () => {
    if (bench.calls.length === 60) bench.submit(jobOf('late', 'b', 40));
  };
  bench.submit(jobOf('long', 'a', 120));
  await bench.endsOf('long', 'late');
  const both = bench.calls.slice(64, 104);
  const steps = (user: string) => both.filter((call) => call.user === user).length;
  assert.ok(Math.abs(steps('a') - steps('b')) <= 8, `${steps('a')} and ${steps('b')}`);
  await bench.worker.stop(0);
});

test('the time left follows what the steps of this very job take', async () => {
  // Usually a second; the machine is loaded.
  const bench = new Bench({}, (_, kind) => (kind === 'step' ? 3 : 0.25));
  bench.submit(jobOf('one', 'a', 20));
  await bench.endOf('one');
  const left = (at: number) => bench.queue.published.findLast(({ event }) => event.step === at)!.event;
  assert.ok(Math.abs(left(10).etaSeconds - 31) < 4, String(left(10).etaSeconds));
  assert.ok(Math.abs(left(18).etaSeconds - 7) < 1, String(left(18).etaSeconds));
  await bench.worker.stop(0);
});

test('weights share the GPU in proportion', async () => {
  const bench = new Bench();
  bench.queue.weightOf = (user) => (user === 'a' ? 3 : 1);
  bench.submit(jobOf('x', 'a', 120), jobOf('y', 'b', 120));
  await bench.endsOf('x', 'y');
  const early = bench.calls.slice(0, 120);
  const ratio =
    early.filter(({ user }) => user === 'a').length / early.filter(({ user }) => user === 'b').length;
  assert.ok(ratio > 2.6 && ratio < 3.4, `${ratio}`);
  await bench.worker.stop(0);
});

test('a small job beside a flood waits for 8 of its steps at most', async () => {
  const bench = new Bench();
  for (let i = 0; i < 20; i++) bench.submit(jobOf(`flood${i}`, 'a', 20));
  let submitted = 0;
  bench.onTick = () => {
    if (bench.calls.length !== 50) return;
    submitted = bench.calls.length;
    bench.submit(jobOf('small', 'b', 4));
  };
  await bench.endsOf('flood4', 'small');
  const end = bench.calls.findIndex(({ id, kind }) => id === 'small' && kind === 'decode');
  const waited = bench.calls
    .slice(submitted, end)
    .filter(({ user, kind }) => user === 'a' && kind === 'step');
  assert.ok(end > 0 && waited.length <= 8, `${waited.length} steps`);
  await bench.worker.stop(0);
});

test('steps, previews and time left are published as they come', async () => {
  const bench = new Bench();
  bench.submit(jobOf('one', 'a', 6));
  assert.deepEqual(await bench.endOf('one'), {
    state: 'done',
    pictures: [{ id: '0', width: 64, height: 64 }],
    notes: [],
  });
  const published = bench.queue.published.map(({ event }) => event);
  assert.deepEqual([...new Set(published.map(({ step }) => step))], [0, 1, 2, 3, 4, 5, 6]);
  assert.ok(published.every(({ steps }) => steps === 6));
  assert.ok(published.some(({ preview }) => preview?.[0] === 6));
  assert.equal(published.at(-1)!.etaSeconds, 1);
  assert.equal(bench.queue.used.get('one'), 6.5);
  await bench.worker.stop(0);
});

test('a running job that is cancelled gives the GPU back after the step under way, and is charged for it', async () => {
  const bench = new Bench({ slots: 1 });
  bench.onTick = () => {
    if (bench.calls.length === 4) bench.cancel('one');
  };
  bench.submit(jobOf('one', 'a', 40), jobOf('two', 'b'));
  assert.deepEqual(await bench.endsOf('one', 'two'), ['cancelled', 'done']);
  assert.equal(bench.calls.filter(({ id }) => id === 'one').length, 4);
  assert.equal(bench.queue.used.get('one'), 3.25);
  assert.equal(bench.open.size, 0);
  await bench.worker.stop(0);
});

test('a worker that has lost its lease writes nothing, and its pictures are removed', async () => {
  const bench = new Bench({ slots: 1 });
  bench.onTick = () => {
    if (bench.calls.at(-1)!.kind === 'decode') bench.queue.lost.add('one');
  };
  bench.submit(jobOf('one', 'a'));
  assert.equal((await bench.endOf('one')).state, 'lost');
  await bench.worker.stop(0);
  assert.deepEqual([...bench.stored], []);
  assert.equal(bench.queue.used.size, 0);
});

test('of several pictures each is shown when it is finished; a try that is lost shows none of its own', async () => {
  const bench = new Bench({ slots: 1 });
  let decodes = 0;
  bench.onCall = ({ kind }) => {
    if (kind === 'decode' && ++decodes === 2) bench.die();
  };
  const job = jobOf('one', 'a', 6, 'a mug', 3);
  bench.submit(job);
  const end = await bench.endOf('one');
  // The first of the first try goes with it.
  assert.deepEqual(bench.queue.shown, [['0'], [], ['1'], ['1', '2'], ['1', '2', '3']]);
  assert.deepEqual(end.state === 'done' && end.pictures.map(({ id }) => id), ['1', '2', '3']);
  assert.deepEqual([...bench.stored], ['1', '2', '3']);
  const kinds = bench.calls.map(({ kind }) => kind).slice(-9);
  assert.deepEqual(kinds.join(' '), 'step step decode step step decode step step decode');
  // Where one of them can have all refused, they come together.
  bench.submit({ ...jobOf('checked', 'a', 6, 'a mug', 3), isModerated: true });
  await bench.endOf('checked');
  assert.equal(bench.queue.shown.length, 5);
  await bench.worker.stop(0);
});

test('pictures of a job that is cancelled meanwhile are removed', async () => {
  const bench = new Bench({ slots: 1 });
  let decodes = 0;
  bench.onCall = ({ kind }) => {
    if (kind === 'decode' && ++decodes === 2) bench.cancel('one');
  };
  bench.submit(jobOf('one', 'a', 6, 'a mug', 3));
  assert.equal((await bench.endOf('one')).state, 'cancelled');
  // What was shown goes with the end of the job (src/store/schema/unfinished.ts).
  assert.deepEqual([...bench.stored], ['0']);
  await bench.worker.stop(0);
});

test('a worker that stops gives its jobs time, then gives them back', async () => {
  const bench = new Bench();
  const stopped: Promise<void>[] = [];
  bench.onTick = () => {
    if (bench.calls.length === 3) stopped.push(bench.worker.stop(0));
  };
  bench.submit(jobOf('one', 'a', 150), jobOf('two', 'b', 150));
  assert.deepEqual(await bench.endsOf('one', 'two'), ['given back', 'given back']);
  await Promise.all(stopped);
  bench.submit(jobOf('three', 'a'));
  assert.equal(bench.queue.waiting.length, 1);

  const patient = new Bench();
  patient.submit(jobOf('one', 'a', 100));
  patient.onTick = () => {
    if (patient.calls.length === 3) stopped.push(patient.worker.stop(10_000));
  };
  assert.deepEqual(await patient.endsOf('one'), ['done']);
  await Promise.all(stopped);
});

test('an error fails only its own job', async () => {
  const failures: unknown[] = [];
  const bench = new Bench({ onFailure: (_, error) => failures.push(error) });
  bench.onCall = ({ id, kind }) => {
    if (id === 'bad' && kind === 'step') throw new DarkroomError('bad_model', 'A weight is NaN.');
    if (id === 'worse' && kind === 'open') throw new TypeError('secret detail');
  };
  bench.submit(jobOf('bad', 'a'), jobOf('worse', 'b'), jobOf('good', 'c'));
  const ends = await Promise.all(['bad', 'worse', 'good'].map((id) => bench.endOf(id)));
  assert.deepEqual(ends[0], { state: 'failed', error: { code: 'bad_model', message: 'A weight is NaN.' } });
  assert.ok(ends[1]!.state === 'failed' && ends[1]!.error.code === 'internal');
  assert.doesNotMatch(JSON.stringify(ends[1]), /secret/);
  assert.equal(ends[2]!.state, 'done');
  assert.equal(failures.length, 2);
  await bench.worker.stop(0);
});

test('a lost engine is survived once by the job that met it, always by the bystander; its work is not charged', async () => {
  const bench = new Bench();
  let deaths = 0;
  bench.onCall = ({ id, kind }) => {
    if (id !== 'victim' || kind !== 'step' || bench.calls.length < 5 || deaths === 1) return;
    deaths++;
    bench.die();
  };
  bench.submit(jobOf('victim', 'a', 12), jobOf('bystander', 'b', 12));
  assert.deepEqual(await bench.endsOf('victim', 'bystander'), ['done', 'done']);
  assert.equal(deaths, 1);
  assert.equal(bench.queue.used.get('victim'), 12.5);
  assert.equal(bench.queue.used.get('bystander'), 12.5);
  await bench.worker.stop(0);
});

test('a job whose model was changed under it is drawn again, and gives up where that does not end', async () => {
  const bench = new Bench();
  let changes = 0;
  bench.onCall = ({ id, kind }) => {
    if (kind !== 'decode' || (id === 'one' && changes >= 1)) return;
    changes++;
    throw new FilesChanged('bad_model', 'x.safetensors was changed.');
  };
  bench.submit(jobOf('one', 'a', 4));
  assert.equal((await bench.endOf('one')).state, 'done');
  // What was drawn of files that are gone is not charged.
  assert.equal(bench.queue.used.get('one'), 4.5);
  changes = 0;
  bench.submit(jobOf('restless', 'a', 4));
  const end = await bench.endOf('restless');
  assert.ok(end.state === 'failed' && end.error.message === 'x.safetensors was changed.');
  assert.equal(changes, 3);
  assert.equal(bench.open.size, 0);
  await bench.worker.stop(0);
});

test('a job that takes the engine down twice fails with a sentence; the bystander is done', async () => {
  const bench = new Bench();
  let deaths = 0;
  bench.onCall = ({ id, kind }) => {
    if (id !== 'poison' || kind !== 'step') return;
    deaths++;
    bench.die();
  };
  bench.submit(jobOf('poison', 'a', 12), jobOf('bystander', 'b', 12));
  const end = await bench.endOf('poison');
  assert.ok(end.state === 'failed' && end.error.code === 'engine_failed');
  assert.match(end.error.message, /stopped twice/);
  assert.equal((await bench.endOf('bystander')).state, 'done');
  assert.equal(deaths, 2);
  await bench.worker.stop(0);
});

test('a job that a device lacks the memory for is left to another worker where there is one', async () => {
  const bench = new Bench({
    fits: async ({ prompt }, isModerated) => prompt !== 'too large' && !isModerated,
    canRunElsewhere: async () => true,
  });
  const large = jobOf('large', 'a');
  const checked = { ...jobOf('checked', 'c'), isModerated: true };
  bench.submit(
    { ...large, request: { ...large.request, prompt: 'too large' } },
    jobOf('small', 'b'),
    checked,
  );
  assert.deepEqual(await bench.endOf('large'), { state: 'given back' });
  assert.deepEqual(await bench.endOf('checked'), { state: 'given back' });
  assert.deepEqual(await bench.endsOf('small'), ['done']);
  assert.ok(bench.calls.every(({ id }) => id !== 'large'));
  await bench.worker.stop(0);
});

const FULL = new DarkroomError('too_large', 'cuda:1 has not enough free memory for this.');

test('a job whose device fails goes to another one where there is one; the bystander stays', async () => {
  const bench = new Bench({ device: 'cuda:1', canRunElsewhere: async () => true });
  let failures = 0;
  bench.onCall = ({ id, kind }) => {
    if (id !== 'victim' || kind !== 'step' || bench.calls.length < 5) return;
    failures++;
    bench.die(FULL);
  };
  bench.submit(jobOf('victim', 'a', 12), jobOf('bystander', 'b', 12));
  const note = sentence('queue.moved', { device: 'cuda:1' });
  assert.deepEqual(await bench.endOf('victim'), { state: 'moved', note });
  assert.deepEqual(await bench.endsOf('bystander'), ['done']);
  assert.equal(failures, 1);
  // It waits for the other device.
  bench.submit(jobOf('next', 'a'), jobOf('last', 'c'));
  assert.deepEqual(await bench.endsOf('last'), ['done']);
  assert.ok(bench.calls.every(({ id }) => id !== 'next'));
  await bench.worker.stop(0);
});

test('a job that is cancelled while its device fails leaves, and is not drawn elsewhere', async () => {
  const bench = new Bench({
    device: 'cuda:1',
    canRunElsewhere: async () => {
      bench.cancel('victim');
      return true;
    },
  });
  bench.onCall = ({ kind }) => (kind === 'step' ? bench.die(FULL) : undefined);
  bench.submit(jobOf('victim', 'a', 12));
  assert.equal((await bench.endOf('victim')).state, 'cancelled');
  await bench.worker.stop(0);
});

test('with one device the job is started again there once, says so, and fails with the device’s sentence', async () => {
  const bench = new Bench({ slots: 3, device: 'cuda:1' });
  let failures = 0;
  bench.onCall = ({ id, kind }) => {
    if (kind !== 'step' || id === 'one-failure' ? failures > 0 : id !== 'two') return;
    failures++;
    bench.die(FULL);
  };
  bench.submit(jobOf('one-failure', 'a'));
  const first = await bench.endOf('one-failure');
  assert.deepEqual(first.state === 'done' && first.notes, [
    sentence('queue.restarted', { device: 'cuda:1' }),
  ]);
  bench.submit(jobOf('two', 'b'));
  assert.deepEqual(await bench.endOf('two'), {
    ...{ state: 'failed', error: { code: 'too_large', message: FULL.message } },
  });
  assert.equal(failures, 3);
  // One that came from a device that failed gets no third try.
  bench.queue.suspects.add('moved');
  bench.onCall = ({ id, kind }) => (id === 'moved' && kind === 'step' ? bench.die(FULL) : undefined);
  bench.submit(jobOf('moved', 'c'));
  assert.equal((await bench.endOf('moved')).state, 'failed');
  await bench.worker.stop(0);
});

test('an engine that hangs is ended: the job that met it starts again once, the others always', async () => {
  const bench = new Bench({ callLimit: () => 0.02 });
  let hangs = 0;
  bench.onCall = ({ id, kind }) => {
    if (id !== 'victim' || kind !== 'step' || bench.calls.length < 5 || hangs === 1) return undefined;
    hangs++;
    return bench.hang();
  };
  bench.submit(jobOf('victim', 'a', 12), jobOf('bystander', 'b', 12));
  assert.deepEqual(await bench.endsOf('victim', 'bystander'), ['done', 'done']);
  assert.equal(bench.kills, 1);
  assert.equal(bench.queue.used.get('victim'), 12.5);
  bench.onCall = ({ id, kind }) => (id === 'always' && kind === 'open' ? bench.hang() : undefined);
  bench.submit(jobOf('always', 'a'), jobOf('next', 'b'));
  const end = await bench.endOf('always');
  assert.ok(end.state === 'failed' && end.error.code === 'engine_failed');
  assert.equal((await bench.endOf('next')).state, 'done');
  assert.equal(bench.kills, 3);
  await bench.worker.stop(0);
});

test('a call may take far longer than those before it, and longest where none was measured', () => {
  assert.deepEqual([undefined, 0.1, 10].map(callLimit), [1800, 120, 400]);
});

test('a job over which a worker has died runs alone', async () => {
  const bench = new Bench({ slots: 3 });
  bench.queue.suspects.add('suspect');
  bench.submit(jobOf('one', 'a', 9), jobOf('suspect', 'b', 9), jobOf('two', 'c', 9), jobOf('three', 'd', 9));
  assert.deepEqual(await bench.endsOf('one', 'suspect', 'two', 'three'), ['done', 'done', 'done', 'done']);
  const first = bench.calls.findIndex(({ id }) => id === 'suspect');
  const last = bench.calls.findLastIndex(({ id }) => id === 'suspect');
  assert.ok(bench.calls.slice(first, last).every(({ id }) => id === 'suspect'));
  const open = new Set(bench.calls.slice(0, first).map(({ id }) => id));
  const later = new Set(bench.calls.slice(last + 1).map(({ id }) => id));
  assert.ok([...open].every((id) => !later.has(id)));
  await bench.worker.stop(0);
});

test('a job that may not be drawn any longer ends with why, and its model is not opened', async () => {
  const error = describeError(new DarkroomError('forbidden', 'not here'));
  const bench = new Bench({ refusal: async (id) => (id === 'no' ? error : undefined) });
  for (const id of ['no', 'yes']) bench.submit(jobOf(id, 'a', 2));
  assert.deepEqual(await bench.endOf('no'), { state: 'failed', error });
  assert.equal((await bench.endOf('yes')).state, 'done');
  assert.ok(bench.calls.every(({ id }) => id === 'yes'));
  await bench.worker.stop(0);
});
