/**
 * Places in line and times left, as the line and its workers stand: were all estimates right, and were there as many
 * new jobs in the next seconds as in the last.
 */
import type { Database } from '../store/sql.ts';
import {
  type ExpectedJob,
  type ForecastWorker,
  forecastPlaces,
  type Place,
  type SeatedJob,
  type WaitingFlow,
  type WaitingJob,
} from './forecast-line.ts';
import { readWorkers } from './presence.ts';

export type { Place } from './forecast-line.ts';

/** Jobs that a forecast looks at; those behind are told they are behind. */
const MOST = 2000;
/** Milliseconds for which a forecast serves. */
const FRESH = 500;
/** Seconds that are looked back for what is to come, and jobs that are remembered for it. */
const MEMORY = 3600;
const REMEMBERED = 1000;

/** A job that has come, as it is remembered. */
interface Arrival extends WaitingJob {
  readonly [column: string]: unknown;
  /** Seconds since it was accepted, by the database's clock. */
  readonly age: number;
}

interface RunningJob extends Arrival, SeatedJob {
  readonly worker: string | null;
}

const AGE = 'extract(epoch from clock_timestamp() - at)::float8';
const KEEP = 'coalesce(k.seconds, 0) as keep';
const KEPT = `(select model, avg(seconds) as seconds from darkroom.cost where part = 'keep' group by model) k
  using (model)`;
// What a job told of its steps is newer than what its worker noted of its GPU-seconds.
const RUNNING = `select j.id, j.server, j.member, j.model, j.cost, ${KEEP}, ${AGE} as age, j.worker, f.weight,
    j.cost * (1 - coalesce((e.event->>'step')::float8 / nullif((e.event->>'steps')::float8, 0), 0)) as left
  from darkroom.job j left join ${KEPT} join darkroom.flow f on f.server = j.server and f.member = j.member
    left join darkroom.job_event e on e.job = j.id
  where j.ticket is not null and j.actual is null`;

export class Forecast {
  readonly #database: Database;
  #places: Promise<ReadonlyMap<string, Place>> | undefined;
  /** By id, the latest; `cameAt` in seconds of this process. */
  #arrivals: Map<string, WaitingJob & { readonly cameAt: number }> = new Map();
  #madeAt = 0;
  #isStale = true;

  constructor(database: Database) {
    this.#database = database;
  }

  /** The line has changed: the next question is answered anew, though not more often than every 500 ms. */
  expire(): void {
    this.#isStale = true;
  }

  /** @returns for a job behind those looked at, the last place; for one that is about to begin again, the first */
  async placeOf(job: string): Promise<Place> {
    const asked = performance.now();
    let places = await this.#current();
    // It has come since the last look.
    if (!places.has(job) && this.#madeAt < asked) {
      this.#places = undefined;
      places = await this.#current();
    }
    const isLong = places.size >= MOST;
    const last = isLong ? lastEta(places) : 0;
    return places.get(job) ?? { position: isLong ? MOST : 1, beginSeconds: last, etaSeconds: last };
  }

  async places(): Promise<ReadonlyMap<string, Place>> {
    return this.#current();
  }

  /** Seconds until the first waiting job of a user begins; undefined where none of those looked at is his. */
  async nextOf(member: string): Promise<number | undefined> {
    const places = await this.places();
    const own = await this.#database.query<{ id: string }>(
      "select id from darkroom.job where member = $1 and state = 'queued' and ticket is null",
      [member],
    );
    const begins = own.flatMap(({ id }) => places.get(id)?.beginSeconds ?? []);
    return begins.length === 0 ? undefined : Math.min(...begins);
  }

  #current(): Promise<ReadonlyMap<string, Place>> {
    const now = performance.now();
    const isFresh = now - this.#madeAt < FRESH && (!this.#isStale || now - this.#madeAt < FRESH / 5);
    if (this.#places === undefined || !isFresh) {
      this.#madeAt = now;
      this.#isStale = false;
      this.#places = this.#look();
      this.#places.catch(() => {
        this.#places = undefined;
      });
    }
    return this.#places;
  }

  async #look(): Promise<ReadonlyMap<string, Place>> {
    const jobs = await this.#database.query<Arrival>(
      `select id, server, member, model, cost, ${KEEP}, ${AGE} as age from darkroom.job left join ${KEPT}
       where state = 'queued' and ticket is null order by number limit ${MOST}`,
    );
    const running = await this.#database.query<RunningJob>(RUNNING);
    const expected = this.#expect([...jobs, ...running]);
    const flows = await this.#database.query<WaitingFlow & Record<string, unknown>>(
      `select server, member, weight, tag, virtual from darkroom.flow where waiting > 0 or server = ''
       union select f.server, f.member, f.weight, f.tag, f.virtual
         from unnest($1::text[], $2::text[]) as known (server, member)
           join darkroom.flow f on f.server = known.server and f.member in ('', known.member)`,
      [expected.map(({ server }) => server), expected.map(({ member }) => member)],
    );
    return forecastPlaces(flows, jobs, await this.#workers(jobs, running), expected);
  }

  /**
   * Who has come is remembered from look to look. What came as long ago as a job has still to wait says best what
   * will come until then: the next seconds are the last ones, mirrored.
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
    return recent.map(({ server, member, model, cost, keep, cameAt }) => ({
      ...{ server, member, model, cost, keep },
      inSeconds: Math.max(0, now - cameAt),
    }));
  }

  /** Those that take jobs, with what they have seated; where none is there, one is thought of, lest ETAs be endless. */
  async #workers(jobs: readonly WaitingJob[], running: readonly RunningJob[]): Promise<ForecastWorker[]> {
    const workers = await readWorkers(this.#database);
    if (workers.length === 0) {
      const models = new Set(jobs.map(({ model }) => model));
      return [{ models: [...models], seats: 1, seated: running }];
    }
    return workers.map(({ id, models, seats }) => ({
      ...{ models, seats },
      seated: running.filter(({ worker }) => worker === id),
    }));
  }
}

const lastEta = (places: ReadonlyMap<string, Place>) =>
  places.values().reduce((most, { etaSeconds }) => Math.max(most, etaSeconds), 0);
