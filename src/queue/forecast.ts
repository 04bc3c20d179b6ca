/**
 * Places in line and times left: the policy's own arithmetic (002-fair-share.ts) played forward over the jobs that
 * wait, were all estimates right and nobody new came.
 */
import type { Database } from '../store/sql.ts';

export interface Place {
  /** 1 is next. */
  readonly position: number;
  /** Seconds until the picture. */
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
  readonly cost: number;
}

/** Jobs that a forecast looks at; those behind are told they are behind. */
const MOST = 2000;
/** Milliseconds for which a forecast serves. */
const FRESH = 500;
/** Seconds after which a worker that was not seen counts no more. */
const ABSENT = 30;

/**
 * @param flows the rows of darkroom.flow with waiting jobs, servers (member '') and users
 * @param jobs in the order of each user's own line
 * @param busy GPU-seconds that each GPU still needs for what it has begun
 * @returns places by job
 */
export function forecastPlaces(
  flows: readonly WaitingFlow[],
  jobs: readonly WaitingJob[],
  busy: readonly number[],
): Map<string, Place> {
  const free = busy.length > 0 ? [...busy] : [0];
  const lines = Map.groupBy(jobs, ({ server, member }) => keyOf(server, member));
  const tags = new Map(flows.map((flow) => [keyOf(flow.server, flow.member), { ...flow }]));
  const members = Map.groupBy(
    [...tags.values()].filter(({ member }) => member !== ''),
    ({ server }) => server,
  );
  const servers = [...tags.values()].filter(({ member, server }) => member === '' && members.has(server));
  const places = new Map<string, Place>();
  while (servers.length > 0) {
    const server = least(servers, (flow) => flow.server);
    const users = members.get(server.server)!;
    const user = least(users, (flow) => flow.member);
    const line = lines.get(keyOf(user.server, user.member)) ?? [];
    const job = line.shift();
    if (line.length === 0) users.splice(users.indexOf(user), 1);
    if (users.length === 0) servers.splice(servers.indexOf(server), 1);
    if (job === undefined) continue;
    server.tag += job.cost / server.weight;
    user.tag += job.cost / user.weight;
    // The GPU that is free first takes it.
    const gpu = free.indexOf(Math.min(...free));
    free[gpu]! += job.cost;
    places.set(job.id, { position: places.size + 1, etaSeconds: free[gpu]! });
  }
  return places;
}

const keyOf = (server: string, member: string) => `${server}\u0000${member}`;

function least<F extends { tag: number }>(flows: readonly F[], nameOf: (flow: F) => string): F {
  return flows.reduce((a, b) => (b.tag < a.tag || (b.tag === a.tag && nameOf(b) < nameOf(a)) ? b : a));
}

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
    return places.get(job) ?? { position: isLong ? MOST : 1, etaSeconds: isLong ? lastEta(places) : 0 };
  }

  async places(): Promise<ReadonlyMap<string, Place>> {
    return this.#current();
  }

  /** Seconds until the first waiting job of a user begins; undefined where none of those looked at is his. */
  async nextOf(member: string): Promise<number | undefined> {
    const places = await this.places();
    const own = await this.#database.query<{ id: string; cost: number }>(
      "select id, cost from darkroom.job where member = $1 and state = 'queued' and ticket is null",
      [member],
    );
    const begins = own.flatMap(({ id, cost }) => {
      const place = places.get(id);
      return place === undefined ? [] : Math.max(0, place.etaSeconds - cost);
    });
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
      `select id, server, member, cost from darkroom.job where state = 'queued' and ticket is null
       order by number limit ${MOST}`,
    );
    const flows = await this.#database.query<WaitingFlow & Record<string, unknown>>(
      'select server, member, weight, tag from darkroom.flow where waiting > 0',
    );
    const running = await this.#database.query<{ left: number }>(
      `select greatest(cost - used - extract(epoch from clock_timestamp() - dispatched_at), 0)::float8 as left
       from darkroom.job where ticket is not null and actual is null order by 1`,
    );
    const [workers] = await this.#database.query<{ count: number }>(
      `select count(*)::int as count from darkroom.worker
       where not is_draining and seen > clock_timestamp() - interval '${ABSENT} s'`,
    );
    const busy = Array.from({ length: Math.max(1, workers?.count ?? 1) }, () => 0);
    for (const { left } of running) busy[busy.indexOf(Math.min(...busy))]! += left;
    return forecastPlaces(flows, jobs, busy);
  }
}

const lastEta = (places: ReadonlyMap<string, Place>) =>
  places.values().reduce((most, { etaSeconds }) => Math.max(most, etaSeconds), 0);
