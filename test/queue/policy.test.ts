/** The bounds of fair share, over random traces, on the embedded database and on a tenant, in the same order. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { localityOf, withModels } from '../../src/queue/locality.ts';
import { openEmbedded } from '../../src/store/embedded.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openServer } from '../../src/store/postgres.ts';
import type { Database } from '../../src/store/sql.ts';
import { PostgresServer, skipServer } from './databases.ts';
import { type Dispatch, PolicyBench } from './policy.ts';

type Step =
  | {
      readonly kind: 'submit';
      readonly tenant: number;
      readonly user: number;
      readonly cost: number;
      readonly model: string;
    }
  | { readonly kind: 'claim'; readonly factor: number; readonly warm: readonly string[] }
  | { readonly kind: 'settle' | 'cancel' | 'crash'; readonly which: number; readonly factor: number };

interface Trace {
  readonly tenantWeights: readonly number[];
  readonly userWeights: readonly number[];
  readonly steps: readonly Step[];
}

const weights = fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 3, maxLength: 3 });
const factor = fc.integer({ min: 1, max: 12 }).map((quarters) => quarters / 4);
const submit = fc.record({
  kind: fc.constant('submit' as const),
  tenant: fc.nat(2),
  user: fc.nat(2),
  cost: fc.integer({ min: 1, max: 20 }),
  model: fc.constantFrom('mini', 'other'),
});
const claimWith = (warm: fc.Arbitrary<string[]>) =>
  fc.record({ kind: fc.constant('claim' as const), factor, warm });
const claim = claimWith(fc.constant([]));
const warmClaim = claimWith(fc.constantFrom([], ['mini'], ['other']));
const later = fc.record({
  kind: fc.constantFrom('settle' as const, 'settle' as const, 'cancel' as const, 'crash' as const),
  which: fc.nat(1000),
  factor,
});
/** Some submissions first, so that jobs wait; then a mix. */
const traceOf = (...kinds: fc.Arbitrary<Step>[]): fc.Arbitrary<Trace> =>
  fc.record({
    tenantWeights: weights,
    userWeights: weights,
    steps: fc
      .tuple(
        fc.array(submit, { minLength: 5, maxLength: 30 }),
        fc.array(fc.oneof(...kinds), { minLength: 10, maxLength: 45 }),
      )
      .map((parts) => parts.flat()),
  });

/** Weighted service of siblings that both have jobs waiting, over each interval in which both do. */
class Intervals {
  readonly #service = new Map<string, number>();
  readonly #largest = new Map<string, number>();
  readonly #open = new Map<string, { min: number; max: number }>();
  readonly found: { readonly pair: string; readonly spread: number; readonly bound: number }[] = [];
  readonly weightOf: (flow: string) => number;

  constructor(weightOf: (flow: string) => number) {
    this.weightOf = weightOf;
  }

  charge(flow: string, seconds: number, largest: number): void {
    this.#service.set(flow, (this.#service.get(flow) ?? 0) + seconds);
    this.#largest.set(flow, Math.max(this.#largest.get(flow) ?? 0, largest));
  }

  /** @param waiting flows with jobs waiting; siblings share what stands before the last slash */
  look(waiting: readonly string[]): void {
    const pairs = new Set<string>();
    for (const f of waiting) {
      for (const g of waiting) {
        if (!(f < g) || f.slice(0, f.lastIndexOf('/')) !== g.slice(0, g.lastIndexOf('/'))) continue;
        const pair = `${f} ${g}`;
        pairs.add(pair);
        const now = this.#weighted(f) - this.#weighted(g);
        const seen = this.#open.get(pair) ?? { min: now, max: now };
        this.#open.set(pair, { min: Math.min(seen.min, now), max: Math.max(seen.max, now) });
      }
    }
    for (const pair of this.#open.keys()) if (!pairs.has(pair)) this.#close(pair);
  }

  end(): void {
    for (const pair of this.#open.keys()) this.#close(pair);
  }

  #close(pair: string): void {
    const [f, g] = pair.split(' ') as [string, string];
    const { min, max } = this.#open.get(pair)!;
    this.#open.delete(pair);
    const bound = [f, g]
      .map((flow) => (this.#largest.get(flow) ?? 0) / this.weightOf(flow))
      .reduce((x, y) => x + y);
    this.found.push({ pair, spread: max - min, bound });
  }

  #weighted(flow: string): number {
    return (this.#service.get(flow) ?? 0) / this.weightOf(flow);
  }
}

interface Played {
  /** Jobs in the order of dispatch. */
  readonly order: readonly string[];
  readonly intervals: Intervals;
}

/** Plays a trace, and checks on the way what holds at every step. */
async function play(bench: PolicyBench, { tenantWeights, userWeights, steps }: Trace): Promise<Played> {
  await bench.clear();
  const order: string[] = [];
  const waiting = new Map<string, string>();
  const running = new Map<string, Dispatch & { crashes: number }>();
  let used = 0;
  let ended = 0;
  const isExact = steps.some((step) => step.kind === 'claim' && step.warm.length > 0);
  const intervals = new Intervals((flow) => {
    const [tenant, user] = [...flow.matchAll(/\d/g)].map(Number);
    return (user === undefined ? tenantWeights[tenant!] : userWeights[user])!;
  });
  const charge = ({ tenant, user }: Dispatch, seconds: number, largest: number) => {
    intervals.charge(`/${tenant}`, seconds, largest);
    intervals.charge(`/${tenant}/${user}`, seconds, largest);
  };
  for (const [i, step] of steps.entries()) {
    const pick = <T>(of: Iterable<T>): T | undefined => {
      const all = [...of];
      return 'which' in step ? all[step.which % all.length] : undefined;
    };
    switch (step.kind) {
      case 'submit': {
        const { cost, model } = step;
        const [tenant, user] = [`s${step.tenant}`, `u${step.user}`];
        const [tenantWeight, userWeight] = [tenantWeights[step.tenant]!, userWeights[step.user]!];
        await bench.submit({ id: `${i}`, tenant, user, cost, model, tenantWeight, userWeight });
        waiting.set(`${i}`, `/${tenant}/${user}`);
        break;
      }
      case 'claim': {
        const job = await bench.claim({ warm: step.warm });
        assert.equal(job === undefined, waiting.size === 0, 'a job is dispatched whenever one waits');
        if (job === undefined) break;
        order.push(job.id);
        assert.ok(waiting.delete(job.id), 'a job is dispatched once');
        charge(job, job.cost, job.cost);
        running.set(job.id, { ...job, crashes: 0 });
        if (steps.some(({ kind }) => kind === 'settle')) break;
        // In a trace without settling each job ends at once.
        // What goes ahead for its warm model does so by its estimate, which is right then.
        const seconds = isExact ? job.cost : job.cost * step.factor;
        await bench.settle(job.id, seconds);
        charge(job, seconds - job.cost, seconds);
        used += seconds;
        ended += 1;
        running.delete(job.id);
        break;
      }
      case 'settle': {
        const job = pick(running.values());
        if (job === undefined) break;
        running.delete(job.id);
        await bench.settle(job.id, job.cost * step.factor);
        // Once: a zombie's second word changes nothing.
        await bench.settle(job.id, 1000);
        used += job.cost * step.factor;
        ended += 1;
        break;
      }
      case 'cancel': {
        const id = pick(waiting.keys());
        if (id === undefined) break;
        waiting.delete(id);
        await bench.cancel(id);
        break;
      }
      case 'crash': {
        const job = pick(running.values());
        if (job === undefined) break;
        job.crashes += 1;
        const kind = await bench.again(job.ticket, job.crashes);
        assert.equal(
          kind,
          job.crashes < 2 ? 'again' : 'poison',
          'a ticket goes back to its job, twice at most',
        );
        if (kind !== 'poison') break;
        running.delete(job.id);
        await bench.settle(job.id, 0);
        ended += 1;
      }
    }
    const flows = new Set(waiting.values());
    intervals.look([...flows, ...new Set([...flows].map((flow) => flow.slice(0, flow.lastIndexOf('/'))))]);
  }
  intervals.end();
  const sums = await bench.gpuSeconds();
  assert.ok(Math.abs(sums.usage - used) < 1e-6 && Math.abs(sums.jobs - used) < 1e-6, 'GPU-seconds add up');
  assert.equal(sums.counted, ended);
  const flows = await bench.flows();
  for (const [flow, { waiting: counted }] of flows) {
    const [tenant, user] = flow.split('/');
    const own = [...waiting.values()].filter((of) =>
      user === '' ? of.startsWith(`/${tenant}/`) : of === `/${tenant}/${user}`,
    );
    assert.equal(counted, tenant === '' ? 0 : own.length, `${flow} counts who waits`);
  }
  return { order, intervals };
}

let embedded: Database;
let postgres: PostgresServer | undefined;
let remote: Database | undefined;
const folder = mkdtempSync(join(tmpdir(), 'darkroom-policy-'));

before(async () => {
  embedded = await openEmbedded(folder);
  await migrate(embedded);
  if (skipServer !== false) return;
  postgres = await PostgresServer.start();
  remote = await openServer({ url: await postgres.database() });
  await migrate(remote);
});
after(async () => {
  await embedded?.close();
  await remote?.close();
  await postgres?.stop();
  rmSync(folder, { recursive: true, force: true });
});

describe('fair share', () => {
  for (const [name, kind] of Object.entries({
    'whatever the estimates were': claim,
    'where estimates are right and models are kept warm': warmClaim,
  })) {
    test(`two who both wait drift no further apart than the largest charge of each, ${name}`, async () => {
      const bench = new PolicyBench(embedded);
      await fc.assert(
        fc.asyncProperty(traceOf(submit, kind), async (trace) => {
          const { intervals } = await play(bench, trace);
          for (const { pair, spread, bound } of intervals.found) {
            assert.ok(spread <= bound + 1e-9, `${pair} drift ${spread} apart; the bound is ${bound}`);
          }
        }),
        { numRuns: 15, endOnFailure: true },
      );
    });
  }

  test('every job that waits is dispatched once, charged once, and what was used adds up, whatever crashes', async () => {
    const bench = new PolicyBench(embedded);
    await fc.assert(
      fc.asyncProperty(traceOf(submit, submit, claim, later), async (trace) => {
        await play(bench, trace);
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });

  test('a PostgreSQL server gives the same order as the embedded database', {
    skip: skipServer,
  }, async () => {
    const [here, there] = [new PolicyBench(embedded), new PolicyBench(remote!)];
    await fc.assert(
      fc.asyncProperty(traceOf(submit, submit, claim, later), async (trace) => {
        const [one, other] = [await play(here, trace), await play(there, trace)];
        assert.deepEqual(one.order, other.order);
        assert.deepEqual(await here.flows(), await there.flows());
      }),
      { numRuns: 12, endOnFailure: true },
    );
  });

  test('a newcomer waits for one dispatch of each other at most', async () => {
    const bench = new PolicyBench(embedded);
    await fc.assert(
      fc.asyncProperty(traceOf(submit, submit, claim), fc.nat(2), async (trace, to) => {
        await play(bench, trace);
        await bench.submit({ id: 'new', tenant: `s${to}`, user: 'new', cost: 3 });
        const others = new Map<string, number>();
        for (;;) {
          const job = await bench.claim();
          if (job === undefined || job.id === 'new') break;
          if (job.tenant === `s${to}`) others.set(job.user, (others.get(job.user) ?? 0) + 1);
        }
        assert.ok(
          others.values().every((count) => count <= 1),
          JSON.stringify([...others]),
        );
      }),
      { numRuns: 10, endOnFailure: true },
    );
  });

  test('time without jobs earns nothing', async () => {
    const bench = new PolicyBench(embedded);
    await bench.clear();
    for (let i = 0; i < 30; i++) await bench.submit({ id: `a${i}`, tenant: 's', user: 'a', cost: 1 });
    for (let i = 0; i < 10; i++) await bench.claim();
    for (let i = 0; i < 20; i++) await bench.submit({ id: `b${i}`, tenant: 's', user: 'b', cost: 1 });
    const taken: string[] = [];
    for (let i = 0; i < 20; i++) taken.push((await bench.claim())!.user);
    assert.equal(taken.filter((user) => user === 'b').length, 10);
  });

  test('a newcomer does not start behind by what one who cannot be served now lags', async () => {
    const bench = new PolicyBench(embedded);
    await bench.clear();
    for (let i = 0; i < 9; i++) {
      for (const user of ['a', 'b']) await bench.submit({ id: `${user}${i}`, tenant: user, user, cost: 7 });
    }
    // The worker has a job of his already: b goes past him five times.
    for (let i = 0; i < 5; i++) assert.equal((await bench.claim({ busy: ['a'] }))?.user, 'b');
    await bench.submit({ id: 'c', tenant: 'c', user: 'c', cost: 7 });
    // One dispatch of each other at most, and not all those that a has to catch up with.
    const taken = [await bench.claim(), await bench.claim()].map((job) => job?.user);
    assert.deepEqual(taken, ['a', 'c']);
  });

  test('a worker takes what it can run, past what it cannot, and never a second job of a user who has a slot there', async () => {
    const bench = new PolicyBench(embedded);
    await bench.clear();
    await bench.submit({ id: 'big', tenant: 's', user: 'a', cost: 1, model: 'other' });
    await bench.submit({ id: 'small', tenant: 's', user: 'a', cost: 1 });
    await bench.submit({ id: 'his', tenant: 't', user: 'b', cost: 1 });
    assert.equal((await bench.claim({ models: ['mini'] }))?.id, 'small');
    assert.equal((await bench.claim({ models: ['mini'], busy: ['b'] }))?.id, undefined);
    assert.equal((await bench.claim({ models: ['mini'] }))?.id, 'his');
    const big = await bench.claim({ models: ['other'] });
    assert.equal(big?.id, 'big');
    // Its worker dies, and the ticket comes to one that cannot run it: back in line, uncharged.
    assert.equal(await bench.again(big!.ticket, 1, ['mini']), 'none');
    assert.equal((await bench.flows()).get('s/a')?.waiting, 1);
    assert.equal((await bench.claim({ models: ['other'] }))?.id, 'big');
    assert.equal((await bench.flows()).get('s/a')?.tag, 2);
  });

  test('a warm model goes first only where it costs nobody his turn', async () => {
    const bench = new PolicyBench(embedded);
    await bench.clear();
    await bench.submit({ id: 'cold', tenant: 's', user: 'a', cost: 5, model: 'other' });
    await bench.submit({ id: 'warm', tenant: 's', user: 'b', cost: 5 });
    await bench.submit({ id: 'warm2', tenant: 's', user: 'b', cost: 5 });
    const taken: (string | undefined)[] = [];
    for (let i = 0; i < 3; i++) taken.push((await bench.claim({ warm: ['mini'] }))?.id);
    assert.deepEqual(taken, ['warm', 'cold', 'warm2']);
  });

  test('jobs with the LoRAs that are in use go together, only where it costs nobody his turn', async () => {
    const bench = new PolicyBench(embedded);
    await bench.clear();
    await bench.submit({ id: 'other', tenant: 's', user: 'a', cost: 5, loras: ['ink'] });
    await bench.submit({ id: 'same', tenant: 's', user: 'b', cost: 5, loras: ['pixel', 'soft'] });
    await bench.submit({ id: 'same2', tenant: 's', user: 'b', cost: 5, loras: ['pixel', 'soft'] });
    const running = { model: 'mini', loras: ['pixel', 'soft'].map((file) => ({ file, weight: 1 })) };
    const warm = withModels([localityOf(running)]);
    const taken: (string | undefined)[] = [];
    for (let i = 0; i < 3; i++) taken.push((await bench.claim({ warm }))?.id);
    assert.deepEqual(taken, ['same', 'other', 'same2']);
  });
});
