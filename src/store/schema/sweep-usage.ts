/** A sweep's own job draws nothing: its pictures are counted as the jobs that they are, and it is not. */
export const sweepUsage = /* sql */ `
-- As before, without the jobs of sweeps.
create or replace function darkroom.count_usage() returns trigger language plpgsql as $f$
declare
  ends boolean := old.state in ('queued', 'running') and new.state in ('done', 'failed', 'cancelled') and not new.frame ? 'sweep';
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

-- Sweeps that were counted before this step.
update darkroom.usage_hour u set done = greatest(0, u.done - c.done), failed = greatest(0, u.failed - c.failed),
    cancelled = greatest(0, u.cancelled - c.cancelled), pictures = greatest(0, u.pictures - c.pictures)
  from (
    select t as tenant, darkroom.hour_of(ended_at) as hour, count(*) filter (where state = 'done') as done,
      count(*) filter (where state = 'failed') as failed, count(*) filter (where state = 'cancelled') as cancelled,
      sum(jsonb_array_length(pictures)) as pictures
    from darkroom.job, unnest(array['', tenant]) t where ended_at is not null and frame ? 'sweep' group by 1, 2
  ) c where u.tenant = c.tenant and u.hour = c.hour;
update darkroom.usage_reason u set count = greatest(0, u.count - c.count)
  from (
    select tenant, darkroom.hour_of(ended_at) as hour, coalesce(error->>'code', 'internal') as reason, count(*) as count
    from darkroom.job where state = 'failed' and ended_at is not null and frame ? 'sweep' group by 1, 2, 3
  ) c where u.tenant = c.tenant and u.hour = c.hour and u.kind = 'failed' and u.reason = c.reason;
`;
