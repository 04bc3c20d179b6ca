/**
 * Places in line and times left: the policy's own arithmetic (002-fair-share.ts) played forward over the jobs that
 * wait and those that are being drawn, were all estimates right and nobody new came. A worker takes a job where it
 * has a seat free, one seat a user, and its GPU goes round among those seated by their weights: played as if its
 * turns were endlessly short (generalised processor sharing; Parekh and Gallager, 1993).
 */
import type { Database } from '../store/sql.ts';

export interface Place {
  /** 1 is next. */
  readonly position: number;
  /** Seconds until it begins to be drawn, and until the picture. */
  readonly beginSeconds: number;
  readonly etaSeconds: number;
}

export interface WaitingFlow {
  readonly server: string;
  readonly member: string;
  readonly weight: number;
  readonly tag: number;
}

export interface WaitingJob {
  readonly id: string;
  readonly server: string;
  readonly member: string;
  readonly model: string;
  /** GPU-seconds expected. */
  readonly cost: number;
}

/** A job that holds a seat. */
export interface SeatedJob {
  readonly member: string;
  readonly weight: number;
  /** GPU-seconds it still needs. */
  readonly left: number;
}

/** A worker that takes jobs. */
export interface ForecastWorker {
  readonly models: readonly string[];
  readonly seats: number;
  readonly seated: readonly SeatedJob[];
}

/** Jobs that a forecast looks at; those behind are told they are behind. */
const MOST = 2000;
/** Milliseconds for which a forecast serves. */
const FRESH = 500;
/** Seconds after which a worker that was not seen counts no more. */
const ABSENT = 30;

interface Sitting {
  /** Empty for one that sat there before. */
  readonly id: string;
  readonly member: string;
  readonly weight: number;
  left: number;
}

interface Account {
  readonly weight: number;
  readonly name: string;
  tag: number;
}

interface Server extends Account {
  readonly users: Set<Account & { readonly line: WaitingJob[] }>;
}

/**
 * @param flows the rows of darkroom.flow with waiting jobs, servers (member '') and users
 * @param jobs in the order of each user's own line
 * @param workers at least one
 * @returns places by job; those that none of the workers can run come last
 */
export function forecastPlaces(
  flows: readonly WaitingFlow[],
  jobs: readonly WaitingJob[],
  workers: readonly ForecastWorker[],
): Map<string, Place> {
  const line = new ForecastLine(flows, jobs);
  const benches = workers.map(({ models, seats, seated }) => ({
    ...{ models, seats },
    seated: seated.map((job): Sitting => ({ ...job, id: '' })),
  }));
  const places = new Map<string, Place>();
  let now = 0;
  // The emptiest first: workers that look for a job at once come in no order of their own.
  let hungry = benches.toSorted((a, b) => a.seated.length - b.seated.length);
  for (;;) {
    for (const { models, seats, seated } of hungry) {
      while (seated.length < seats) {
        const job = line.take(models, seated);
        if (job === undefined) break;
        places.set(job.id, { position: places.size + 1, beginSeconds: now, etaSeconds: now });
        seated.push(job);
      }
    }
    const rests = benches.map(({ seated }) => restOf(seated));
    const rest = Math.min(...rests);
    if (rest === Number.POSITIVE_INFINITY) break;
    now += rest;
    hungry = [];
    for (const bench of benches) {
      const turn = turnOf(bench.seated);
      for (const job of bench.seated) {
        job.left -= (rest * job.weight) / turn;
        // What rounding leaves is no work.
        if (job.left > 1e-9) continue;
        const place = places.get(job.id);
        if (place !== undefined) places.set(job.id, { ...place, etaSeconds: now });
        if (!hungry.includes(bench)) hungry.push(bench);
      }
      bench.seated = bench.seated.filter(({ left }) => left > 1e-9);
    }
  }
  for (const { id } of line.left()) {
    places.set(id, { position: places.size + 1, beginSeconds: now, etaSeconds: now });
  }
  return places;
}

const turnOf = (seated: readonly Sitting[]) => seated.reduce((sum, { weight }) => sum + weight, 0);

/** Seconds until the first of those seated is done. */
const restOf = (seated: readonly Sitting[]) =>
  Math.min(...seated.map(({ left, weight }) => (Math.max(0, left) * turnOf(seated)) / weight));

/** The jobs that wait, in the order of fair share. */
class ForecastLine {
  readonly #servers: Set<Server>;

  constructor(flows: readonly WaitingFlow[], jobs: readonly WaitingJob[]) {
    const lines = Map.groupBy(jobs, ({ server, member }) => keyOf(server, member));
    const families = Map.groupBy(flows, ({ server }) => server);
    const servers = flows.filter(({ member }) => member === '');
    this.#servers = new Set(
      servers.map(({ server, weight, tag }) => {
        const users = families.get(server)!.flatMap((flow) => {
          const line = flow.member === '' ? undefined : lines.get(keyOf(server, flow.member));
          return line === undefined ? [] : { name: flow.member, weight: flow.weight, tag: flow.tag, line };
        });
        return { name: server, weight, tag, users: new Set(users) };
      }),
    );
  }

  /** The fairest job that a worker can run; users who are seated there are passed over. */
  take(models: readonly string[], seated: readonly Sitting[]): Sitting | undefined {
    const canRun = ({ model }: WaitingJob) => models.includes(model);
    const userOf = ({ users }: Server) =>
      least(users, ({ name, line }) => line.some(canRun) && !seated.some(({ member }) => member === name));
    const server = least(this.#servers, (candidate) => userOf(candidate) !== undefined);
    if (server === undefined) return undefined;
    const user = userOf(server)!;
    const [job] = user.line.splice(user.line.findIndex(canRun), 1);
    if (user.line.length === 0) server.users.delete(user);
    if (server.users.size === 0) this.#servers.delete(server);
    const { id, cost } = job!;
    server.tag += cost / server.weight;
    user.tag += cost / user.weight;
    return { id, member: user.name, weight: user.weight, left: cost };
  }

  left(): WaitingJob[] {
    return [...this.#servers].flatMap(({ users }) => [...users].flatMap(({ line }) => line));
  }
}

/** By tag, then by name, as the database orders them. Whether one will do is asked only of those that lead. */
function least<A extends Account>(accounts: Iterable<A>, isFit: (account: A) => boolean): A | undefined {
  let best: A | undefined;
  for (const account of accounts) {
    const leads =
      best === undefined || account.tag < best.tag || (account.tag === best.tag && account.name < best.name);
    if (leads && isFit(account)) best = account;
  }
  return best;
}

const keyOf = (server: string, member: string) => `${server}\u0000${member}`;

export class Forecast {
  readonly #database: Database;
  #places: Promise<ReadonlyMap<string, Place>> | undefined;
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
    const jobs = await this.#database.query<WaitingJob & Record<string, unknown>>(
      `select id, server, member, model, cost from darkroom.job where state = 'queued' and ticket is null
       order by number limit ${MOST}`,
    );
    const flows = await this.#database.query<WaitingFlow & Record<string, unknown>>(
      'select server, member, weight, tag from darkroom.flow where waiting > 0',
    );
    return forecastPlaces(flows, jobs, await this.#workers(jobs));
  }

  /** Those that take jobs, with what they have seated; where none is there, one is thought of, lest ETAs be endless. */
  async #workers(jobs: readonly WaitingJob[]): Promise<ForecastWorker[]> {
    // What a job told of its steps is newer than what its worker noted of its GPU-seconds.
    const running = await this.#database.query<
      SeatedJob & { readonly [column: string]: unknown; worker: string | null }
    >(
      `select j.worker, j.member, f.weight,
         j.cost * (1 - coalesce((e.event->>'step')::float8 / nullif((e.event->>'steps')::float8, 0), 0)) as left
       from darkroom.job j join darkroom.flow f on f.server = j.server and f.member = j.member
         left join darkroom.job_event e on e.job = j.id
       where j.ticket is not null and j.actual is null`,
    );
    const workers = await this.#database.query<{ id: string; models: string[]; seats: number }>(
      `select id, models, seats from darkroom.worker
       where not is_draining and seen > clock_timestamp() - interval '${ABSENT} s' order by id`,
    );
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
