/** What operators see of the line and do to it, from the shell and for /metrics. */
import type { Sql } from '../store/sql.ts';
import { CHANNEL } from './line.ts';
import { ABSENT } from './presence.ts';

export interface ListedJob {
  readonly id: string;
  readonly state: 'queued' | 'running';
  readonly server: string;
  readonly member: string;
  readonly model: string;
  /** GPU-seconds expected. */
  readonly cost: number;
  readonly worker: string | null;
  /** Seconds since it was accepted. */
  readonly age: number;
}

export interface LineFigures {
  readonly waiting: number;
  readonly running: number;
  readonly isPaused: boolean;
  readonly workers: number;
  readonly leaseLosses: number;
  readonly retries: number;
  /** Since the first day, by server or workspace. */
  readonly tenants: readonly {
    readonly server: string;
    readonly gpuSeconds: number;
    readonly jobs: number;
  }[];
}

/** Jobs that run, then those that wait, oldest first. */
export function listJobs(sql: Sql, most: number): Promise<ListedJob[]> {
  return sql.query<ListedJob & Record<string, unknown>>(
    `select id, state, server, member, model, cost, worker,
       extract(epoch from clock_timestamp() - at)::float8 as age
     from darkroom.job where state in ('queued', 'running') order by state desc, number limit $1`,
    [most],
  );
}

export async function readFigures(sql: Sql): Promise<LineFigures> {
  const [row] = await sql.query<{ running: number; waiting: number; paused: boolean; workers: number }>(
    `select (select count(*) from darkroom.job where state = 'running')::int as running,
       (select coalesce(sum(waiting), 0) from darkroom.flow where member = '')::int as waiting,
       exists (select from darkroom.pause) as paused,
       (select count(*) from darkroom.worker where seen > clock_timestamp() - interval '${ABSENT} s')::int as workers`,
  );
  const tallies = await sql.query<{ name: string; count: number }>(
    'select name, count::float8 as count from darkroom.tally',
  );
  const tenants = await sql.query<{ server: string; gpuSeconds: number; jobs: number }>(
    `select server, sum(gpu_seconds)::float8 as "gpuSeconds", sum(jobs)::int as jobs from darkroom.usage
     group by server order by server`,
  );
  const tally = (name: string) => tallies.find((one) => one.name === name)?.count ?? 0;
  const { running, waiting, paused: isPaused, workers } = row!;
  const [leaseLosses, retries] = [tally('lease_losses'), tally('retries')];
  return { running, waiting, isPaused, workers, leaseLosses, retries, tenants };
}

/** Prometheus' text form (exposition format 0.0.4). */
export function formatFigures({ waiting, running, leaseLosses, retries, tenants }: LineFigures): string {
  const series: [name: string, type: string, help: string, values: [label: string, value: number][]][] = [
    ['darkroom_queue_waiting', 'gauge', 'Jobs that wait.', [['', waiting]]],
    ['darkroom_queue_running', 'gauge', 'Jobs that are drawn now.', [['', running]]],
    ['darkroom_lease_losses_total', 'counter', 'Leases whose worker died or slept.', [['', leaseLosses]]],
    ['darkroom_retries_total', 'counter', 'Jobs begun again by another worker.', [['', retries]]],
    [
      'darkroom_gpu_seconds_total',
      'counter',
      'GPU-seconds used, by server or workspace.',
      tenants.map(({ server, gpuSeconds }) => [labelOf(server), gpuSeconds]),
    ],
    [
      'darkroom_gpu_jobs_total',
      'counter',
      'Jobs that used them.',
      tenants.map(({ server, jobs }) => [labelOf(server), jobs]),
    ],
  ];
  return series
    .flatMap(([name, type, help, values]) => [
      `# HELP ${name} ${help}`,
      `# TYPE ${name} ${type}`,
      ...values.map(([label, value]) => `${name}${label} ${value}`),
      '',
    ])
    .filter((line) => line !== '')
    .concat('')
    .join('\n');
}

const labelOf = (server: string) =>
  `{tenant="${server.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"}`;

/** Jobs are taken in and none is handed out, on every machine. @returns whether it was not paused yet */
export async function pauseLine(sql: Sql, author: string): Promise<boolean> {
  const rows = await sql.query(
    'insert into darkroom.pause (author) values ($1) on conflict do nothing returning is_on',
    [author],
  );
  if (rows.length > 0) await note(sql, author, 'queue.pause', '');
  return rows.length > 0;
}

/** @returns whether it was paused */
export async function resumeLine(sql: Sql, author: string): Promise<boolean> {
  const rows = await sql.query('delete from darkroom.pause returning is_on');
  await sql.query('select pg_notify($1, $2)', [CHANNEL, 'work']);
  if (rows.length > 0) await note(sql, author, 'queue.resume', '');
  return rows.length > 0;
}

/** For those who wait already; for jobs to come the setting `weight` holds. @returns servers where the user is known */
export async function weighFlows(
  sql: Sql,
  member: string,
  weight: number,
  server?: string,
): Promise<string[]> {
  const rows = await sql.query<{ server: string }>(
    `update darkroom.flow set weight = $2 where member = $1 and ($3::text is null or server = $3) returning server`,
    [member, weight, server ?? null],
  );
  return rows.map((row) => row.server);
}

export const note = (sql: Sql, author: string, action: string, subject: string) =>
  sql.query('insert into darkroom.audit (author, action, subject) values ($1, $2, $3)', [
    author,
    action,
    subject,
  ]);
