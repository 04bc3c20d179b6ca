/** The queue on a PostgreSQL server and on the embedded database: how fast it takes in and hands out, and for how many. */
import { randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Claim } from '../src/queue/dispatcher.ts';
import { Queue } from '../src/queue/queue.ts';
import type { GenerationRequest } from '../src/request.ts';
import { openEmbedded } from '../src/store/embedded.ts';
import type { JobRecord } from '../src/store/jobs.ts';
import { migrate } from '../src/store/migrate.ts';
import { openServer } from '../src/store/postgres.ts';
import type { Database } from '../src/store/sql.ts';
import { Bench as Arithmetic, jobOf } from '../test/queue/arithmetic.ts';
import { PostgresServer, skipServer } from '../test/queue/databases.ts';
import { type Figure, median } from './figure.ts';

const MODEL = 'mini';
const REQUEST = {
  model: MODEL,
  prompt: 'a blue car, ink',
  width: 256,
  height: 256,
  numInferenceSteps: 20,
  numImages: 1,
  seed: 1,
} as unknown as GenerationRequest;

const WORKERS = 8;
const CLAIMS = 4000;
/** Steps that are timed one after another, at each length of the queue. */
const SINGLES = 300;
const TICKET_QUEUE = 'gpu';

export async function queue(): Promise<Figure[]> {
  const figures = [...(await onEmbedded()), await besideFlood()];
  if (skipServer !== false) {
    console.error(`The queue on a server is not measured: ${skipServer}`);
    return figures;
  }
  const server = await PostgresServer.start();
  try {
    for (const [waiting, users] of [
      [1000, 100],
      [100_000, 100],
      [100_000, 5000],
      [1_000_000, 5000],
    ] as const) {
      figures.push(...(await onServer(await server.database(), waiting, users)));
    }
    figures.push(await acceptance(await server.database()));
  } finally {
    await server.stop();
  }
  return figures;
}

/** What stands between a job's submission and its engine, and between its picture and its end. */
async function onEmbedded(): Promise<Figure[]> {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-bench-'));
  const database = await openEmbedded(folder);
  await migrate(database);
  const queue = await Queue.open({ database, onError });
  const spent: number[] = [];
  try {
    for (let i = 0; i < 60; i++) {
      const started = performance.now();
      await queue.submit(recordOf('solo', 'solo'));
      const claim = await queue.dispatcher.claim(optionsOf('w'));
      await queue.dispatcher.finish(claim!, 1, { state: 'done', pictures: [], notes: [] });
      spent.push(performance.now() - started);
    }
  } finally {
    await queue.close();
    await database.close();
    rmSync(folder, { recursive: true, force: true });
  }
  return [
    { name: 'overhead of a single job, embedded', value: median(spent.slice(10)), unit: 'ms', target: 15 },
  ];
}

/** Denoiser calls of a flood that a small job of another user waits for, whenever in the flood's course it comes. */
async function besideFlood(): Promise<Figure> {
  const waits: number[] = [];
  for (let calls = 20; calls < 80; calls++) {
    const bench = new Arithmetic();
    for (let i = 0; i < 20; i++) bench.submit(jobOf(`flood${i}`, 'a', 20));
    bench.onTick = () => {
      if (bench.calls.length === calls) bench.submit(jobOf('small', 'b', 4));
    };
    await bench.endOf('small');
    const end = bench.calls.findIndex(({ id, kind }) => id === 'small' && kind === 'decode');
    waits.push(
      bench.calls.slice(calls, end).filter(({ user, kind }) => user === 'a' && kind === 'step').length,
    );
    await bench.worker.stop(0);
  }
  return {
    name: 'steps of a flood before a small job, at most',
    value: Math.max(...waits),
    unit: '',
    target: 8,
  };
}

/** Workers that do nothing but claim over a queue of this length, then each step of a job's life by itself. */
async function onServer(url: string, waiting: number, users: number): Promise<Figure[]> {
  const database = await openServer({ url, connections: WORKERS });
  await migrate(database);
  const queue = await Queue.open({ database, url, onError });
  try {
    await fill(database, waiting, users);
    let claims = 0;
    let left = Math.min(CLAIMS, waiting / 2);
    const started = performance.now();
    await Promise.all(
      Array.from({ length: WORKERS }, async (_, i) => {
        for (; left > 0; claims++) {
          left--;
          await queue.dispatcher.claim(optionsOf(`w${i}`));
        }
      }),
    );
    const seconds = (performance.now() - started) / 1000;
    const claimed: Claim[] = [];
    const claim = await timeEach(
      async () => void claimed.push((await queue.dispatcher.claim(optionsOf('alone')))!),
    );
    const accept = await timeEach((i) => queue.submit(recordOf(`u${i % users}`, `s${i % 20}`)));
    const finish = await timeEach(
      async (i) =>
        void (await queue.dispatcher.finish(claimed[i]!, 1, { state: 'done', pictures: [], notes: [] })),
    );
    const of = `${waiting} waiting of ${users} users`;
    const isLargest = waiting === 1_000_000;
    return [
      {
        name: `claims by ${WORKERS} workers, ${of}`,
        value: claims / seconds,
        unit: '1/s',
        ...(isLargest && { target: 2000, least: true }),
      },
      { name: `claim p99, ${of}`, value: claim, unit: 'ms', ...(isLargest && { target: 20 }) },
      { name: `accept p99, ${of}`, value: accept, unit: 'ms' },
      { name: `finish p99, ${of}`, value: finish, unit: 'ms' },
    ];
  } finally {
    await queue.close();
    await database.close();
  }
}

/** @returns 99 in 100 were faster, in milliseconds */
async function timeEach(step: (i: number) => Promise<void>): Promise<number> {
  const spent: number[] = [];
  for (let i = 0; i < SINGLES; i++) {
    const asked = performance.now();
    await step(i);
    spent.push(performance.now() - asked);
  }
  return percentile(spent, 99);
}

/** Jobs that come evenly, 200 a second, while a worker claims and finishes. */
async function acceptance(url: string): Promise<Figure> {
  const database = await openServer({ url, connections: WORKERS });
  await migrate(database);
  const queue = await Queue.open({ database, url, onError });
  const spent: number[] = [];
  let isOpen = true;
  const working = (async () => {
    while (isOpen) {
      const claim = await queue.dispatcher.claim(optionsOf('w'));
      if (claim === undefined) await sleep(5);
      else await queue.dispatcher.finish(claim, 0.01, { state: 'done', pictures: [], notes: [] });
    }
  })();
  try {
    const pending: Promise<unknown>[] = [];
    const started = performance.now();
    for (let i = 0; i < 2000; i++) {
      const due = started + i * 5;
      while (performance.now() < due) await sleep(Math.max(0, due - performance.now()));
      // From when it should have come: a sender that is held up must not flatter the queue.
      pending.push(
        queue.submit(recordOf(`u${i % 200}`, `s${i % 20}`)).then(() => spent.push(performance.now() - due)),
      );
    }
    await Promise.all(pending);
  } finally {
    isOpen = false;
    await working;
    await queue.close();
    await database.close();
  }
  return { name: 'accept p99 at 200 jobs a second', value: percentile(spent, 99), unit: 'ms', target: 150 };
}

/** Waiting jobs, flows and tickets, written at once: one at a time they would take an hour. */
async function fill(database: Database, waiting: number, users: number): Promise<void> {
  const tenants = Math.max(1, Math.round(users / 25));
  await database.query(
    `insert into darkroom.job (id, tenant, user_id, user_name, platform, channel, request, inputs, frame, model, notes,
       cost, state)
     select 'job' || i, 's' || (i % ${users}) % ${tenants}, 'u' || i % ${users}, 'u', 'web', 'web', $1, '{}', '{}', $2,
       '[]', 1 + i % 7, 'queued' from generate_series(1, ${waiting}) i`,
    [JSON.stringify(REQUEST), MODEL],
  );
  await database.script(`
    insert into darkroom.flow (tenant, user_id, waiting)
      select tenant, user_id, count(*) from darkroom.job group by tenant, user_id
      union all select tenant, '', count(*) from darkroom.job group by tenant;
    insert into darkroom_boss.job (name, heartbeat_seconds, expire_seconds, retry_limit, keep_until)
      select '${TICKET_QUEUE}', 12, 86399, 1000000, now() + interval '10 years' from generate_series(1, ${waiting})`);
  await database.script('analyze darkroom.job');
  await database.script('analyze darkroom.flow');
  await database.script('analyze');
}

const optionsOf = (worker: string) => ({ worker, models: [MODEL], busy: [], warm: [] });

function recordOf(user: string, tenant: string): JobRecord {
  return {
    id: randomUUID(),
    at: Date.now(),
    user: { id: user, name: user },
    platform: 'web',
    channel: 'web',
    request: REQUEST,
    inputs: {},
    state: 'queued',
    notes: [],
    pictures: [],
    share: { tenant, weight: 1, waiting: 1_000_000 },
  };
}

function percentile(values: readonly number[], percent: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * percent) / 100))] ?? 0;
}

function onError(error: unknown): void {
  console.error(error);
}
