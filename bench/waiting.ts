/**
 * What waiting jobs cost a `serve` on the embedded database: its queries for each job that ends, the delay of its event
 * loop, and how long it takes to stop and to start again. WAITING=N asks for other numbers.
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { setTimeout as sleep } from 'node:timers/promises';
import { PGlite } from '@electric-sql/pglite';
import { loadSettings } from '../config/settings.ts';
import { type App, startApp } from '../src/app.ts';
import { createLogger } from '../src/log.ts';
import { askAtDoor } from '../src/shell/door.ts';
import { addressOf } from '../test/chaos/cluster.ts';
import type { Figure } from './figure.ts';

const FEW = 10;
const MANY = Number(process.env['WAITING'] ?? 1000);
/** Jobs that end while queries are counted. */
const ENDS = 10;
/** Waiting jobs of each user. */
const EACH = 20;
const RESOLUTION = 5;

let queries = 0;
const query = PGlite.prototype.query;
PGlite.prototype.query = function (this: PGlite, ...given: Parameters<typeof query>) {
  queries += 1;
  return query.apply(this, given);
} as typeof query;

interface Measured {
  readonly queriesPerEnd: number;
  readonly delay: number;
  readonly worst: number;
  readonly stop: number;
  readonly start: number;
  readonly startDelay: number;
}

export async function waiting(): Promise<Figure[]> {
  const few = await measure(FEW);
  const many = await measure(MANY);
  return [
    { name: `queries for each job that ends, ${FEW} waiting`, value: few.queriesPerEnd, unit: '' },
    { name: `queries for each job that ends, ${MANY} waiting`, value: many.queriesPerEnd, unit: '' },
    {
      name: 'the one beside the other',
      value: many.queriesPerEnd / few.queriesPerEnd,
      unit: 'x',
      target: 2,
    },
    { name: `event-loop delay p99, ${MANY} waiting`, value: many.delay, unit: 'ms', target: 50 },
    { name: `event-loop delay, worst, ${MANY} waiting`, value: many.worst, unit: 'ms' },
    { name: `stop, ${MANY} waiting`, value: many.stop, unit: 's', target: 3 },
    { name: `start, ${MANY} waiting`, value: many.start, unit: 's', target: 3 },
    { name: `event-loop delay, worst, at the start`, value: many.startDelay, unit: 'ms' },
  ];
}

async function measure(count: number): Promise<Measured> {
  const folder = mkdtempSync(join(tmpdir(), 'darkroom-bench-'));
  const loop = monitorEventLoopDelay({ resolution: RESOLUTION });
  try {
    const first = await start(folder);
    await operate(folder, 'pause');
    for (let i = 0; i < count + ENDS; i++) await post(first, `u${Math.floor(i / EACH)}`);
    const stop = await seconds(() => first.stop());
    loop.enable();
    let second!: App;
    const started = await seconds(async () => {
      second = await start(folder);
    });
    await sleep(2000);
    const startDelay = worstOf(loop);
    await operate(folder, 'resume');
    loop.reset();
    const before = queries;
    while ((await waitingOf(second)) > count) await sleep(50);
    const queriesPerEnd = (queries - before) / ENDS;
    loop.disable();
    // The histogram counts the timer's own resolution; nanoseconds.
    const delay = loop.percentile(99) / 1e6 - RESOLUTION;
    const worst = worstOf(loop);
    await second.stop();
    return { queriesPerEnd, delay, worst, stop, start: started, startDelay };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const worstOf = (loop: { readonly max: number }) => loop.max / 1e6 - RESOLUTION;

async function seconds(work: () => Promise<void>): Promise<number> {
  const started = performance.now();
  await work();
  return (performance.now() - started) / 1000;
}

function start(folder: string): Promise<App> {
  const env = {
    ...{ DARKROOM_DATA: folder, DARKROOM_PORT: '0', DARKROOM_WEB_USERS: 'header' },
    DARKROOM_TRUSTED_PROXIES: '127.0.0.1',
  };
  const { settings } = loadSettings(env);
  const engineFactory = new URL('../test/engine/stand-in.ts', import.meta.url).href;
  return startApp({ settings, log: createLogger('error', false), engineFactory });
}

async function operate(folder: string, action: string): Promise<void> {
  const voice = { say: () => {}, complain: (text: string) => console.error(text) };
  await askAtDoor(folder, { verb: 'queue', args: [action], asker: 'bench' }, voice);
}

async function post({ url }: App, user: string): Promise<void> {
  const body = new FormData();
  body.set('text', '/imagine ms=50 --steps 4');
  const headers = { 'x-darkroom-user': user, origin: url, 'x-forwarded-for': addressOf(user) };
  const answer = await fetch(`${url}/api/messages`, { method: 'POST', body, headers });
  if (answer.status !== 202) throw new Error(await answer.text());
  await answer.body?.cancel();
}

/** From the figures, which cost as many queries whatever waits. */
async function waitingOf({ url }: App): Promise<number> {
  const text = await (await fetch(`${url}/metrics`)).text();
  return Number(/^darkroom_queue_waiting (\d+)/m.exec(text)![1]);
}
