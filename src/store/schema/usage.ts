/**
 * What was used, as sums that are kept when jobs are deleted. A trigger adds to them in the transaction that ends a job,
 * so that they are right whatever crashes; every end holds the queue's lock, so that no two add at once.
 *
 * The tenant '' stands for all of them together.
 */
export const usage = /* sql */ `
create table darkroom.usage_hour (
  tenant text collate "C" not null,
  hour timestamptz not null,                         -- its start
  done int not null default 0,                       -- jobs that ended in it, by how they ended
  failed int not null default 0,
  cancelled int not null default 0,
  pictures int not null default 0,
  gpu_seconds double precision not null default 0,
  waits jsonb not null default '{}',                 -- jobs by darkroom.wait_bucket of their wait
  primary key (tenant, hour)
);

-- By UTC day, as darkroom.usage is for users.
create table darkroom.usage_model (
  tenant text collate "C" not null,
  day date not null,
  model text not null,
  gpu_seconds double precision not null default 0,
  jobs int not null default 0,
  primary key (tenant, day, model)
);
create index usage_tenant on darkroom.usage (tenant, day);

-- What was not drawn, and why: requests that were refused, and jobs that failed.
create table darkroom.usage_reason (
  tenant text collate "C" not null,
  hour timestamptz not null,
  kind text not null check (kind in ('refused', 'failed')),
  reason text not null,
  count int not null default 0,
  primary key (tenant, hour, kind, reason)
);

-- The bucket of a wait in seconds: bucket 0 up to 0.1 s, bucket n up to 0.1 * 1.05 ^ n, the last one from 30 days on
-- (DDSketch: Masson, Rim, Lee, VLDB 2019). src/usage/waits.ts reads them.
create function darkroom.wait_bucket(seconds double precision) returns int language sql immutable strict as $f$
  select case when seconds <= 0.1 then 0 else least(350, ceil(ln(seconds / 0.1) / ln(1.05)))::int end
$f$;

create function darkroom.hour_of(moment timestamptz) returns timestamptz language sql immutable as $f$
  select date_trunc('hour', moment at time zone 'utc') at time zone 'utc'
$f$;

create function darkroom.count_usage() returns trigger language plpgsql as $f$
declare
  ends boolean := old.state in ('queued', 'running') and new.state in ('done', 'failed', 'cancelled');
  spent double precision := case when old.actual is null then coalesce(new.actual, 0) else 0 end;
  now_hour timestamptz := darkroom.hour_of(clock_timestamp());
  bucket text := case when ends then
    darkroom.wait_bucket(extract(epoch from new.dispatched_at - new.at)::double precision) end;
begin
  if not ends and spent = 0 then return null; end if;
  insert into darkroom.usage_hour as u (tenant, hour, done, failed, cancelled, pictures, gpu_seconds, waits)
    select t, now_hour, (ends and new.state = 'done')::int, (ends and new.state = 'failed')::int,
      (ends and new.state = 'cancelled')::int, case when ends then jsonb_array_length(new.pictures) else 0 end, spent,
      case when bucket is null then '{}' else jsonb_build_object(bucket, 1) end
    from unnest(array['', new.tenant]) t
    on conflict (tenant, hour) do update set done = u.done + excluded.done, failed = u.failed + excluded.failed,
      cancelled = u.cancelled + excluded.cancelled, pictures = u.pictures + excluded.pictures,
      gpu_seconds = u.gpu_seconds + excluded.gpu_seconds,
      waits = case when bucket is null then u.waits
        else u.waits || jsonb_build_object(bucket, coalesce((u.waits->>bucket)::int, 0) + 1) end;
  if old.actual is null and new.actual is not null then
    insert into darkroom.usage_model as u (tenant, day, model, gpu_seconds, jobs)
      values (new.tenant, (now_hour at time zone 'utc')::date, new.model, spent, 1)
      on conflict (tenant, day, model) do update
      set gpu_seconds = u.gpu_seconds + excluded.gpu_seconds, jobs = u.jobs + 1;
  end if;
  if ends and new.state = 'failed' then
    insert into darkroom.usage_reason as u (tenant, hour, kind, reason, count)
      values (new.tenant, now_hour, 'failed', coalesce(new.error->>'code', 'internal'), 1)
      on conflict (tenant, hour, kind, reason) do update set count = u.count + 1;
  end if;
  return null;
end $f$;
create trigger count_usage after update of state, actual on darkroom.job for each row
  when (old.state <> new.state or old.actual is distinct from new.actual) execute function darkroom.count_usage();

-- Jobs of before this step.
with ended as (
  select t as tenant, darkroom.hour_of(ended_at) as hour, state, jsonb_array_length(pictures) as pictures, actual,
    darkroom.wait_bucket(extract(epoch from dispatched_at - at)::double precision) as bucket
  from darkroom.job, unnest(array['', tenant]) t where ended_at is not null
), sums as (
  select tenant, hour, count(*) filter (where state = 'done') as done, count(*) filter (where state = 'failed') as failed,
    count(*) filter (where state = 'cancelled') as cancelled, sum(pictures) as pictures, coalesce(sum(actual), 0) as gpu_seconds
  from ended group by tenant, hour
), waits as (
  select tenant, hour, jsonb_object_agg(bucket, jobs) as waits from (
    select tenant, hour, bucket, count(*) as jobs from ended where bucket is not null group by tenant, hour, bucket
  ) counted group by tenant, hour
)
insert into darkroom.usage_hour (tenant, hour, done, failed, cancelled, pictures, gpu_seconds, waits)
  select tenant, hour, done, failed, cancelled, pictures, gpu_seconds, coalesce(waits, '{}')
  from sums left join waits using (tenant, hour);
insert into darkroom.usage_model (tenant, day, model, gpu_seconds, jobs)
  select tenant, (ended_at at time zone 'utc')::date, model, sum(actual), count(*)
  from darkroom.job where actual is not null and ended_at is not null group by 1, 2, 3;
insert into darkroom.usage_reason (tenant, hour, kind, reason, count)
  select tenant, darkroom.hour_of(ended_at), 'failed', coalesce(error->>'code', 'internal'), count(*)
  from darkroom.job where state = 'failed' and ended_at is not null group by 1, 2, 4;
`;
