/** Everything that outlives a process. Names and words of the policy are compared byte by byte ("C"). */
export const tables = /* sql */ `
create table darkroom.job (
  id text primary key,
  number bigint generated always as identity,        -- the order of one user's own line
  at timestamptz not null default clock_timestamp(),
  server text collate "C" not null,                  -- who is charged: server or workspace, ...
  member text collate "C" not null,                  -- ... and the user in it
  owner jsonb not null,
  platform text not null,
  place text not null,
  request jsonb not null,
  inputs jsonb not null,
  model text not null,
  share jsonb,
  memory double precision not null,                  -- bytes it wants of a device; 0: not known
  state text not null check (state in ('queued', 'running', 'done', 'failed', 'cancelled')),
  notes jsonb not null,
  pictures jsonb not null default '[]',
  seconds double precision,
  error jsonb,
  cost double precision not null,                    -- GPU-seconds expected
  charged double precision,                          -- at dispatch
  used double precision not null default 0,          -- GPU-seconds told by the worker so far
  actual double precision,                           -- at the end, once
  ticket uuid unique,                                -- pg-boss's job once dispatched
  attempt int,                                       -- its retryCount, which fences a worker that lost its lease
  tries int not null default 0,                      -- workers that have begun it, less those that gave it back
  worker text,
  dispatched bigint,                                 -- the order of dispatch
  dispatched_at timestamptz,
  ended_at timestamptz,
  is_removed boolean not null default false
);
create index job_line on darkroom.job (server, member, number) where state = 'queued' and ticket is null;
create index job_alive on darkroom.job (member) where state in ('queued', 'running');
create index job_picture on darkroom.job using gin (pictures jsonb_path_ops);
create sequence darkroom.dispatch;

-- The newest state of a job that waits or runs; lost in a crash, since the next step brings it anew.
create unlogged table darkroom.job_event (
  job text primary key,
  number int not null,
  event jsonb not null,
  preview bytea
);

-- A job's end on its way to its thread; a row leaves when the thread shows it.
create table darkroom.outbox (
  job text primary key,
  platform text not null,
  at timestamptz not null default clock_timestamp(),
  taken_until timestamptz,                           -- by the process that is showing it
  tries int not null default 0
);
create index outbox_platform on darkroom.outbox (platform, at);

create table darkroom.delivery (
  id text primary key,                               -- the job's
  platform text not null,
  channel text not null,
  message text not null
);

create table darkroom.message (
  id text collate "C" primary key,
  reader text,
  job text,
  data jsonb not null
);
create index message_job on darkroom.message (job) where job is not null;

create table darkroom.picture (id text primary key, png bytea not null);

-- Settings are the sum of their changes, which are also their audit.
create table darkroom.change (
  id text primary key,
  number bigint generated always as identity,
  server text not null,
  data jsonb not null
);
create index change_server on darkroom.change (server, number);

create table darkroom.audit (
  number bigint generated always as identity primary key,
  at timestamptz not null default clock_timestamp(),
  author text not null,
  action text not null,
  subject text not null,
  detail jsonb not null default '{}'
);

create table darkroom.usage (
  day date not null,
  server text not null,
  member text not null,
  gpu_seconds double precision not null default 0,
  jobs int not null default 0,
  primary key (day, server, member)
);

-- What jobs have cost, learned: a running mean for each model, size and part of the work.
create table darkroom.cost (
  model text not null, width int not null, height int not null, part text not null,
  seconds double precision not null,
  primary key (model, width, height, part)
);

create table darkroom.secret (name text primary key, value bytea not null);

create table darkroom.worker (
  id text primary key,
  models text[] not null,
  memory double precision not null,
  seats int not null,
  warm text[] not null default '{}',
  is_draining boolean not null default false,
  seen timestamptz not null default clock_timestamp()
);
`;
