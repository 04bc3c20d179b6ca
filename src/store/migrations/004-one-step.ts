/**
 * The steps of a job's life that are taken most often, each in one statement over the wire and with one write to
 * each row: while one is under way the line's lock holds up all others.
 */
export const oneStep = /* sql */ `
-- As before, with one write to each of the three rows: a user, its server, and the servers' own. The virtual time is
-- the least tag of those that wait. Where somebody of a lesser tag was passed, since a worker cannot take his job now,
-- it is not the tag of the one who goes: a newcomer must not start behind by what the passed one lags.
create or replace function darkroom.dispatch_job(j darkroom.job) returns void language plpgsql as $f$
declare server_tag double precision; member_tag double precision;
begin
  select tag into server_tag from darkroom.flow where member = '' and waiting > 0 order by tag, server limit 1;
  select tag into member_tag from darkroom.flow where server = j.server and member <> '' and waiting > 0
    order by tag, member limit 1;
  update darkroom.flow set virtual = server_tag where server = '' and member = '' and virtual < server_tag;
  update darkroom.flow set tag = tag + j.cost / weight, largest = greatest(largest, j.cost), waiting = waiting - 1,
      virtual = case when member = '' then greatest(virtual, member_tag) else virtual end
    where server = j.server and member in ('', j.member);
end $f$;

-- As before; a left join would be planned anew for what is one row by its key.
create or replace function darkroom.take(of_ticket uuid, of_attempt int, of_worker text, models text[],
    memory_bytes double precision, barred text[], warm text[], most_tries int, channel text)
returns table (kind text, job text, member text, weight double precision, request jsonb, inputs jsonb,
    at timestamptz, tries int) language plpgsql as $f$
declare b record; j darkroom.job;
begin
  select * into b from darkroom.bind(of_ticket, of_attempt, of_worker, models, memory_bytes, barred, warm, most_tries);
  if b.kind in ('new', 'again') then
    perform pg_notify(channel, 'job:' || b.job);
    select * into j from darkroom.job where id = b.job;
  end if;
  return query select b.kind, b.job, j.member,
    (select f.weight from darkroom.flow f where f.server = j.server and f.member = j.member),
    j.request, j.inputs, j.at, j.tries;
end $f$;

drop function darkroom.settle(text, double precision);

-- The end of a job, once: its charge becomes what it used, its state what its end is, and its thread is to be told.
-- spent: GPU-seconds; null for what its last worker told. end_state: null for a job that only leaves, since its
-- owner has cancelled it.
create function darkroom.finish(of_job text, spent double precision, end_state text, end_pictures jsonb,
    end_notes jsonb, end_error jsonb, channel text) returns void language plpgsql as $f$
declare
  j darkroom.job;
  now_used double precision;
  is_settled boolean;
  ends boolean;
begin
  perform darkroom.lock_line();
  select * into j from darkroom.job where id = of_job for update;
  now_used := coalesce(spent, j.used);
  is_settled := j.charged is null or j.actual is not null;
  ends := end_state is not null and j.state in ('queued', 'running');
  update darkroom.job set
      used = now_used,
      actual = case when is_settled then actual else now_used end,
      state = case when ends then end_state else state end,
      pictures = case when ends then end_pictures else pictures end,
      notes = case when not ends or end_notes = '[]' then notes else (
        select coalesce(jsonb_agg(note order by place), '[]') from (select note, min(place) as place
          from jsonb_array_elements(notes || end_notes) with ordinality as told(note, place) group by note) as all_told
      ) end,
      error = case when ends then end_error else error end,
      ended_at = case when ends then clock_timestamp() else ended_at end,
      seconds = case when ends then extract(epoch from clock_timestamp() - at) else seconds end
    where id = of_job;
  if not is_settled then
    update darkroom.flow set tag = tag + (now_used - j.charged) / weight, largest = greatest(largest, now_used)
      where server = j.server and member in ('', j.member);
    insert into darkroom.usage (day, server, member, gpu_seconds, jobs)
      values ((clock_timestamp() at time zone 'utc')::date, j.server, j.member, now_used, 1)
      on conflict (day, server, member) do update
      set gpu_seconds = usage.gpu_seconds + excluded.gpu_seconds, jobs = usage.jobs + 1;
  end if;
  if ends then
    insert into darkroom.outbox (job, platform) values (of_job, j.platform) on conflict do nothing;
  end if;
  delete from darkroom.job_event where job = of_job;
  perform pg_notify(channel, 'job:' || of_job);
end $f$;
`;
