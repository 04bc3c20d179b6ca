/** The sums of use that src/store/schema/usage.ts keeps, and the refusals that are counted beside them. */
import type { Sql } from './sql.ts';

/** What somebody, or something, has used. */
export interface UsageSum {
  /** Id of the person who is charged, or of the tenant; name of the model. */
  readonly key: string;
  /** Of a person, as long as pictures or jobs of theirs are kept, or the web chat knows it. */
  readonly name?: string;
  readonly gpuSeconds: number;
  readonly jobs: number;
}

export interface UsageReason {
  readonly kind: 'refused' | 'failed';
  readonly reason: string;
  readonly count: number;
}

interface UsageHour {
  /** Its start in milliseconds since 1970. */
  readonly at: number;
  readonly done: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly pictures: number;
  readonly gpuSeconds: number;
  /** Jobs by bucket, see src/usage/waits.ts. */
  readonly waits: Readonly<Record<string, number>>;
}

/** Everywhere: `tenant` undefined stands for all of them; `since` is a midnight of UTC in milliseconds since 1970. */
export interface UsageStore {
  /** Hours in which jobs ended, oldest first. */
  hours(tenant: string | undefined, since: number): Promise<UsageHour[]>;
  /** Most GPU-seconds first. */
  people(tenant: string | undefined, since: number, most: number): Promise<UsageSum[]>;
  models(tenant: string | undefined, since: number, most: number): Promise<UsageSum[]>;
  tenants(since: number, most: number): Promise<UsageSum[]>;
  /** Most frequent first. */
  reasons(tenant: string | undefined, since: number): Promise<UsageReason[]>;
  /** Counts a request that was refused. @param reason one of a few */
  countRefusal(tenant: string, reason: string): Promise<void>;
  /** Every tenant that has sums. */
  listTenants(): Promise<string[]>;
  /**
   * Deletes the sums of a tenant of before a time, and what is left of its removed jobs.
   * @param tenant undefined for the sums of all tenants together
   */
  expire(tenant: string | undefined, before: number): Promise<void>;
}

interface HourRow {
  readonly [column: string]: unknown;
  readonly at: number;
  readonly done: number;
  readonly failed: number;
  readonly cancelled: number;
  readonly pictures: number;
  readonly seconds: number;
  readonly waits: string;
}

type SumRow = {
  readonly key: string;
  readonly name?: string | null;
  readonly seconds: number;
  readonly jobs: number;
};

export function createUsage(sql: Sql): UsageStore {
  const sums = async (text: string, values: readonly unknown[]) =>
    (await sql.query<SumRow>(text, values)).map(
      ({ key, name, seconds, jobs }): UsageSum => ({
        ...{ key, gpuSeconds: seconds, jobs },
        ...(name != null && { name }),
      }),
    );
  return {
    async hours(tenant = '', since) {
      // As text: a driver would look at each column of each row for its type.
      const rows = await sql.query<HourRow>(
        `select extract(epoch from hour)::float8 as at, done, failed, cancelled, pictures, gpu_seconds as seconds,
           waits::text as waits
         from darkroom.usage_hour where tenant = $1 and hour >= $2 order by hour`,
        [tenant, new Date(since)],
      );
      return rows.map(({ at, seconds, waits, ...row }) => ({
        ...row,
        ...{ at: at * 1000, gpuSeconds: seconds, waits: JSON.parse(waits) as UsageHour['waits'] },
      }));
    },
    people: (tenant, since, most) =>
      sums(
        // By the newest picture; else by the newest job, which has drawn none; else by the name in the web chat.
        `with used as (
           select user_id, sum(gpu_seconds)::float8 as seconds, sum(jobs)::int as jobs from darkroom.usage
           where day >= $2 and ($1::text is null or tenant = $1)
           group by user_id order by seconds desc, user_id limit $3
         ), drawn as (
           select u.*, (
             select nullif(j.user_name, '') from darkroom.gallery g join darkroom.job j on j.id = g.job
             where g.user_id = u.user_id order by g.number desc limit 1) as name
           from used u
         ), asked as (
           select distinct on (j.user_id) j.user_id, j.user_name as name from darkroom.job j
           where not j.is_removed and j.requested_by is null and j.user_name <> ''
             and ($1::text is null or j.tenant = $1) and j.user_id in (select user_id from drawn where name is null)
           order by j.user_id, j.number desc
         )
         select d.user_id as key, d.seconds, d.jobs, coalesce(d.name, a.name, n.name) as name
         from drawn d
         left join asked a on a.user_id = d.user_id
         left join darkroom.person p on p.id = d.user_id
         left join darkroom.person_name n on n.key = p.name_key
         order by d.seconds desc, key`,
        [tenant ?? null, dayOf(since), most],
      ),
    models: (tenant, since, most) =>
      sums(
        `select model as key, sum(gpu_seconds)::float8 as seconds, sum(jobs)::int as jobs from darkroom.usage_model
         where day >= $2 and ($1::text is null or tenant = $1)
         group by model order by seconds desc, key limit $3`,
        [tenant ?? null, dayOf(since), most],
      ),
    // A direct message is a tenant of its own: all of them are one row.
    tenants: (since, most) =>
      sums(
        `select case when tenant like '@%' then '@' else tenant end as key, sum(gpu_seconds)::float8 as seconds,
           sum(jobs)::int as jobs
         from darkroom.usage_model where day >= $1 group by 1 order by seconds desc, key limit $2`,
        [dayOf(since), most],
      ),
    async reasons(tenant, since) {
      const rows = await sql.query<{ kind: UsageReason['kind']; reason: string; count: number }>(
        `select kind, reason, sum(count)::int as count from darkroom.usage_reason
         where hour >= $2 and ($1::text is null or tenant = $1) group by kind, reason order by count desc, reason`,
        [tenant ?? null, new Date(since)],
      );
      return rows;
    },
    async countRefusal(tenant, reason) {
      await sql.query(
        `insert into darkroom.usage_reason as u (tenant, hour, kind, reason, count)
           values ($1, darkroom.hour_of(clock_timestamp()), 'refused', $2, 1)
         on conflict (tenant, hour, kind, reason) do update set count = u.count + 1`,
        [tenant, reason],
      );
    },
    async listTenants() {
      const rows = await sql.query<{ tenant: string }>(
        `select distinct tenant from darkroom.usage_model
         union select distinct tenant from darkroom.usage_reason order by tenant`,
      );
      return rows.map(({ tenant }) => tenant);
    },
    async expire(tenant = '', before) {
      const [at, day] = [new Date(before), dayOf(before)];
      await sql.query('delete from darkroom.usage_hour where tenant = $1 and hour < $2', [tenant, at]);
      await sql.query('delete from darkroom.usage_model where tenant = $1 and day < $2', [tenant, day]);
      await sql.query('delete from darkroom.usage_reason where tenant = $1 and hour < $2', [tenant, at]);
      await sql.query('delete from darkroom.usage where tenant = $1 and day < $2', [tenant, day]);
      await sql.query(
        `delete from darkroom.job where tenant = $1 and is_removed and coalesce(ended_at, 'infinity') < $2
           and (ticket is null or actual is not null)`,
        [tenant, at],
      );
    },
  };
}

const dayOf = (at: number) => new Date(at).toISOString().slice(0, 10);
