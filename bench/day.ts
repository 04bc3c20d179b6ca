/**
 * A day's traffic on worker processes, compressed: calls take GPU-seconds on the workers' own clocks and next to
 * nothing on the wall, so that it is the queue that is busy. DAY_JOBS asks for fewer jobs, of as many fewer users.
 */
import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Queue } from '../src/queue/queue.ts';
import { migrate } from '../src/store/migrate.ts';
import { openServer } from '../src/store/postgres.ts';
import type { Sql } from '../src/store/sql.ts';
import { PostgresServer, skipServer } from '../test/queue/databases.ts';
import { audit, type Window } from './day-audit.ts';
import { type Arrival, type DaySizes, dayOf, workOf } from './day-trace.ts';
import type { Report } from './day-worker.ts';
import { type Figure, median } from './figure.ts';

const WORKER = fileURLToPath(new URL('./day-worker.ts', import.meta.url));
const JOBS = Number(process.env['DAY_JOBS'] ?? 100_000);
const SIZES: DaySizes = { jobs: JOBS, users: Math.ceil(JOBS / 20), tenants: Math.ceil(JOBS / 500) };
const WORKERS = 4;
const SLOTS = 3;
/** Submissions that are under way at once. */
const DOORS = 6;
/** Parts of the day in which shares are compared. */
const PARTS = 8;
/** Milliseconds without any news after which the day is called stuck. */
const PATIENCE = 60_000;

export async function day(): Promise<Figure[]> {
  if (skipServer !== false) {
    console.error(`The day is not measured: ${skipServer}`);
    return [];
  }
  const server = await PostgresServer.start();
  const crews: Crew[] = [];
  try {
    const url = await server.database();
    const database = await openServer({ url, connections: DOORS });
    await migrate(database);
    const queue = await Queue.open({ database, url, onError });
    const crew = new Crew(url);
    crews.push(crew);
    await crew.ready();
    const arrivals = dayOf(SIZES);
    const started = performance.now();
    await send(queue, arrivals, crew);
    await crew.ended(arrivals.length);
    const wall = (performance.now() - started) / 1000;
    await crew.stop();
    const figures = [
      { name: `jobs a second, ${WORKERS} workers, ${JOBS} jobs`, value: JOBS / wall, unit: '1/s' },
      ...(await sharesOf(database)),
      ...(await ledgerOf(database, arrivals, crew)),
      ...crew.memory(),
    ];
    await queue.close();
    await database.close();
    return figures;
  } finally {
    for (const crew of crews) crew.kill();
    await server.stop();
  }
}

/** Worker processes, and what they report. */
class Crew {
  readonly #children: ChildProcess[];
  readonly #decoded = new Map<string, number>();
  /** Bytes of each worker, beside the number of jobs that were done then. */
  readonly #memory: { readonly done: number; readonly resident: number; readonly heap: number }[][];
  #repeated = 0;
  #seconds = 0;
  #ready = 0;
  #news = Promise.withResolvers<void>();

  constructor(url: string) {
    this.#memory = Array.from({ length: WORKERS }, () => []);
    this.#children = Array.from({ length: WORKERS }, (_, i) => {
      const child = fork(WORKER, [`w${i}`, url, `${SLOTS}`]);
      child.on('message', (report: Report) => this.#receive(i, report));
      return child;
    });
  }

  /** Jobs whose pictures are done, and GPU-seconds of all workers' engines. */
  get done(): number {
    return this.#decoded.size;
  }
  get seconds(): number {
    return this.#seconds;
  }
  /** Jobs whose pictures were made more than once. */
  get repeated(): number {
    return this.#repeated;
  }

  async ready(): Promise<void> {
    while (this.#ready < WORKERS) await this.news();
  }

  /** The next report. @throws where none comes for a minute */
  async news(): Promise<void> {
    const silence = new AbortController();
    const late = sleep(PATIENCE, undefined, { signal: silence.signal }).then(
      () => Promise.reject(new Error(`Nothing is heard of the workers: ${this.done} jobs are done.`)),
      () => {},
    );
    await Promise.race([this.#news.promise, late]);
    silence.abort();
  }

  async ended(jobs: number): Promise<void> {
    while (this.done < jobs) await this.news();
  }

  async stop(): Promise<void> {
    const ended = this.#children.map((child) => once(child, 'exit'));
    for (const child of this.#children) child.send('stop');
    await Promise.all(ended);
  }

  kill(): void {
    for (const child of this.#children) child.kill('SIGKILL');
  }

  /** The workers' memory in the last quarter of the jobs beside the first. */
  memory(): Figure[] {
    const quarterOf = (worker: number, quarter: number) =>
      this.#memory[worker]!.filter(({ done }) => Math.floor((4 * done) / JOBS) === quarter);
    const resident = (worker: number, quarter: number) => {
      const samples = quarterOf(worker, quarter);
      return samples.reduce((sum, one) => sum + one.resident, 0) / samples.length / 2 ** 20;
    };
    // What is left after a collection; the rest is how long V8 puts the next one off.
    const live = (worker: number, quarter: number) =>
      Math.min(...quarterOf(worker, quarter).map(({ heap }) => heap)) / 2 ** 20;
    const most = (of: (worker: number) => number) =>
      Math.max(...this.#children.map((_, worker) => of(worker)));
    return [
      { name: 'resident memory, first quarter', value: most((worker) => resident(worker, 0)), unit: 'MiB' },
      { name: 'resident memory, last quarter', value: most((worker) => resident(worker, 3)), unit: 'MiB' },
      {
        name: 'resident memory, growth from first to last',
        value: most((worker) => 100 * (resident(worker, 3) / resident(worker, 0) - 1)),
        unit: '%',
        target: 10,
      },
      {
        name: 'live heap, growth from first to last quarter',
        value: most((worker) => 100 * (live(worker, 3) / live(worker, 0) - 1)),
        unit: '%',
        target: 10,
      },
    ];
  }

  #receive(worker: number, report: Report): void {
    if (report.kind === 'ready') this.#ready++;
    else if (report.kind === 'memory') {
      const { resident, heap } = report;
      this.#memory[worker]!.push({ done: this.done, resident, heap });
    } else {
      if (this.#decoded.has(report.job)) this.#repeated++;
      this.#decoded.set(report.job, report.seconds);
      this.#seconds += report.seconds;
    }
    this.#news.resolve();
    this.#news = Promise.withResolvers();
  }
}

/**
 * Submits each job when the day has come to it: the workers' GPU-seconds, divided by their number, are the time;
 * where too few wait to keep all slots busy, the time moves on to the next.
 */
async function send(queue: Queue, arrivals: readonly Arrival[], crew: Crew): Promise<void> {
  let next = 0;
  let skipped = 0;
  await Promise.all(
    Array.from({ length: DOORS }, async () => {
      for (let arrival = arrivals[next++]; arrival !== undefined; arrival = arrivals[next++]) {
        const place = next;
        for (;;) {
          const ahead = arrival.at - (skipped + crew.seconds / WORKERS);
          if (ahead <= 0) break;
          if (place - crew.done <= 2 * WORKERS * SLOTS) skipped += ahead;
          else await crew.news();
        }
        await submit(queue, arrival);
      }
    }),
  );
}

function submit(queue: Queue, { id, tenant, user, weight, request }: Arrival): Promise<void> {
  return queue.submit({
    ...{ id, request, inputs: {}, state: 'queued', notes: [], pictures: [] },
    at: Date.now(),
    user: { id: user, name: user },
    platform: 'web',
    channel: 'web',
    // Nobody is to be refused: what the caps let in is not what is measured.
    share: { tenant, weight, waiting: JOBS },
  });
}

/** Fairness, by the bounds of start-time fair queueing. */
async function sharesOf(database: Sql): Promise<Figure[]> {
  const { tenants, users, waits, drift } = await audit(database, PARTS);
  return [
    ...jainOf('tenants', 'long windows', tenants.long),
    ...jainOf('tenants', `parts of the day (${PARTS})`, tenants.parts),
    ...jainOf('users of a tenant', 'long windows', users.long),
    ...jainOf('users of a tenant', `parts of the day (${PARTS})`, users.parts),
    { name: 'heads that waited beyond the bound', value: waits.beyond, unit: '', target: 0 },
    { name: 'worst wait of a head, its bound being 1', value: waits.worst, unit: '', target: 1 },
    { name: 'longest wait of a head, in dispatches', value: waits.dispatches, unit: '' },
    { name: 'dispatches of one sibling before a newcomer', value: waits.newcomer, unit: '', target: 1 },
    { name: 'dispatches past users with a slot there', value: (100 * waits.passed) / waits.count, unit: '%' },
    { name: 'the furthest of them, in tags', value: waits.furthest, unit: 's' },
    { name: 'tags played again, largest difference', value: drift, unit: 's', target: 1e-6 },
  ];
}

function jainOf(who: string, over: string, windows: readonly Window[]): Figure[] {
  if (windows.length === 0) return [];
  const jains = windows.map(({ jain }) => jain);
  const flows = median(windows.map((window) => window.flows));
  const of = `Jain's index, ${who}, ${over}`;
  return [
    { name: `${of}, median`, value: median(jains), unit: '', target: 0.99, least: true },
    { name: `${of}, least`, value: Math.min(...jains), unit: '', target: 0.99, least: true },
    { name: `${who} compared in one of the ${windows.length}, median`, value: flows, unit: '' },
  ];
}

/** That each job has ended once, and what its ends add up to. */
async function ledgerOf(database: Sql, arrivals: readonly Arrival[], crew: Crew): Promise<Figure[]> {
  const [row] = await database.query<{
    done: number;
    outbox: number;
    actual: number;
    usage: number;
    jobs: number;
  }>(
    `select (select count(*) from darkroom.job where state = 'done' and actual is not null and tries = 1)::int as done,
       (select count(*) from darkroom.outbox)::int as outbox,
       (select sum(actual) from darkroom.job)::float8 as actual,
       (select sum(gpu_seconds) from darkroom.usage)::float8 as usage,
       (select sum(jobs) from darkroom.usage)::int as jobs`,
  );
  const { done, outbox, actual, usage, jobs } = row!;
  const owed = arrivals.reduce((sum, { request }) => sum + workOf(request), 0);
  const off = Math.max(...[actual, usage, crew.seconds].map((sum) => Math.abs(sum - owed) / owed));
  const wrong = [done, outbox, jobs, crew.done].reduce((sum, count) => sum + Math.abs(count - JOBS), 0);
  return [
    { name: 'jobs not ended exactly once', value: wrong + crew.repeated, unit: '', target: 0 },
    { name: 'GPU-seconds of the day', value: owed, unit: 's' },
    { name: 'GPU-seconds that do not add up', value: 1e6 * off, unit: 'ppm', target: 1 },
  ];
}

function onError(error: unknown): void {
  console.error(error);
}
