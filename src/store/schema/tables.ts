/** Everything that outlives a process. Names that fair share orders by are compared byte by byte (collation "C"). */
export const tables = /* sql */ `
create table darkroom.job (
  id text primary key,
  number bigint generated always as identity,        -- the order of one user's own jobs
  at timestamptz not null default clock_timestamp(), -- when it was accepted
  tenant text collate "C" not null,                  -- who is charged: a guild or workspace, ...
  user_id text collate "C" not null,                 -- ... and the user, or group of users, in it
  requested_by text collate "C",                     -- the user's id where a group is charged
  user_name text not null,
  platform text not null,
  channel text not null,
  request jsonb not null,
  inputs jsonb not null,                             -- picture ids by the reference in the request
  model text not null,
  share jsonb,
  frame jsonb not null,                              -- what its message shows besides its state
  state text not null check (state in ('queued', 'running', 'done', 'failed', 'cancelled')),
  notes jsonb not null,
  pictures jsonb not null default '[]',
  seconds double precision,                          -- from acceptance to the end
  error jsonb,
  cost double precision not null,                    -- GPU-seconds expected
  charged double precision,                          -- at dispatch
  used double precision not null default 0,          -- GPU-seconds reported by the worker so far
  actual double precision,                           -- at the end, once
  ticket uuid unique,                                -- pg-boss's job once dispatched
  attempt int,                                       -- its retryCount, which fences a worker that lost its lease
  tries int not null default 0,                      -- workers that have started it, less those that gave it back
  worker text,
  dispatched_at timestamptz,
  ended_at timestamptz,
  is_removed boolean not null default false          -- only what accounting needs is left of it
);
create index job_queue on darkroom.job (tenant, user_id, number) where state = 'queued' and ticket is null;
create index job_alive on darkroom.job (user_id) where state in ('queued', 'running');
create index job_requested_by on darkroom.job (requested_by) where requested_by is not null;
create index job_running on darkroom.job (id) where ticket is not null and actual is null;
create index job_picture on darkroom.job using gin (pictures jsonb_path_ops);
-- A user's last 24 hours: what has not ended counts as ending later.
create index job_day on darkroom.job (tenant, (coalesce(ended_at, 'infinity')));
create index job_retention on darkroom.job (tenant, at) where not is_removed;

-- The latest progress of a running job; a crash may lose it, since the next step writes it again.
create unlogged table darkroom.job_event (
  job text primary key,
  number int not null,
  event jsonb not null,
  preview bytea
);

-- Ends that their threads do not show yet; a row leaves when the thread shows the end.
create table darkroom.outbox (
  job text primary key,
  platform text not null,
  at timestamptz not null default clock_timestamp(),
  taken_until timestamptz,                           -- by the process that is showing it
  tries int not null default 0
);
create index outbox_platform on darkroom.outbox (platform, at);

-- Where the message of a job is on a platform that keeps its own messages.
create table darkroom.delivery (
  job text primary key,
  platform text not null,
  channel text not null,
  message text not null
);

create table darkroom.message (
  id text collate "C" primary key,
  at timestamptz not null default clock_timestamp(),
  reader text,
  job text,
  data jsonb not null
);
create index message_job on darkroom.message (job) where job is not null;
create index message_at on darkroom.message (at);

-- Every stored picture and the job that owns it, wherever the bytes are: the row is there before the bytes, and goes
-- after them, so that nothing is stored that nobody knows of.
create table darkroom.picture (
  id text primary key,
  job text not null,
  kind text not null check (kind in ('input', 'result')),
  is_condemned boolean not null default false        -- its bytes are to be deleted
);
create index picture_job on darkroom.picture (job);
create index picture_condemned on darkroom.picture (id) where is_condemned;
create table darkroom.picture_bytes (id text primary key, bytes bytea not null);

-- Settings are the sum of their changes, which are also their audit log.
create table darkroom.change (
  id text primary key,
  number bigint generated always as identity,
  tenant text not null,
  data jsonb not null
);
create index change_tenant on darkroom.change (tenant, number);

-- What operators did.
create table darkroom.audit (
  number bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  user_name text not null,
  action text not null,
  subject text not null
);

create table darkroom.usage (
  day date not null,
  tenant text not null,
  user_id text not null,
  gpu_seconds double precision not null default 0,
  jobs int not null default 0,
  primary key (day, tenant, user_id)
);

-- What jobs cost, learned: a running mean for each model, size and part of the work.
create table darkroom.cost (
  model text not null, width int not null, height int not null, part text not null,
  seconds double precision not null,
  primary key (model, width, height, part)
);

create table darkroom.secret (name text primary key, value bytea not null);

-- Running workers.
create table darkroom.worker (
  id text primary key,
  models text[] not null,
  slots int not null,
  is_draining boolean not null default false,
  seen timestamptz not null default clock_timestamp()
);

-- Has one row while the queue is paused: jobs are accepted, and none is dispatched.
create table darkroom.pause (
  is_on boolean primary key default true check (is_on),
  at timestamptz not null default clock_timestamp(),
  user_name text not null
);

-- Counters over all processes; they only rise. forgotten: deletions of words; rewritten: of those, how many had
-- happened when the database's files were last rewritten without them.
create table darkroom.counter (name text primary key, count bigint not null default 0);
insert into darkroom.counter (name) values ('lease_losses'), ('retries'), ('forgotten'), ('rewritten');

create function darkroom.count_forgotten() returns trigger language plpgsql as $f$
begin
  update darkroom.counter set count = count + 1 where name = 'forgotten';
  return null;
end $f$;
create trigger count_forgotten_messages after delete on darkroom.message for each statement
  execute function darkroom.count_forgotten();
create trigger count_forgotten_jobs after update of is_removed on darkroom.job for each statement
  execute function darkroom.count_forgotten();

-- How far retention trusts the clock: seconds for which it has run steadily, and when it was last looked at.
create table darkroom.clock (
  is_on boolean primary key default true check (is_on),
  seen timestamptz not null,
  steady_seconds double precision not null
);
`;
