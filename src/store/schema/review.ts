/** Pictures that wait for a reviewer: they are not their job's until somebody approves them. */
export const review = /* sql */ `
create table darkroom.review (
  job text primary key,
  tenant text not null,
  at timestamptz not null default clock_timestamp(),
  state text not null default 'held' check (state in ('held', 'approved', 'rejected')),
  pictures jsonb not null,                           -- as the job would have them; empty once it is decided
  decided_by text,                                   -- the reviewer's id and name
  decided_name text,
  decided_at timestamptz
);
create index review_held on darkroom.review (tenant, at) where state = 'held';
create index review_pictures on darkroom.review using gin (pictures jsonb_path_ops);

-- In the statement that ends the job, so that no crash leaves a picture with its job that should wait.
create function darkroom.hold() returns trigger language plpgsql as $f$
begin
  if exists (select from jsonb_array_elements(new.pictures) picture 
      where coalesce(picture->'finding'->'isFlagged', 'true') <> 'false') then
    insert into darkroom.review (job, tenant, pictures) values (new.id, new.tenant, new.pictures);
    new.pictures := '[]';
    new.frame := new.frame || '{"review": "held"}';
  end if;
  return new;
end $f$;
create trigger hold before update of state on darkroom.job for each row
  when (new.state = 'done' and old.state <> 'done' and old.frame->>'moderation' = 'hold')
  execute function darkroom.hold();

-- What was decided stays as a line of the log; what waits goes with its job.
create function darkroom.forget_held() returns trigger language plpgsql as $f$
begin
  delete from darkroom.review where review.job = new.id and review.state = 'held';
  return null;
end $f$;
create trigger forget_held after update of is_removed on darkroom.job for each row
  when (new.is_removed) execute function darkroom.forget_held();

-- As before, with how the job's pictures are to be checked.
drop function darkroom.claim(uuid, int, text, text[], text[], text[], int, text);
create function darkroom.claim(of_ticket uuid, of_attempt int, of_worker text, models text[], busy text[],
    warm text[], most_tries int, notify_channel text)
returns table (kind text, job text, user_id text, weight double precision, request jsonb, inputs jsonb, tries int,
  moderation text)
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
    j.request, j.inputs, j.tries, j.frame->>'moderation';
end $f$;
`;
