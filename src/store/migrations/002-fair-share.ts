/**
 * Who is next: hierarchical start-time fair queueing (Goyal, Vin, Cheng, "Start-time Fair Queueing", IEEE/ACM
 * Transactions on Networking 5(5), 1997) over GPU-seconds, first among servers, then among a server's users.
 *
 * A flow is a server (member = '') or a user in it. Its tag is the start tag of its next job; a job moves the tags
 * of its user and its server by cost / weight when it is dispatched, and by the difference to what it really used
 * when it ends. The least tag is served. `virtual` is a flow's virtual time as a server of its children, that of
 * the row ('', '') the servers' own: a flow that comes back from idleness starts at it, so that idle time earns
 * nothing. Between two flows that both have jobs waiting, weighted service differs by at most the largest charge of
 * each. Jobs bind late: a ticket of pg-boss is anonymous until a worker has fetched it.
 *
 * Every function that moves a tag holds one lock: the steps are one after another over all processes.
 */
export const fairShare = /* sql */ `
create table darkroom.flow (
  server text collate "C" not null,
  member text collate "C" not null default '',
  weight double precision not null default 1 check (weight > 0),
  tag double precision not null default 0,
  virtual double precision not null default 0,
  waiting int not null default 0,
  largest double precision not null default 0,       -- charge since it last came back from idleness
  primary key (server, member)
);
create index flow_servers on darkroom.flow (tag, server) where member = '' and waiting > 0;
create index flow_members on darkroom.flow (server, tag, member) where member <> '' and waiting > 0;
insert into darkroom.flow (server) values ('');

create function darkroom.lock_line() returns void language sql as 'select pg_advisory_xact_lock(7341)';

-- A job of this user joins the line, or leaves it (-1).
create function darkroom.join_line(of_server text, of_member text, change int) returns void language plpgsql as $f$
begin
  update darkroom.flow f set
    tag = case when f.waiting = 0 then greatest(f.tag, p.virtual) else f.tag end,
    largest = case when f.waiting = 0 then 0 else f.largest end,
    waiting = f.waiting + change
  from darkroom.flow p
  where f.server = of_server and (f.member = '' and p.server = '' or f.member = of_member and p.server = of_server)
    and f.member in ('', of_member) and p.member = '';
end $f$;

create function darkroom.submit(of_server text, of_member text, server_weight double precision,
                                member_weight double precision) returns void language plpgsql as $f$
begin
  perform darkroom.lock_line();
  insert into darkroom.flow (server, member, weight) values
    (of_server, '', server_weight), (of_server, of_member, member_weight)
    on conflict (server, member) do update set weight = excluded.weight where flow.weight <> excluded.weight;
  perform darkroom.join_line(of_server, of_member, 1);
end $f$;

-- Moves the tags of a user and its server by GPU-seconds; negative ones give back.
create function darkroom.charge(of_server text, of_member text, cost double precision) returns void
language sql as $f$
  update darkroom.flow set tag = tag + cost / weight, largest = greatest(largest, cost)
  where server = of_server and member in ('', of_member)
$f$;

-- The fairest waiting job that a worker can run; where a warm model's job is within the bound, that one.
create function darkroom.fairest(models text[], memory_bytes double precision, barred text[], warm text[])
returns setof darkroom.job language plpgsql stable as $f$
declare s darkroom.flow; m darkroom.flow; j darkroom.job; first_tag double precision; lead record;
begin
  for s in select * from darkroom.flow where member = '' and waiting > 0 order by tag, server loop
    for m in select * from darkroom.flow where server = s.server and member <> '' and waiting > 0
             order by tag, member loop
      continue when m.member = any(barred);
      select * into j from darkroom.job where server = m.server and member = m.member and state = 'queued'
        and ticket is null order by number limit 1;
      continue when not found or j.memory > memory_bytes;
      if not j.model = any(models) then
        -- A user's first job may want another worker; the next that this one can run goes before it.
        select * into j from darkroom.job where server = m.server and member = m.member and state = 'queued'
          and ticket is null and model = any(models) and memory <= memory_bytes order by number limit 1;
        continue when not found;
      end if;
      if j.model = any(warm) or cardinality(warm) = 0 then return next j; return; end if;
      -- Ahead of the fairest only as far as its tags stay within its largest charge: the bound holds as it was,
      -- but for the error of this one's estimate.
      for lead in
        select h.id from darkroom.flow a
          join darkroom.flow b on b.server = a.server and b.member <> '' and b.waiting > 0
          cross join lateral (select * from darkroom.job where server = b.server and member = b.member
            and state = 'queued' and ticket is null order by number limit 1) h
        where a.member = '' and a.waiting > 0 and not b.member = any(barred) and h.memory <= memory_bytes
          and h.model = any(warm) and h.model = any(models)
          and a.tag + h.cost / a.weight <= s.tag + greatest(a.largest, h.cost) / a.weight
          and b.tag + h.cost / b.weight <= greatest(b.largest, h.cost) / b.weight
            + (select min(c.tag) from darkroom.flow c where c.server = a.server and c.member <> '' and c.waiting > 0)
        order by a.tag, a.server, b.tag, b.member limit 1 loop
        return query select * from darkroom.job where id = lead.id; return;
      end loop;
      return next j; return;
    end loop;
  end loop;
end $f$;

-- Charges a waiting job and takes it out of the line. The tags of its server and user are the virtual time now.
create function darkroom.dispatch_job(j darkroom.job) returns void language plpgsql as $f$
begin
  update darkroom.flow p set virtual = greatest(p.virtual, f.tag) from darkroom.flow f
  where f.server = j.server and p.member = ''
    and (f.member = '' and p.server = '' or f.member = j.member and p.server = j.server);
  perform darkroom.charge(j.server, j.member, j.cost);
  perform darkroom.join_line(j.server, j.member, -1);
end $f$;

-- What a fetched ticket stands for. kind: 'new', 'again' (its last worker is gone), 'poison' (too many are),
-- 'surplus' (nothing waits any more), 'none' (nothing that this worker can run).
create function darkroom.bind(of_ticket uuid, of_attempt int, of_worker text, models text[],
    memory_bytes double precision, barred text[], warm text[], most_tries int)
returns table (kind text, job text) language plpgsql as $f$
declare j darkroom.job;
begin
  perform darkroom.lock_line();
  select * into j from darkroom.job where ticket = of_ticket for update;
  if found then
    if j.state not in ('queued', 'running') then return query select 'surplus', j.id; return; end if;
    if j.tries >= most_tries then
      update darkroom.job set attempt = of_attempt where id = j.id;
      return query select 'poison', j.id; return;
    end if;
    if j.model = any(models) and j.memory <= memory_bytes and not j.member = any(barred) then
      update darkroom.job set state = 'running', attempt = of_attempt, tries = tries + 1, worker = of_worker,
        used = 0 where id = j.id;
      return query select 'again', j.id; return;
    end if;
    -- Another worker's: back into the line as if never dispatched, and the ticket is anonymous again.
    perform darkroom.charge(j.server, j.member, -j.charged);
    perform darkroom.join_line(j.server, j.member, 1);
    update darkroom.job set state = 'queued', ticket = null, attempt = null, charged = null, worker = null,
      used = 0 where id = j.id;
  end if;
  -- While the line is paused nothing new begins.
  if exists (select from darkroom.pause) then return query select 'none', null::text; return; end if;
  select * into j from darkroom.fairest(models, memory_bytes, barred, warm) limit 1;
  if not found then
    return query select case when exists (select from darkroom.flow where member = '' and waiting > 0)
      then 'none' else 'surplus' end, null::text;
    return;
  end if;
  perform darkroom.dispatch_job(j);
  update darkroom.job set state = 'running', ticket = of_ticket, attempt = of_attempt, tries = tries + 1,
    worker = of_worker, charged = j.cost, dispatched = nextval('darkroom.dispatch'),
    dispatched_at = clock_timestamp() where id = j.id;
  return query select 'new', j.id;
end $f$;

-- The end of a dispatched job: its charge becomes what it used. Once: a second call finds it settled.
create function darkroom.settle(of_job text, spent double precision) returns void language plpgsql as $f$
declare j darkroom.job;
begin
  perform darkroom.lock_line();
  update darkroom.job set actual = spent where id = of_job and charged is not null and actual is null
    returning * into j;
  if not found then return; end if;
  perform darkroom.charge(j.server, j.member, spent - j.charged);
  update darkroom.flow set largest = greatest(largest, spent) where server = j.server and member in ('', j.member);
  insert into darkroom.usage (day, server, member, gpu_seconds, jobs)
    values ((clock_timestamp() at time zone 'utc')::date, j.server, j.member, spent, 1)
    on conflict (day, server, member) do update
    set gpu_seconds = usage.gpu_seconds + excluded.gpu_seconds, jobs = usage.jobs + 1;
end $f$;

-- Ends a job that waits or runs at its owner's wish. @returns the state it had; null where it had ended
create function darkroom.cancel(of_job text) returns text language plpgsql as $f$
declare j darkroom.job;
begin
  perform darkroom.lock_line();
  select * into j from darkroom.job where id = of_job and state in ('queued', 'running') for update;
  if not found then return null; end if;
  if j.ticket is null then perform darkroom.join_line(j.server, j.member, -1); end if;
  update darkroom.job set state = 'cancelled', ended_at = clock_timestamp() where id = of_job;
  return j.state;
end $f$;
`;
