/** What operators see of the queue and do to it, from the shell and for /metrics. */
import type { Sql } from '../store/sql.ts';
import { CHANNEL } from './notices.ts';
import { ABSENT } from './worker-registry.ts';

interface ListedJob {
  readonly id: string;
  readonly state: 'queued' | 'running';
  readonly tenant: string;
  readonly user: string;
  readonly model: string;
  /** GPU-seconds expected. */
  readonly cost: number;
  readonly worker: string | null;
  /** Seconds since it was accepted. */
  readonly age: number;
}

interface QueueFigures {
  readonly waiting: number;
  readonly running: number;
  readonly isPaused: boolean;
  readonly workers: number;
  readonly leaseLosses: number;
  readonly retries: number;
  /** In all, by guild or workspace. */
  readonly tenants: readonly {
    readonly tenant: string;
    readonly gpuSeconds: number;
    readonly jobs: number;
  }[];
}

/** Jobs that run, then those that wait, oldest first. */
export function listJobs(sql: Sql, most: number): Promise<ListedJob[]> {
  return sql.query<ListedJob & Record<string, unknown>>(
    `select id, state, tenant, user_id as "user", model, cost, worker,
       extract(epoch from clock_timestamp() - at)::float8 as age
     from darkroom.job where state in ('queued', 'running') and not frame ? 'sweep' order by state desc, number limit $1`,
    [most],
  );
}

export async function readFigures(sql: Sql): Promise<QueueFigures> {
  const [row] = await sql.query<{ running: number; waiting: number; paused: boolean; workers: number }>(
    `select (select count(*) from darkroom.job where state = 'running' and not frame ? 'sweep')::int as running,
       (select coalesce(sum(waiting), 0) from darkroom.flow where user_id = '')::int as waiting,
       exists (select from darkroom.pause) as paused,
       (select count(*) from darkroom.worker where seen > clock_timestamp() - interval '${ABSENT} s')::int as workers`,
  );
  const counters = await sql.query<{ name: string; count: number }>(
    'select name, count::float8 as count from darkroom.counter',
  );
  const tenants = await sql.query<{ tenant: string; gpuSeconds: number; jobs: number }>(
    `select tenant, sum(gpu_seconds)::float8 as "gpuSeconds", sum(jobs)::int as jobs from darkroom.usage
     group by tenant order by tenant`,
  );
  const counter = (name: string) => counters.find((one) => one.name === name)?.count ?? 0;
  const { running, waiting, paused: isPaused, workers } = row!;
  const [leaseLosses, retries] = [counter('lease_losses'), counter('retries')];
  return { running, waiting, isPaused, workers, leaseLosses, retries, tenants };
}

/** Prometheus' text form (exposition format 0.0.4). */
export function formatFigures({ waiting, running, leaseLosses, retries, tenants }: QueueFigures): string {
  const series: [name: string, type: string, help: string, values: [label: string, value: number][]][] = [
    ['darkroom_queue_waiting', 'gauge', 'Jobs that wait.', [['', waiting]]],
    ['darkroom_queue_running', 'gauge', 'Jobs that run.', [['', running]]],
    ['darkroom_lease_losses_total', 'counter', 'Leases whose worker died or stalled.', [['', leaseLosses]]],
    ['darkroom_retries_total', 'counter', 'Jobs started again by another worker.', [['', retries]]],
    [
      'darkroom_gpu_seconds_total',
      'counter',
      'GPU-seconds used, by guild or workspace.',
      tenants.map(({ tenant, gpuSeconds }) => [labelOf(tenant), gpuSeconds]),
    ],
    [
      'darkroom_gpu_jobs_total',
      'counter',
      'Jobs that used them, by guild or workspace.',
      tenants.map(({ tenant, jobs }) => [labelOf(tenant), jobs]),
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

const labelOf = (tenant: string) =>
  `{tenant="${tenant.replaceAll('\\', '\\\\').replaceAll('"', '\\"').replaceAll('\n', '\\n')}"}`;

/** Jobs are accepted and none is dispatched, on every machine. @returns whether it was not paused yet */
export async function pauseQueue(sql: Sql, operator: string): Promise<boolean> {
  const rows = await sql.query(
    'insert into darkroom.pause (user_name) values ($1) on conflict do nothing returning is_on',
    [operator],
  );
  if (rows.length > 0) await audit(sql, operator, 'queue.pause', '');
  return rows.length > 0;
}

/** @returns whether it was paused */
export async function resumeQueue(sql: Sql, operator: string): Promise<boolean> {
  const rows = await sql.query('delete from darkroom.pause returning is_on');
  await sql.query('select pg_notify($1, $2)', [CHANNEL, 'work']);
  if (rows.length > 0) await audit(sql, operator, 'queue.resume', '');
  return rows.length > 0;
}

/** For jobs that wait already; the setting `weight` is for later ones. @returns the tenants that know the user */
export async function setWeight(sql: Sql, user: string, weight: number, tenant?: string): Promise<string[]> {
  const rows = await sql.query<{ tenant: string }>(
    `update darkroom.flow set weight = $2 where user_id = $1 and ($3::text is null or tenant = $3) returning tenant`,
    [user, weight, tenant ?? null],
  );
  return rows.map((row) => row.tenant);
}

export const audit = (sql: Sql, operator: string, action: string, subject: string) =>
  sql.query('insert into darkroom.audit (user_name, action, subject) values ($1, $2, $3)', [
    operator,
    action,
    subject,
  ]);
