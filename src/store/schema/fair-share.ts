/**
 * Who is next: hierarchical start-time fair queueing (Goyal, Vin, Cheng, "Start-time Fair Queueing", IEEE/ACM
 * Transactions on Networking 5(5), 1997) over GPU-seconds, first among tenants, then among a tenant's users.
 *
 * A flow is a tenant (user_id = '') or a user in it. Its tag is the start tag of its next job; a job moves the tags
 * of its user and its tenant by cost / weight when it is dispatched, and by the difference to what it really used
 * when it ends. The least tag is served. `virtual` is a flow's virtual time as the parent of its children, that of
 * the row ('', '') the tenants' own: a flow that comes back from idleness starts at it, so that idle time earns
 * nothing. Between two flows that both have jobs waiting, weighted service differs by at most the largest charge of
 * each. Jobs bind late: a ticket of pg-boss is anonymous until a worker has fetched it.
 *
 * Every function that moves a tag holds one lock, so that the steps follow one another over all processes. The steps
 * that are taken most often are one statement each and write each row once: while one runs, all others wait.
 */
export const fairShare = /* sql */ `
create table darkroom.flow (
  tenant text collate "C" not null,
  user_id text collate "C" not null default '',
  weight double precision not null default 1 check (weight > 0),
  tag double precision not null default 0,
  virtual double precision not null default 0,
  waiting int not null default 0,
  largest double precision not null default 0,       -- charge since it last came back from idleness
  primary key (tenant, user_id)
);
create index flow_tenants on darkroom.flow (tag, tenant) where user_id = '' and waiting > 0;
create index flow_users on darkroom.flow (tenant, tag, user_id) where user_id <> '' and waiting > 0;
insert into darkroom.flow (tenant) values ('');

create function darkroom.lock_queue() returns void language sql as 'select pg_advisory_xact_lock(7341)';

-- One more job of this user waits (change = 1), or one less (-1).
create function darkroom.add_waiting(of_tenant text, of_user text, change int) returns void language plpgsql as $f$
begin
  update darkroom.flow f set
    tag = case when f.waiting = 0 then greatest(f.tag, p.virtual) else f.tag end,
    largest = case when f.waiting = 0 then 0 else f.largest end,
    waiting = f.waiting + change
  from darkroom.flow p
  where f.tenant = of_tenant and f.user_id in ('', of_user) and p.user_id = ''
    and p.tenant = case when f.user_id = '' then '' else of_tenant end;
end $f$;

create function darkroom.submit(of_tenant text, of_user text, tenant_weight double precision,
                                user_weight double precision) returns void language plpgsql as $f$
begin
  perform darkroom.lock_queue();
  insert into darkroom.flow (tenant, user_id, weight) values
    (of_tenant, '', tenant_weight), (of_tenant, of_user, user_weight)
    on conflict (tenant, user_id) do update set weight = excluded.weight where flow.weight <> excluded.weight;
  perform darkroom.add_waiting(of_tenant, of_user, 1);
end $f$;

-- What a worker has open for a job: its model, and its LoRAs by name. src/queue/locality.ts says the same.
create function darkroom.locality(j darkroom.job) returns text language sql immutable as $f$
  select j.model || coalesce((select string_agg(E'\\n' || (lora->>'file'), '' order by place)
    from jsonb_array_elements(j.request->'loras') with ordinality as listed(lora, place)), '')
$f$;

-- The fairest waiting job that a worker can run; where a job of the same model and LoRAs, or else of a warm model, is
-- within the bound, that one. warm: what is open there, as models and as localities.
-- busy: users who have a slot in that worker already.
create function darkroom.fairest(models text[], busy text[], warm text[])
returns setof darkroom.job language plpgsql stable as $f$
declare s darkroom.flow; u darkroom.flow; j darkroom.job; lead record; is_exact boolean;
begin
  for s in select * from darkroom.flow where user_id = '' and waiting > 0 order by tag, tenant loop
    for u in select * from darkroom.flow where tenant = s.tenant and user_id <> '' and waiting > 0
             order by tag, user_id loop
      continue when u.user_id = any(busy);
      select * into j from darkroom.job where tenant = u.tenant and user_id = u.user_id and state = 'queued'
        and ticket is null order by number limit 1;
      continue when not found;
      if not j.model = any(models) then
        -- A user's first job may need another worker; the next that this one can run goes before it.
        select * into j from darkroom.job where tenant = u.tenant and user_id = u.user_id and state = 'queued'
          and ticket is null and model = any(models) order by number limit 1;
        continue when not found;
      end if;
      if cardinality(warm) = 0 then return next j; return; end if;
      foreach is_exact in array array[true, false] loop
        if j.model = any(warm) and (not is_exact or darkroom.locality(j) = any(warm)) then
          return next j; return;
        end if;
        -- Ahead of the fairest only as far as its tags stay within its largest charge: the bound holds as it was,
        -- except for the error of this one's estimate.
        for lead in
          select h.id from darkroom.flow a
            join darkroom.flow b on b.tenant = a.tenant and b.user_id <> '' and b.waiting > 0
            cross join lateral (select * from darkroom.job where tenant = b.tenant and user_id = b.user_id
              and state = 'queued' and ticket is null order by number limit 1) h
          where a.user_id = '' and a.waiting > 0 and not b.user_id = any(busy)
            and h.model = any(warm) and h.model = any(models)
            and (not is_exact or darkroom.locality(h) = any(warm))
            and a.tag + h.cost / a.weight <= s.tag + greatest(a.largest, h.cost) / a.weight
            and b.tag + h.cost / b.weight <= greatest(b.largest, h.cost) / b.weight
              + (select min(c.tag) from darkroom.flow c
                 where c.tenant = a.tenant and c.user_id <> '' and c.waiting > 0)
          order by a.tag, a.tenant, b.tag, b.user_id limit 1 loop
          return query select * from darkroom.job where id = lead.id; return;
        end loop;
      end loop;
      return next j; return;
    end loop;
  end loop;
end $f$;

-- Charges a waiting job, which no longer waits. The virtual time is the least tag of those that wait: where a flow
-- with a lesser tag was passed over, since this worker cannot take its job now, the tag of the one that is served
-- would make a newcomer start behind by what the passed one lags.
create function darkroom.charge(j darkroom.job) returns void language plpgsql as $f$
declare tenant_tag double precision; user_tag double precision;
begin
  select tag into tenant_tag from darkroom.flow where user_id = '' and waiting > 0 order by tag, tenant limit 1;
  select tag into user_tag from darkroom.flow where tenant = j.tenant and user_id <> '' and waiting > 0
    order by tag, user_id limit 1;
  update darkroom.flow set virtual = tenant_tag where tenant = '' and user_id = '' and virtual < tenant_tag;
  update darkroom.flow set tag = tag + j.cost / weight, largest = greatest(largest, j.cost), waiting = waiting - 1,
      virtual = case when user_id = '' then greatest(virtual, user_tag) else virtual end
    where tenant = j.tenant and user_id in ('', j.user_id);
end $f$;

-- What a fetched ticket stands for. kind: 'new', 'again' (its last worker is gone), 'poison' (too many are gone),
-- 'surplus' (nothing waits), 'none' (nothing that this worker can run).
create function darkroom.bind(of_ticket uuid, of_attempt int, of_worker text, models text[], busy text[],
    warm text[], most_tries int)
returns table (kind text, job text) language plpgsql as $f$
declare j darkroom.job;
begin
  perform darkroom.lock_queue();
  select * into j from darkroom.job where ticket = of_ticket for update;
  if found then
    if j.state not in ('queued', 'running') then return query select 'surplus', j.id; return; end if;
    if j.tries >= most_tries then
      update darkroom.job set attempt = of_attempt where id = j.id;
      return query select 'poison', j.id; return;
    end if;
    if j.model = any(models) and not j.user_id = any(busy) then
      update darkroom.job set state = 'running', attempt = of_attempt, tries = tries + 1, worker = of_worker,
        used = 0 where id = j.id;
      return query select 'again', j.id; return;
    end if;
    -- For another worker: it waits again as if never dispatched, and the ticket is anonymous again.
    update darkroom.flow set tag = tag - j.charged / weight
      where tenant = j.tenant and user_id in ('', j.user_id);
    perform darkroom.add_waiting(j.tenant, j.user_id, 1);
    update darkroom.job set state = 'queued', ticket = null, attempt = null, charged = null, worker = null,
      used = 0 where id = j.id;
  end if;
  -- While the queue is paused no job is dispatched.
  if exists (select from darkroom.pause) then return query select 'none', null::text; return; end if;
  select * into j from darkroom.fairest(models, busy, warm) limit 1;
  if not found then
    return query select case when exists (select from darkroom.flow where user_id = '' and waiting > 0)
      then 'none' else 'surplus' end, null::text;
    return;
  end if;
  perform darkroom.charge(j);
  update darkroom.job set state = 'running', ticket = of_ticket, attempt = of_attempt, tries = tries + 1,
    worker = of_worker, charged = j.cost, dispatched_at = clock_timestamp() where id = j.id;
  return query select 'new', j.id;
end $f$;

-- bind() with all that the worker needs to know, in one statement. A left join would be planned each time for what
-- is one row by its key.
create function darkroom.claim(of_ticket uuid, of_attempt int, of_worker text, models text[], busy text[],
    warm text[], most_tries int, notify_channel text)
returns table (kind text, job text, user_id text, weight double precision, request jsonb, inputs jsonb, tries int)
language plpgsql as $f$
declare b record; j darkroom.job;
begin
  select * into b from darkroom.bind(of_ticket, of_attempt, of_worker, models, busy, warm, most_tries);
  if b.kind in ('new', 'again') then
    perform pg_notify(notify_channel, 'job:' || b.job);
    select * into j from darkroom.job where id = b.job;
  end if;
  return query select b.kind, b.job, j.user_id,
    (select f.weight from darkroom.flow f where f.tenant = j.tenant and f.user_id = j.user_id),
    j.request, j.inputs, j.tries;
end $f$;

-- A ticket that comes again while its job counts a try: its worker died, or slept past its lease. A worker that
-- stops gives its try back first.
create function darkroom.count_lease_loss() returns trigger language plpgsql as $f$
begin
  update darkroom.counter set count = count + 1
  where name = 'lease_losses' or name = 'retries' and new.tries > old.tries;
  return new;
end $f$;
create trigger count_lease_loss after update of attempt on darkroom.job for each row
  when (old.attempt is not null and old.tries > 0 and new.attempt is distinct from old.attempt)
  execute function darkroom.count_lease_loss();

-- The end of a job, once: its charge becomes what it used, its state its end, and its thread gets to show it.
-- spent: GPU-seconds; null for what its last worker reported. end_state: null for a job that only leaves, since its
-- user has cancelled it. end_seconds: since its acceptance, by a clock that never jumps; null where no process knows: the
-- difference of times is taken then, where it is one.
create function darkroom.finish(of_job text, spent double precision, end_state text, end_pictures jsonb,
    end_notes jsonb, end_error jsonb, end_seconds double precision, notify_channel text) returns void language plpgsql as $f$
declare
  j darkroom.job;
  now_used double precision;
  is_settled boolean;
  ends boolean;
begin
  perform darkroom.lock_queue();
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
          from jsonb_array_elements(notes || end_notes) with ordinality as listed(note, place) group by note) as unique_notes
      ) end,
      error = case when ends then end_error else error end,
      ended_at = case when ends then clock_timestamp() else ended_at end,
      seconds = case when ends then coalesce(end_seconds,
        case when clock_timestamp() >= at then extract(epoch from clock_timestamp() - at) end) else seconds end
    where id = of_job;
  if not is_settled then
    update darkroom.flow set tag = tag + (now_used - j.charged) / weight, largest = greatest(largest, now_used)
      where tenant = j.tenant and user_id in ('', j.user_id);
    insert into darkroom.usage (day, tenant, user_id, gpu_seconds, jobs)
      values ((clock_timestamp() at time zone 'utc')::date, j.tenant, j.user_id, now_used, 1)
      on conflict (day, tenant, user_id) do update
      set gpu_seconds = usage.gpu_seconds + excluded.gpu_seconds, jobs = usage.jobs + 1;
  end if;
  if ends then
    insert into darkroom.outbox (job, platform) values (of_job, j.platform) on conflict do nothing;
  end if;
  -- Results that it does not end with: of a try that crashed, or drawn while it was cancelled.
  update darkroom.picture set is_condemned = true where picture.job = of_job and kind = 'result'
    and not (ends and id in (select picture->>'id' from jsonb_array_elements(end_pictures) picture));
  delete from darkroom.job_event where job_event.job = of_job;
  perform pg_notify(notify_channel, 'job:' || of_job);
end $f$;

-- Ends a job that waits or runs because its user wants it to. Pictures that were uploaded for it go with it.
-- @returns whether it had not ended yet
create function darkroom.cancel(of_job text, notify_channel text) returns boolean language plpgsql as $f$
declare j darkroom.job;
begin
  perform darkroom.lock_queue();
  select * into j from darkroom.job where id = of_job and state in ('queued', 'running') for update;
  if not found then return false; end if;
  if j.ticket is null then perform darkroom.add_waiting(j.tenant, j.user_id, -1); end if;
  update darkroom.job set state = 'cancelled', ended_at = clock_timestamp() where id = of_job;
  update darkroom.picture set is_condemned = true where picture.job = of_job;
  insert into darkroom.outbox (job, platform) values (of_job, j.platform) on conflict do nothing;
  perform pg_notify(notify_channel, 'cancel:' || of_job);
  perform pg_notify(notify_channel, 'job:' || of_job);
  return true;
end $f$;

-- Forgets a job that has ended, except for what accounting needs: whose it was, its model, its times and its cost.
create function darkroom.forget(of_job text) returns void language plpgsql as $f$
begin
  update darkroom.job set is_removed = true, requested_by = null, user_name = '', channel = '', request = '{}',
    inputs = '{}', share = null, frame = '{}', notes = '[]', pictures = '[]', error = null where id = of_job;
  update darkroom.picture set is_condemned = true where picture.job = of_job;
  delete from darkroom.outbox where outbox.job = of_job;
  delete from darkroom.delivery where delivery.job = of_job;
  delete from darkroom.job_event where job_event.job = of_job;
end $f$;
`;
