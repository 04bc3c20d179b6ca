/**
 * The finished pictures of a job that goes on are its own from the first one on; a try that came to nothing takes them with
 * it. And what a reviewer decides is counted in the hour in which the job ended.
 */
export const unfinished = /* sql */ `
create function darkroom.drop_unfinished() returns trigger language plpgsql as $f$
begin
  update darkroom.picture set is_condemned = true where picture.job = new.id and kind = 'result';
  new.pictures := '[]';
  return new;
end $f$;
create trigger drop_unfinished before update of state, tries on darkroom.job for each row
  when (old.state = 'running' and old.pictures <> '[]' and (new.state in ('queued', 'cancelled') or new.tries > old.tries))
  execute function darkroom.drop_unfinished();

create function darkroom.count_review() returns trigger language plpgsql as $f$
declare t text;
begin
  -- In the order of darkroom.count_usage, so that neither waits for the other.
  foreach t in array array['', new.tenant] loop
    if new.frame->>'review' = 'approved' then
      update darkroom.usage_hour set pictures = pictures + jsonb_array_length(new.pictures)
        where tenant = t and hour = darkroom.hour_of(new.ended_at);
    else
      update darkroom.usage_hour set done = greatest(0, done - 1), failed = failed + 1
        where tenant = t and hour = darkroom.hour_of(new.ended_at);
    end if;
  end loop;
  if new.frame->>'review' = 'rejected' then
    insert into darkroom.usage_reason as u (tenant, hour, kind, reason, count)
      values (new.tenant, darkroom.hour_of(new.ended_at), 'failed', coalesce(new.error->>'code', 'internal'), 1)
      on conflict (tenant, hour, kind, reason) do update set count = u.count + 1;
  end if;
  return null;
end $f$;
create trigger count_review after update of frame on darkroom.job for each row
  when (old.frame->>'review' = 'held' and new.frame->>'review' in ('approved', 'rejected') and new.ended_at is not null)
  execute function darkroom.count_review();

-- What was decided before this step.
update darkroom.usage_hour u set pictures = u.pictures + c.pictures, done = greatest(0, u.done - c.rejected),
    failed = u.failed + c.rejected
  from (
    select t as tenant, darkroom.hour_of(ended_at) as hour, sum(jsonb_array_length(pictures)) as pictures,
      count(*) filter (where frame->>'review' = 'rejected') as rejected
    from darkroom.job, unnest(array['', tenant]) t
    where ended_at is not null and frame->>'review' in ('approved', 'rejected') group by 1, 2
  ) c where u.tenant = c.tenant and u.hour = c.hour;
insert into darkroom.usage_reason as u (tenant, hour, kind, reason, count)
  select tenant, darkroom.hour_of(ended_at), 'failed', coalesce(error->>'code', 'internal'), count(*)
  from darkroom.job where ended_at is not null and frame->>'review' = 'rejected' group by 1, 2, 4
  on conflict (tenant, hour, kind, reason) do update set count = u.count + excluded.count;
`;
