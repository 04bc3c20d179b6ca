/**
 * Whether the ETA that users see when their job is accepted comes true: a trace on worker processes, on the wall clock.
 * ETA_JOBS asks for shorter traces.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { Queue } from '../src/queue/queue.ts';
import { freezeRequest, type GenerationRequest } from '../src/request.ts';
import { migrate } from '../src/store/migrate.ts';
import { openServer } from '../src/store/postgres.ts';
import type { Database } from '../src/store/sql.ts';
import { Member } from '../test/chaos/cluster.ts';
import { PostgresServer, skipServer } from '../test/queue/databases.ts';
import { randomOf } from './day-trace.ts';
import { type Figure, median } from './figure.ts';

const WORKERS = 2;
/** Traces, and jobs of each; a short one before them teaches what jobs take. */
const TRACES = [2, 3, 4];
const JOBS = Number(process.env['ETA_JOBS'] ?? 300);
const LESSONS = 40;
/** Servers, and users of each. */
const TENANTS = 4;
const USERS = 5;
/** Of the workers' GPU-seconds, how much is asked for. */
const LOAD = 0.85;
/** Sides of pictures, and milliseconds of a call at each. */
const SIDES = [
  [64, 15],
  [96, 30],
  [128, 60],
] as const;
const STEPS = [4, 8, 20, 30] as const;
/** Longest burst of one user's jobs. */
const BURST = 4;
/** Milliseconds after which all that learn have read what others learned. */
const LEARNED = 11_000;

interface Arrival {
  /** Seconds since the trace's start. */
  readonly at: number;
  readonly tenant: string;
  readonly user: string;
  readonly request: GenerationRequest;
}

interface Announced {
  readonly id: string;
  /** Seconds until the picture, as announced; and how long after the acceptance that was. */
  readonly eta: number;
  readonly after: number;
  readonly isQueued: boolean;
}

export async function eta(): Promise<Figure[]> {
  if (skipServer !== false) {
    console.error(`ETAs are not measured: ${skipServer}`);
    return [];
  }
  const server = await PostgresServer.start();
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-bench-'));
  const url = await server.database();
  const database = await openServer({ url });
  await migrate(database);
  const env = { DATABASE_URL: url, DARKROOM_DATA: folder };
  const workers = Array.from({ length: WORKERS }, () => new Member('worker', env));
  const queue = await Queue.open({ database, url, onError });
  try {
    await Promise.all(workers.map((worker) => worker.start()));
    await play(queue, traceOf(LESSONS, 1), 'lesson');
    await sleep(LEARNED);
    const announced: Announced[] = [];
    for (const seed of TRACES) announced.push(...(await play(queue, traceOf(JOBS, seed), `job${seed}-`)));
    return figuresOf(announced, await waitsOf(database));
  } finally {
    for (const worker of workers) await worker.kill();
    await queue.close();
    await database.close();
    await server.stop();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Users who each ask for a few pictures at once, at random times. */
function traceOf(jobs: number, seed: number): Arrival[] {
  const random = randomOf(seed);
  const one = <T>(of: readonly T[]): T => of[Math.floor(random() * of.length)]!;
  const arrivals: Arrival[] = [];
  let at = 0;
  while (arrivals.length < jobs) {
    const tenant = `s${Math.floor(random() * TENANTS)}`;
    const user = `${tenant}u${Math.floor(random() * USERS)}`;
    const [side, ms] = one(SIDES);
    const steps = one(STEPS);
    const count = 1 + Math.floor(random() * BURST);
    for (let i = 0; i < count; i++) {
      arrivals.push({ at, tenant, user, request: requestOf(side, ms, steps, arrivals.length) });
    }
    const work = (count * ms * steps) / 1000;
    // The next burst comes after an exponential time; what this one asks for sets the mean.
    at += (-Math.log(1 - random()) * work) / (WORKERS * LOAD);
  }
  return arrivals.slice(0, jobs);
}

function requestOf(side: number, ms: number, steps: number, seed: number): GenerationRequest {
  const draft = { prompt: `ms=${ms}`, width: side, height: side, num_inference_steps: steps, seed };
  return freezeRequest(draft, {
    model: 'mini',
    defaults: {
      ...{ numInferenceSteps: 20, guidanceScale: 7, sampler: 'euler', schedule: 'normal' },
      ...{ width: 64, height: 64, strength: 0.75, maxSize: 256 },
    },
  }).request;
}

/** Submits the jobs at their times, and waits until all have ended. @returns what was announced first of each */
async function play(queue: Queue, arrivals: readonly Arrival[], name: string): Promise<Announced[]> {
  const started = performance.now();
  return Promise.all(
    arrivals.map(async ({ at, tenant, user, request }, i) => {
      await sleep(Math.max(0, started + at * 1000 - performance.now()));
      const id = `${name}${i}`;
      await queue.submit({
        ...{ id, request, inputs: {}, state: 'queued', notes: [], pictures: [] },
        ...{ at: Date.now(), user: { id: user, name: user }, platform: 'web', channel: 'web' },
        share: { tenant, weight: 1, waiting: arrivals.length },
      });
      const accepted = performance.now();
      let announced: Announced | undefined;
      for await (const event of queue.watch(id)) {
        if (event.state !== 'queued' && event.state !== 'running') continue;
        const after = (performance.now() - accepted) / 1000;
        // A job that has only just begun is announced without steps, and so without a time.
        if (event.state === 'running' && event.steps === 0) continue;
        announced ??= { id, eta: event.etaSeconds, after, isQueued: event.state === 'queued' };
      }
      return announced ?? { id, eta: 0, after: 0, isQueued: false };
    }),
  );
}

/** @returns seconds from acceptance to the end, by job */
async function waitsOf(database: Database): Promise<Map<string, number>> {
  const rows = await database.query<{ id: string; seconds: number }>('select id, seconds from darkroom.job');
  return new Map(rows.map(({ id, seconds }) => [id, seconds]));
}

function figuresOf(announced: readonly Announced[], waits: ReadonlyMap<string, number>): Figure[] {
  const errorOf = ({ id, eta, after }: Announced) => {
    const rest = waits.get(id)! - after;
    return (100 * Math.abs(eta - rest)) / rest;
  };
  const waiting = announced.filter(({ isQueued }) => isQueued);
  const bias = ({ id, eta, after }: Announced) => (100 * (eta + after - waits.get(id)!)) / waits.get(id)!;
  return [
    {
      name: 'ETA announced at acceptance, median error',
      value: median(announced.map(errorOf)),
      unit: '%',
      target: 20,
    },
    {
      name: `the same, of the ${waiting.length} that had to wait`,
      value: median(waiting.map(errorOf)),
      unit: '%',
    },
    {
      name: 'ETA beside the wait, median (below 0: too early)',
      value: median(announced.map(bias)),
      unit: '%',
    },
    {
      name: 'wait for a picture, median',
      value: median(announced.map(({ id }) => waits.get(id)!)),
      unit: 's',
    },
  ];
}

function onError(error: unknown): void {
  console.error(error);
}
