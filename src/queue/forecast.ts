/**
 * Positions in the queue and times left, forecast from its present state: as if all estimates were right, and as many
 * new jobs came in the next seconds as in the last.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import type { Database } from '../store/sql.ts';
import {
  type ExpectedJob,
  type Flow,
  forecastPlaces,
  type Place,
  type RunningJob,
  type SimulatedWorker,
  type WaitingJob,
} from './simulation.ts';
import { readWorkers } from './worker-registry.ts';

/** Jobs that a forecast looks at; those behind them get the last position. */
const MOST = 2000;
/** Milliseconds for which a forecast serves those who only ask. */
const FRESH = 500;
/** Least milliseconds between two forecasts. */
const PACE = 200;
/** How many seconds of arrivals, and how many of them, are remembered for what is to come. */
const MEMORY = 3600;
const REMEMBERED = 1000;

/** A job that was accepted, as it is remembered. */
interface Arrival extends WaitingJob {
  readonly [column: string]: unknown;
  /** Seconds since it was accepted, by the database's clock. */
  readonly age: number;
}

interface RunningRow extends Arrival, RunningJob {
  readonly worker: string | null;
}

const AGE = 'extract(epoch from clock_timestamp() - at)::float8';
const STORE = 'coalesce(k.seconds, 0) as store';
const COSTS = `(select model, avg(seconds) as seconds from darkroom.cost where part = 'store' group by model) k
  using (model)`;
// The steps of a job's latest progress are newer than the GPU-seconds that its worker recorded.
const RUNNING = `select j.id, j.tenant, j.user_id as "user", j.model, j.cost, ${STORE}, ${AGE} as age, j.worker, f.weight,
    j.cost * (1 - coalesce((e.event->>'step')::float8 / nullif((e.event->>'steps')::float8, 0), 0)) as left
  from darkroom.job j left join ${COSTS} join darkroom.flow f on f.tenant = j.tenant and f.user_id = j.user_id
    left join darkroom.job_event e on e.job = j.id
  where j.ticket is not null and j.actual is null`;

export interface Forecasted {
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
   * A new forecast, once its turn has come: forecasts may take a tenth of this process's time.
   * @param signal ends the wait for its turn: it rejects then
   */
  async next(signal: AbortSignal): Promise<Forecasted> {
    const pause = Math.max(PACE, 10 * this.#took);
    const early = this.#madeAt + pause - performance.now();
    if (early > 0) await sleep(early, undefined, { signal });
    return this.#make();
  }

  /** At most 500 ms old. */
  async places(): Promise<ReadonlyMap<string, Place>> {
    const isFresh = this.#latest !== undefined && performance.now() - this.#madeAt < FRESH;
    return (await (isFresh ? this.#latest! : this.#make())).places;
  }

  /** Seconds until the first waiting job of a user starts; undefined where none of those looked at is theirs. */
  async nextOf(user: string): Promise<number | undefined> {
    const places = await this.places();
    const own = await this.#database.query<{ id: string }>(
      "select id from darkroom.job where user_id = $1 and state = 'queued' and ticket is null",
      [user],
    );
    const begins = own.flatMap(({ id }) => places.get(id)?.beginSeconds ?? []);
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
    const jobs = await this.#database.query<Arrival>(
      `select id, tenant, user_id as "user", model, cost, ${STORE}, ${AGE} as age from darkroom.job left join ${COSTS}
       where state = 'queued' and ticket is null order by number limit ${MOST}`,
    );
    const running = await this.#database.query<RunningRow>(RUNNING);
    const expected = this.#expect([...jobs, ...running]);
    const flows = await this.#database.query<Flow & Record<string, unknown>>(
      `select tenant, user_id as "user", weight, tag, virtual from darkroom.flow where waiting > 0 or tenant = ''
       union select f.tenant, f.user_id, f.weight, f.tag, f.virtual
         from unnest($1::text[], $2::text[]) as known (tenant, user_id)
           join darkroom.flow f on f.tenant = known.tenant and f.user_id in ('', known.user_id)`,
      [expected.map(({ tenant }) => tenant), expected.map(({ user }) => user)],
    );
    return forecastPlaces(flows, jobs, await this.#workers(jobs, running), expected);
  }

  /**
   * Accepted jobs are remembered from forecast to forecast. What came in the last seconds is the best guess at what
   * comes in the next: arrivals are mirrored in time.
   */
  #expect(alive: readonly Arrival[]): ExpectedJob[] {
    const now = performance.now() / 1000;
    for (const job of alive) {
      if (!this.#arrivals.has(job.id)) this.#arrivals.set(job.id, { ...job, cameAt: now - job.age });
    }
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

  /** The workers that take jobs, with what they run; where there is none, one is assumed, so that ETAs end. */
  async #workers(jobs: readonly WaitingJob[], running: readonly RunningRow[]): Promise<SimulatedWorker[]> {
    const workers = await readWorkers(this.#database);
    if (workers.length === 0) {
      const models = new Set(jobs.map(({ model }) => model));
      return [{ models: [...models], slots: 1, running }];
    }
    return workers.map(({ id, models, slots }) => ({
      ...{ models, slots },
      running: running.filter(({ worker }) => worker === id),
    }));
  }
}

/** For a waiting job that a forecast does not have: behind those looked at, or about to start again. */
export function placeOfUnseen(places: ReadonlyMap<string, Place>): Place {
  if (places.size < MOST) return { position: 1, beginSeconds: 0, etaSeconds: 0 };
  const last = places.values().reduce((most, { etaSeconds }) => Math.max(most, etaSeconds), 0);
  return { position: MOST, beginSeconds: last, etaSeconds: last };
}
