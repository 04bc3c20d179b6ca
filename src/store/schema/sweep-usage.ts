/** A sweep's own job draws nothing: its pictures are counted as the jobs that they are, and it is not. */
export const sweepUsage = /* sql */ `
drop trigger count_usage on darkroom.job;
create trigger count_usage after update of state, actual on darkroom.job for each row
  when ((old.state <> new.state or old.actual is distinct from new.actual) and not new.frame ? 'sweep')
  execute function darkroom.count_usage();

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
