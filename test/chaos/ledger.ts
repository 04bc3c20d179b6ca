/** What must hold in the database when all has ended. */
import assert from 'node:assert/strict';
import type { MessageJson } from '../../adapters/web/conversation/message.ts';
import type { Sql } from '../../src/store/sql.ts';
import { checkSums } from '../usage/sums.ts';

/** @param messages those that were promised */
export async function checkLedger(sql: Sql, messages: readonly MessageJson[]): Promise<void> {
  const jobs = await sql.query<{
    id: string;
    state: string;
    actual: number | null;
    charged: number | null;
    pictures: { id: string }[];
    message_state: string | null;
    messages: number;
  }>(
    `select j.id, j.state, j.actual, j.charged, j.pictures, max(m.data->'job'->>'state') as message_state,
       count(m.id)::int as messages
     from darkroom.job j left join darkroom.message m on m.job = j.id where not j.is_removed group by j.id`,
  );
  const byId = new Map(jobs.map((job) => [job.id, job]));
  for (const { id, job } of messages) assert.ok(byId.has(job!.id), `message ${id} has its job`);
  for (const { id, state, actual, charged, pictures, message_state, messages: count } of jobs) {
    assert.ok(state === 'done' || state === 'failed' || state === 'cancelled', `job ${id} ended: ${state}`);
    assert.equal(message_state, state, `the thread of ${id} shows its end`);
    assert.equal(count, 1, `job ${id} has one message`);
    assert.equal(pictures.length, state === 'done' ? 1 : 0);
    if (charged !== null) assert.ok(actual !== null, `job ${id} is settled`);
  }
  const [sums] = await sql.query<{
    usage: number;
    jobs: number;
    counted: number;
    settled: number;
    waiting: number;
  }>(
    `select (select coalesce(sum(gpu_seconds), 0) from darkroom.usage)::float8 as usage,
       (select coalesce(sum(jobs), 0) from darkroom.usage)::int as counted,
       (select coalesce(sum(actual), 0) from darkroom.job)::float8 as jobs,
       (select count(*) from darkroom.job where actual is not null)::int as settled,
       (select coalesce(sum(waiting), 0) from darkroom.flow)::int as waiting`,
  );
  assert.ok(Math.abs(sums!.usage - sums!.jobs) < 1e-6, 'GPU-seconds add up');
  assert.equal(sums!.counted, sums!.settled);
  assert.equal(sums!.waiting, 0);
  await checkSums(sql);
  const [left] = await sql.query<{ outbox: number }>('select count(*)::int as outbox from darkroom.outbox');
  assert.equal(left!.outbox, 0, 'every end is shown');
}
