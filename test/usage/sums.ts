/** What is kept by the hour beside the jobs that it is the sum of; for a database whose jobs all still have their rows. */
import assert from 'node:assert/strict';
import type { Sql } from '../../src/store/sql.ts';

export async function checkSums(sql: Sql): Promise<void> {
  const [kept] = await sql.query(
    `select coalesce(sum(done), 0)::int as done, coalesce(sum(failed), 0)::int as failed,
       coalesce(sum(cancelled), 0)::int as cancelled, coalesce(sum(pictures), 0)::int as pictures,
       coalesce(round(sum(gpu_seconds)::numeric, 6), 0)::float8 as seconds,
       (select coalesce(sum(jobs), 0)::int from darkroom.usage_model) as settled,
       (select coalesce(sum(count), 0)::int from darkroom.usage_reason where kind = 'failed') as reasons,
       coalesce(sum((select sum(value::int) from jsonb_each_text(waits))), 0)::int as started,
       (select count(*)::int from darkroom.gallery) as shown
     from darkroom.usage_hour where tenant = ''`,
  );
  const [jobs] = await sql.query(
    // A sweep's own job is none of them.
    `select count(*) filter (where state = 'done' and not is_sweep)::int as done,
       count(*) filter (where state = 'failed' and not is_sweep)::int as failed,
       count(*) filter (where state = 'cancelled' and not is_sweep)::int as cancelled,
       coalesce(sum(jsonb_array_length(pictures)) filter (where not is_sweep), 0)::int as pictures,
       coalesce(round(sum(actual)::numeric, 6), 0)::float8 as seconds, count(actual)::int as settled,
       count(*) filter (where state = 'failed' and not is_sweep)::int as reasons,
       count(*) filter (where ended_at is not null and dispatched_at is not null)::int as started,
       coalesce(sum(jsonb_array_length(pictures)) filter (where state = 'done'), 0)::int as shown
     from darkroom.job, lateral (select frame ? 'sweep' as is_sweep) kind`,
  );
  assert.deepEqual(kept, jobs, 'the sums that are kept are those of the jobs');
  const [tenants] = await sql.query(
    `select count(*)::int as other from (select hour from darkroom.usage_hour group by hour
       having abs(sum(gpu_seconds) filter (where tenant = '') - sum(gpu_seconds) filter (where tenant <> '')) > 1e-6
         or sum(done) <> 2 * sum(done) filter (where tenant = '')) wrong`,
  );
  assert.deepEqual(tenants, { other: 0 }, 'all tenants together are their sum');
}
