/** What operators do to the line, and what they are told of it. */
export const operators = /* sql */ `
-- One row while the line is paused: jobs are taken in, and none is handed out.
create table darkroom.pause (
  is_on boolean primary key default true check (is_on),
  at timestamptz not null default clock_timestamp(),
  author text not null
);

-- Counters over all processes; they only rise.
create table darkroom.tally (name text primary key, count bigint not null default 0);
insert into darkroom.tally (name) values ('lease_losses'), ('retries');

-- A ticket that comes again while its job counts a try: its worker died, or slept past its lease. A worker that
-- stops gives its try back first.
create function darkroom.tally_lease() returns trigger language plpgsql as $f$
begin
  update darkroom.tally set count = count + 1
  where name = 'lease_losses' or name = 'retries' and new.tries > old.tries;
  return new;
end $f$;
create trigger tally_lease after update of attempt on darkroom.job for each row
  when (old.attempt is not null and old.tries > 0 and new.attempt is distinct from old.attempt)
  execute function darkroom.tally_lease();

-- A user's last 24 hours: what has not ended counts as ending later.
create index job_day on darkroom.job (server, (coalesce(ended_at, 'infinity')));

-- bind() and what its worker needs to know, in one step: the lock is held for no more words over the wire than that.
create function darkroom.take(of_ticket uuid, of_attempt int, of_worker text, models text[],
    memory_bytes double precision, barred text[], warm text[], most_tries int, channel text)
returns table (kind text, job text, member text, weight double precision, request jsonb, inputs jsonb,
    at timestamptz, tries int) language plpgsql as $f$
declare b record;
begin
  select * into b from darkroom.bind(of_ticket, of_attempt, of_worker, models, memory_bytes, barred, warm, most_tries);
  if b.kind in ('new', 'again') then perform pg_notify(channel, 'job:' || b.job); end if;
  return query select b.kind, b.job, j.member, f.weight, j.request, j.inputs, j.at, j.tries
    from (select 1) one left join darkroom.job j on j.id = b.job
    left join darkroom.flow f on f.server = j.server and f.member = j.member;
end $f$;
`;
