/** The rule of fair share is written three times: in SQL, in the forecast, and in the tests. One trace plays on all. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, test } from 'node:test';
import fc from 'fast-check';
import { SimulatedQueue } from '../../src/queue/simulation.ts';
import { openEmbedded } from '../../src/store/embedded.ts';
import { migrate } from '../../src/store/migrate.ts';
import type { Database } from '../../src/store/sql.ts';
import { type Dispatch, PolicyBench } from './policy.ts';
import { type ReferenceJob, ReferenceQueue } from './reference.ts';

const MODELS = [['mini', 'other'], ['mini'], ['other']] as const;

const submit = fc.record({
  ...{ kind: fc.constant('submit' as const), tenant: fc.nat(2), user: fc.nat(2) },
  ...{ cost: fc.integer({ min: 1, max: 20 }), model: fc.constantFrom('mini', 'other') },
});
const claim = fc.record({
  ...{
    kind: fc.constant('claim' as const),
    models: fc.nat(2),
    busy: fc.uniqueArray(fc.nat(8), { maxLength: 2 }),
  },
  factor: fc.constantFrom(0.5, 1, 1, 1, 2.5),
});
const cancel = fc.record({ kind: fc.constant('cancel' as const), which: fc.nat(1000) });
const trace = fc.record({
  weights: fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 12, maxLength: 12 }),
  steps: fc.array(fc.oneof({ arbitrary: submit, weight: 3 }, { arbitrary: claim, weight: 3 }, cancel), {
    minLength: 20,
    maxLength: 60,
  }),
});

const nameOf = (tenant: number, user: number) => `u${3 * tenant + user}`;

let database: Database;
const folder = mkdtempSync(join(tmpdir(), 'darkroom-trace-'));
before(async () => {
  database = await openEmbedded(folder);
  await migrate(database);
});
after(async () => {
  await database.close();
  rmSync(folder, { recursive: true, force: true });
});

/** The forecast of the reference's present state. */
function simulate(reference: ReferenceQueue): SimulatedQueue {
  const queue = new SimulatedQueue(reference.flows());
  for (const job of reference.waiting) queue.add({ ...job, store: 0 });
  return queue;
}

async function assertSameFlows(bench: PolicyBench, reference: ReferenceQueue): Promise<void> {
  const rows = await bench.flows();
  for (const { tenant, user, tag, virtual } of reference.flows()) {
    const row = rows.get(`${tenant}/${user}`);
    assert.ok(
      Math.abs(row!.tag - tag) < 1e-9 && Math.abs(row!.virtual - virtual) < 1e-9,
      `${tenant}/${user}`,
    );
  }
}

test('database, forecast and reference dispatch the same jobs in the same order and charge the same', async () => {
  const bench = new PolicyBench(database);
  await fc.assert(
    fc.asyncProperty(trace, async ({ weights, steps }) => {
      await bench.clear();
      const reference = new ReferenceQueue();
      for (const [i, step] of steps.entries()) {
        if (step.kind === 'submit') {
          const [tenant, user] = [`t${step.tenant}`, nameOf(step.tenant, step.user)];
          const [tenantWeight, userWeight] = [
            weights[step.tenant]!,
            weights[3 + 3 * step.tenant + step.user]!,
          ];
          const job: ReferenceJob = { id: `${i}`, tenant, user, model: step.model, cost: step.cost };
          await bench.submit({ ...job, tenantWeight, userWeight });
          reference.submit(job, { tenant: tenantWeight, user: userWeight });
        } else if (step.kind === 'cancel') {
          const job = reference.waiting[step.which % reference.waiting.length];
          if (job === undefined) continue;
          await bench.cancel(job.id);
          reference.cancel(job.id);
        } else {
          const models = MODELS[step.models]!;
          const busy = step.busy.map((user) => `u${user}`);
          const forecast = simulate(reference).take(models, busy);
          const expected = reference.claim(models, busy);
          const dispatched = await bench.claim({ models, busy });
          assert.deepEqual([dispatched?.id, forecast?.id], [expected?.id, expected?.id], `step ${i}`);
          if (dispatched === undefined) continue;
          await bench.settle(dispatched.id, dispatched.cost * step.factor);
          reference.charge(expected!, dispatched.cost * (step.factor - 1));
        }
        await assertSameFlows(bench, reference);
      }
      // From here on as the forecast expects it: each job takes as long as expected, and known users send more.
      const forecast = simulate(reference);
      const known = reference.flows().filter(({ user }) => user !== '');
      for (let i = 0; ; i++) {
        if (i % 2 === 0 && i < 2 * known.length) {
          const { tenant, user, weight: userWeight } = known[i / 2]!;
          const tenantWeight = weights[Number(tenant.slice(1))]!;
          const job: ReferenceJob = { id: `later${i}`, tenant, user, model: 'mini', cost: 5 };
          await bench.submit({ ...job, tenantWeight, userWeight });
          reference.submit(job, { tenant: tenantWeight, user: userWeight });
          forecast.join({ ...job, store: 0, inSeconds: 0 }, job.id);
        }
        const dispatched: Dispatch | undefined = await bench.claim({ models: MODELS[0] });
        assert.equal(forecast.take(MODELS[0], [])?.id, dispatched?.id);
        assert.equal(reference.claim(MODELS[0], [])?.id, dispatched?.id);
        if (dispatched === undefined && i >= 2 * known.length) break;
      }
    }),
    { numRuns: 12, endOnFailure: true },
  );
});
