/**
 * Positions in the queue and times left, forecast from its present state: as if all estimates were right, and as many
 * new jobs came in the next seconds as in the last.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../store/sql.ts';
import {
  type ExpectedJob,
  forecastPlaces,
  type Place,
  type RunningJob,
  type SimulatedWorker,
  type WaitingJob,
} from './simulation.ts';
import { IS_PRESENT } from './worker-registry.ts';

/** Jobs that a forecast looks at; those behind them get the last position. */
const MOST = 2000;
/** Milliseconds for which a forecast serves those who only ask. */
const FRESH = 500;
/** Least milliseconds between two forecasts, and between two looks at whether one is urgent. */
const PACE = 200;
const LOOK = 25;
/** How many seconds of arrivals, and how many of them, are remembered for what is to come. */
const MEMORY = 3600;
const REMEMBERED = 1000;

/** The queue at one moment, as one row: rows as arrays, since a driver takes longer over columns than JSON does. */
interface Snapshot {
  readonly jobs: readonly [
    ...[id: string, tenant: string, user: string, model: string],
    ...[cost: number, age: number],
  ][];
  readonly running: readonly [
    ...[id: string, tenant: string, user: string, model: string],
    ...[cost: number, age: number, worker: string | null, weight: number, left: number],
  ][];
  readonly flows: readonly [tenant: string, user: string, weight: number, tag: number, virtual: number][];
  readonly workers: readonly [id: string, models: readonly string[], slots: number][];
  /** Seconds of storing a job's pictures, by model. */
  readonly stores: Readonly<Record<string, number>>;
}

const AGE = 'extract(epoch from clock_timestamp() - at)::float8';
// Running jobs: the steps of the latest progress are newer than the GPU-seconds that the worker recorded.
// Flows: of all that wait, and of the users in $1 and $2, who may come again.
const SNAPSHOT = `select
  (select coalesce(json_agg(json_build_array(id, tenant, user_id, model, cost, age) order by number), '[]')
    from (select id, tenant, user_id, model, cost, ${AGE} as age, number from darkroom.job
      where state = 'queued' and ticket is null order by number limit ${MOST}) job) as jobs,
  (select coalesce(json_agg(json_build_array(j.id, j.tenant, j.user_id, j.model, j.cost, ${AGE}, j.worker, f.weight,
      j.cost * (1 - coalesce((e.event->>'step')::float8 / nullif((e.event->>'steps')::float8, 0), 0)))), '[]')
    from darkroom.job j join darkroom.flow f on f.tenant = j.tenant and f.user_id = j.user_id
      left join darkroom.job_event e on e.job = j.id
    where j.ticket is not null and j.actual is null) as running,
  (select json_agg(json_build_array(tenant, user_id, weight, tag, virtual)) from (
    select tenant, user_id, weight, tag, virtual from darkroom.flow where waiting > 0 or tenant = ''
    union select f.tenant, f.user_id, f.weight, f.tag, f.virtual
      from (select * from unnest($1::text[], $2::text[])
        union select tenant, user_id from darkroom.job where ticket is not null and actual is null
      ) known (tenant, user_id) join darkroom.flow f on f.tenant = known.tenant and f.user_id in ('', known.user_id)
    ) flow) as flows,
  (select coalesce(json_agg(json_build_array(id, models, slots) order by id), '[]') from darkroom.worker
    where ${IS_PRESENT}) as workers,
  (select coalesce(json_object_agg(model, seconds), '{}') from (
    select model, avg(seconds) as seconds from darkroom.cost where part = 'store' group by model) cost) as stores`;

interface Forecasted {
  readonly places: ReadonlyMap<string, Place>;
  /** Milliseconds of performance.now() when the queue was read. */
  readonly madeAt: number;
}

export class Forecast {
  readonly #database: Database;
  #latest: Promise<Forecasted> | undefined;
  /** By id, the latest; `cameAt` in seconds of this process. */
  #arrivals: Map<string, WaitingJob & { readonly cameAt: number }> = new Map();
  #madeAt = Number.NEGATIVE_INFINITY;
  /** Milliseconds that the last forecast took. */
  #took = 0;

  constructor(database: Database) {
    this.#database = database;
  }

  /**
   * A new forecast, once its turn has come: forecasts may take a tenth of this process's time, and a quarter while
   * somebody waits for a first answer.
   * @param isUrgent asked again while it waits
   * @param signal ends the wait: it rejects then
   */
  async next(isUrgent: () => boolean, signal: AbortSignal): Promise<Forecasted> {
    for (;;) {
      const pause = isUrgent() ? 3 * this.#took : Math.max(PACE, 10 * this.#took);
      const early = this.#madeAt + pause - performance.now();
      if (early <= 0) return this.#make();
      await sleep(Math.min(early, LOOK), undefined, { signal });
    }
  }

  /** At most 500 ms old. */
  async places(): Promise<ReadonlyMap<string, Place>> {
    const isFresh = this.#latest !== undefined && performance.now() - this.#madeAt < FRESH;
    return (await (isFresh ? this.#latest! : this.#make())).places;
  }

  /** Seconds until the first waiting job of a user starts; undefined where none of those looked at is theirs. */
  async nextOf(user: string): Promise<number | undefined> {
    const own = await this.#database.query<{ id: string }>(
      "select id from darkroom.job where user_id = $1 and state = 'queued' and ticket is null",
      [user],
    );
    const beginsIn = (places: ReadonlyMap<string, Place>) =>
      own.flatMap(({ id }) => places.get(id)?.beginSeconds ?? []);
    let begins = beginsIn(await this.places());
    // They may have come since.
    if (begins.length === 0 && own.length > 0) begins = beginsIn((await this.#make()).places);
    return begins.length === 0 ? undefined : Math.min(...begins);
  }

  #make(): Promise<Forecasted> {
    const madeAt = performance.now();
    this.#madeAt = madeAt;
    const made = this.#look().then((places) => ({ places, madeAt }));
    this.#latest = made;
    made.then(
      () => {
        this.#took = performance.now() - madeAt;
      },
      () => {
        this.#latest = undefined;
      },
    );
    return made;
  }

  async #look(): Promise<ReadonlyMap<string, Place>> {
    const users = new Map(
      this.#arrivals.values().map(({ tenant, user }) => [`${tenant}\n${user}`, { tenant, user }]),
    );
    const known = [...users.values()];
    const [row] = await this.#database.query<Snapshot & Record<string, unknown>>(SNAPSHOT, [
      known.map(({ tenant }) => tenant),
      known.map(({ user }) => user),
    ]);
    const { jobs, running, flows, workers, stores } = row!;
    const jobOf = ([id, tenant, user, model, cost]: Snapshot['jobs'][number]): WaitingJob => ({
      ...{ id, tenant, user, model, cost },
      store: Object.hasOwn(stores, model) ? stores[model]! : 0,
    });
    const waiting = jobs.map(jobOf);
    const now = performance.now() / 1000;
    for (const [id, tenant, user, model, cost, age] of [...jobs, ...running]) {
      if (this.#arrivals.has(id)) continue;
      this.#arrivals.set(id, { ...jobOf([id, tenant, user, model, cost, age]), cameAt: now - age });
    }
    const inSlots = running.map(([id, tenant, user, model, cost, age, worker, weight, left]) => ({
      ...{ worker, weight, left, user, store: jobOf([id, tenant, user, model, cost, age]).store },
    }));
    return forecastPlaces(
      flows.map(([tenant, user, weight, tag, virtual]) => ({ tenant, user, weight, tag, virtual })),
      waiting,
      crewOf(workers, waiting, inSlots),
      this.#expect(now),
    );
  }

  /**
   * Accepted jobs are remembered from forecast to forecast. What came in the last seconds is the best guess at what
   * comes in the next: arrivals are mirrored in time.
   */
  #expect(now: number): ExpectedJob[] {
    const recent = [...this.#arrivals.values()]
      .filter(({ cameAt }) => cameAt > now - MEMORY)
      .sort((a, b) => b.cameAt - a.cameAt)
      .slice(0, REMEMBERED);
    this.#arrivals = new Map(recent.map((job) => [job.id, job]));
    return recent.map(({ tenant, user, model, cost, store, cameAt }) => ({
      ...{ tenant, user, model, cost, store },
      inSeconds: Math.max(0, now - cameAt),
    }));
  }
}

/** The workers that take jobs, with what they run; where there is none, one is assumed, so that times left end. */
function crewOf(
  workers: Snapshot['workers'],
  waiting: readonly WaitingJob[],
  running: readonly (RunningJob & { readonly worker: string | null })[],
): SimulatedWorker[] {
  if (workers.length === 0) {
    const models = new Set(waiting.map(({ model }) => model));
    return [{ models: [...models], slots: 1, running }];
  }
  return workers.map(([id, models, slots]) => ({
    ...{ models, slots },
    running: running.filter(({ worker }) => worker === id),
  }));
}

/** For a waiting job that a forecast does not have: behind those looked at, or about to start again. */
export function placeOfUnseen(places: ReadonlyMap<string, Place>): Place {
  if (places.size < MOST) return { position: 1, beginSeconds: 0, etaSeconds: 0 };
  const last = places.values().reduce((most, { etaSeconds }) => Math.max(most, etaSeconds), 0);
  return { position: MOST, beginSeconds: last, etaSeconds: last };
}
