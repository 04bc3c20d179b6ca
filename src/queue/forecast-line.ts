/**
 * The policy's own arithmetic (002-fair-share.ts) played forward: jobs that wait, jobs that are being drawn, and jobs
 * that are expected to come. A worker takes a job where it has a seat free, one seat a user, and its GPU goes round
 * among those seated by their weights: played as if its turns were endlessly short (generalised processor sharing;
 * Parekh and Gallager, 1993).
 */

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
  /** Where those that come back from idleness start, among its children. */
  readonly virtual: number;
}

export interface WaitingJob {
  readonly id: string;
  readonly server: string;
  readonly member: string;
  readonly model: string;
  /** GPU-seconds expected. */
  readonly cost: number;
  /** Seconds for which it then holds its seat without the GPU, until its pictures are kept. */
  readonly keep: number;
}

/** A job that is not there yet. */
export interface ExpectedJob extends Omit<WaitingJob, 'id'> {
  readonly inSeconds: number;
}

/** A job that holds a seat. */
export interface SeatedJob {
  readonly member: string;
  readonly weight: number;
  /** GPU-seconds it still needs, and the seconds that follow them. */
  readonly left: number;
  readonly keep: number;
}

/** A worker that takes jobs. */
export interface ForecastWorker {
  readonly models: readonly string[];
  readonly seats: number;
  readonly seated: readonly SeatedJob[];
}

interface Sitting {
  /** Empty for one that sat there before, or is only expected. */
  readonly id: string;
  readonly member: string;
  readonly weight: number;
  left: number;
  keep: number;
}

interface Account {
  readonly weight: number;
  readonly name: string;
  tag: number;
}

interface User extends Account {
  readonly line: Omit<WaitingJob, 'server' | 'member'>[];
}

interface Server extends Account {
  virtual: number;
  readonly users: Map<string, User>;
  /** Those of them that have jobs waiting. */
  readonly waiting: Set<User>;
}

/**
 * @param flows the rows of darkroom.flow of all these jobs, users and servers (member ''), and the one above ('', '')
 * @param jobs in the order of each user's own line
 * @param workers at least one
 * @param expected the soonest first
 * @returns places by job, counted among those that wait now; those that none of the workers can run come last
 */
export function forecastPlaces(
  flows: readonly WaitingFlow[],
  jobs: readonly WaitingJob[],
  workers: readonly ForecastWorker[],
  expected: readonly ExpectedJob[] = [],
): Map<string, Place> {
  const line = new ForecastLine(flows);
  for (const job of jobs) line.add(job);
  const benches = workers.map(({ models, seats, seated }) => ({
    ...{ models, seats },
    seated: seated.map((job): Sitting => ({ ...job, id: '' })),
  }));
  const places = new Map<string, Place>();
  let open = jobs.length;
  let now = 0;
  let coming = 0;
  // The emptiest first: workers that look for a job at once come in no order of their own.
  let hungry = benches.toSorted((a, b) => a.seated.length - b.seated.length);
  while (open > 0) {
    for (const { models, seats, seated } of hungry) {
      while (seated.length < seats) {
        const job = line.take(models, seated);
        if (job === undefined) break;
        if (job.id !== '') {
          places.set(job.id, { position: places.size + 1, beginSeconds: now, etaSeconds: now });
        }
        seated.push(job);
      }
    }
    const next = expected[coming];
    const untilNext = next === undefined ? Number.POSITIVE_INFINITY : Math.max(0, next.inSeconds - now);
    const rest = Math.min(untilNext, ...benches.map(({ seated }) => restOf(seated)));
    if (rest === Number.POSITIVE_INFINITY) break;
    now += rest;
    hungry = [];
    for (const bench of benches) {
      const turn = turnOf(bench.seated);
      for (const job of bench.seated) {
        if (job.left > 0) job.left = remainder(job.left - (rest * job.weight) / turn);
        else job.keep = remainder(job.keep - rest);
        if (job.left + job.keep > 0) continue;
        const place = places.get(job.id);
        if (place !== undefined) {
          places.set(job.id, { ...place, etaSeconds: now });
          open--;
        }
        if (!hungry.includes(bench)) hungry.push(bench);
      }
      bench.seated = bench.seated.filter(({ left, keep }) => left + keep > 0);
    }
    if (next === undefined || rest < untilNext) continue;
    line.join(next);
    coming++;
    hungry = benches.toSorted((a, b) => a.seated.length - b.seated.length);
  }
  for (const id of line.left()) {
    places.set(id, { position: places.size + 1, beginSeconds: now, etaSeconds: now });
  }
  return places;
}

/** What rounding leaves is no work. */
const remainder = (seconds: number) => (seconds > 1e-9 ? seconds : 0);

const turnOf = (seated: readonly Sitting[]) =>
  seated.reduce((sum, { weight, left }) => sum + (left > 0 ? weight : 0), 0);

/** Seconds until the first of those seated is done with the GPU, or with all. */
const restOf = (seated: readonly Sitting[]) => {
  const turn = turnOf(seated);
  return Math.min(...seated.map(({ left, keep, weight }) => (left > 0 ? (left * turn) / weight : keep)));
};

/** The jobs that wait, in the order of fair share. */
class ForecastLine {
  readonly #servers: Map<string, Server>;
  readonly #waiting = new Set<Server>();
  #virtual: number;

  constructor(flows: readonly WaitingFlow[]) {
    this.#virtual = flows.find(({ server }) => server === '')?.virtual ?? 0;
    const families = Map.groupBy(flows, ({ server }) => server);
    this.#servers = new Map(
      flows
        .filter(({ server, member }) => server !== '' && member === '')
        .map(({ server: name, weight, tag, virtual }) => {
          const users = families.get(name)!.filter(({ member }) => member !== '');
          const accounts = users.map((user) => ({ ...user, name: user.member, line: [] }));
          const byName = new Map(accounts.map((user) => [user.name, user]));
          return [name, { name, weight, tag, virtual, users: byName, waiting: new Set<User>() }];
        }),
    );
  }

  /** A job that waits already. One whose flow has just come is left out. */
  add({ server: of, member, ...job }: WaitingJob): void {
    const server = this.#servers.get(of);
    const user = server?.users.get(member);
    if (server === undefined || user === undefined) return;
    this.#waiting.add(server);
    server.waiting.add(user);
    user.line.push(job);
  }

  /** A job that comes now: who was idle has earned nothing by it. */
  join({ inSeconds: _, ...job }: ExpectedJob): void {
    const server = this.#servers.get(job.server);
    const user = server?.users.get(job.member);
    if (server === undefined || user === undefined) return;
    if (!this.#waiting.has(server)) server.tag = Math.max(server.tag, this.#virtual);
    if (!server.waiting.has(user)) user.tag = Math.max(user.tag, server.virtual);
    this.add({ ...job, id: '' });
  }

  /** The fairest job that a worker can run; users who are seated there are passed over. */
  take(models: readonly string[], seated: readonly Sitting[]): Sitting | undefined {
    const canRun = ({ model }: { readonly model: string }) => models.includes(model);
    const userOf = ({ waiting }: Server) =>
      least(waiting, ({ name, line }) => line.some(canRun) && !seated.some(({ member }) => member === name));
    const server = least(this.#waiting, (candidate) => userOf(candidate) !== undefined);
    if (server === undefined) return undefined;
    const user = userOf(server)!;
    // Of all that wait, also those that are passed over now.
    this.#virtual = Math.max(this.#virtual, leastTag(this.#waiting));
    server.virtual = Math.max(server.virtual, leastTag(server.waiting));
    const [job] = user.line.splice(user.line.findIndex(canRun), 1);
    if (user.line.length === 0) server.waiting.delete(user);
    if (server.waiting.size === 0) this.#waiting.delete(server);
    const { id, cost, keep } = job!;
    server.tag += cost / server.weight;
    user.tag += cost / user.weight;
    return { id, member: user.name, weight: user.weight, left: cost, keep };
  }

  /** Ids of those that nobody took; an expected one has none. */
  left(): string[] {
    const lines = [...this.#waiting].flatMap(({ waiting }) => [...waiting].map((user) => user.line));
    return lines.flat().flatMap(({ id }) => (id === '' ? [] : id));
  }
}

const leastTag = (accounts: Iterable<Account>) => Math.min(...[...accounts].map(({ tag }) => tag));

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
