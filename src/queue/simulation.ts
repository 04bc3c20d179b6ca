/**
 * Fair share (src/store/schema/fair-share.ts) played forward: jobs that wait, jobs that run, and jobs that are expected
 * to come. A worker takes a job where it has a free slot, one slot a user, and its GPU goes round among the jobs in its
 * slots by their weights: simulated as if its turns were infinitely short (generalised processor sharing; Parekh and
 * Gallager, 1993).
 */

export interface Place {
  /** 1 is next. */
  readonly position: number;
  /** Seconds until it starts, and until its pictures. */
  readonly beginSeconds: number;
  readonly etaSeconds: number;
}

/** A row of darkroom.flow: a tenant (user ''), a user in it, or the parent of all tenants ('', ''). */
export interface Flow {
  readonly tenant: string;
  readonly user: string;
  readonly weight: number;
  readonly tag: number;
  /** Where its children start that come back from idleness. */
  readonly virtual: number;
}

export interface WaitingJob {
  readonly id: string;
  readonly tenant: string;
  readonly user: string;
  readonly model: string;
  /** GPU-seconds expected. */
  readonly cost: number;
  /** Seconds for which it then holds its slot without the GPU, until its pictures are stored. */
  readonly store: number;
}

/** A job that is not there yet. */
export interface ExpectedJob extends Omit<WaitingJob, 'id'> {
  readonly inSeconds: number;
}

/** A job in a slot. */
export interface RunningJob {
  readonly user: string;
  readonly weight: number;
  /** GPU-seconds that it still needs, and the seconds that follow them. */
  readonly left: number;
  readonly store: number;
}

/** A worker that takes jobs. */
export interface SimulatedWorker {
  readonly models: readonly string[];
  readonly slots: number;
  readonly running: readonly RunningJob[];
}

interface TakenJob {
  /** Empty for one that ran before, or is only expected. */
  readonly id: string;
  readonly user: string;
  readonly weight: number;
  left: number;
  store: number;
}

interface Account {
  readonly weight: number;
  readonly name: string;
  tag: number;
}

interface User extends Account {
  readonly jobs: Omit<WaitingJob, 'tenant' | 'user'>[];
}

interface Tenant extends Account {
  virtual: number;
  readonly users: Map<string, User>;
  /** Those of them that have jobs waiting. */
  readonly waiting: Set<User>;
}

/**
 * @param flows the rows of darkroom.flow of all these jobs' users and tenants, and the row above them
 * @param jobs in the order of each user's own jobs
 * @param workers at least one
 * @param expected the soonest first
 * @returns places by job, counted among those that wait now; those that none of the workers can run come last
 */
export function forecastPlaces(
  flows: readonly Flow[],
  jobs: readonly WaitingJob[],
  workers: readonly SimulatedWorker[],
  expected: readonly ExpectedJob[] = [],
): Map<string, Place> {
  const queue = new SimulatedQueue(flows);
  for (const job of jobs) queue.add(job);
  const crew = workers.map(({ models, slots, running }) => ({
    ...{ models, slots },
    running: running.map((job): TakenJob => ({ ...job, id: '' })),
  }));
  const places = new Map<string, Place>();
  let open = jobs.length;
  let now = 0;
  let coming = 0;
  // The emptiest first: workers that look for a job at the same time come in no order of their own.
  const byLoad = () => crew.toSorted((a, b) => a.running.length - b.running.length);
  let hungry = byLoad();
  while (open > 0) {
    for (const { models, slots, running } of hungry) {
      while (running.length < slots) {
        const job = queue.take(
          models,
          running.map(({ user }) => user),
        );
        if (job === undefined) break;
        if (job.id !== '') {
          places.set(job.id, { position: places.size + 1, beginSeconds: now, etaSeconds: now });
        }
        running.push(job);
      }
    }
    const next = expected[coming];
    const untilNext = next === undefined ? Number.POSITIVE_INFINITY : Math.max(0, next.inSeconds - now);
    const rest = Math.min(untilNext, ...crew.map(({ running }) => untilChange(running)));
    if (rest === Number.POSITIVE_INFINITY) break;
    now += rest;
    hungry = [];
    for (const worker of crew) {
      const weights = activeWeight(worker.running);
      for (const job of worker.running) {
        if (job.left > 0) job.left = remainder(job.left - (rest * job.weight) / weights);
        else job.store = remainder(job.store - rest);
        if (job.left + job.store > 0) continue;
        const place = places.get(job.id);
        if (place !== undefined) {
          places.set(job.id, { ...place, etaSeconds: now });
          open--;
        }
        if (!hungry.includes(worker)) hungry.push(worker);
      }
      worker.running = worker.running.filter(({ left, store }) => left + store > 0);
    }
    if (next === undefined || rest < untilNext) continue;
    queue.join(next);
    coming++;
    hungry = byLoad();
  }
  for (const id of queue.left()) {
    places.set(id, { position: places.size + 1, beginSeconds: now, etaSeconds: now });
  }
  return places;
}

/** What rounding leaves is no work. */
const remainder = (seconds: number) => (seconds > 1e-9 ? seconds : 0);

/** The weights of the jobs that take turns on a GPU. */
const activeWeight = (running: readonly TakenJob[]) =>
  running.reduce((sum, { weight, left }) => sum + (left > 0 ? weight : 0), 0);

/** Seconds until the first of a worker's jobs is done with the GPU, or ends. */
const untilChange = (running: readonly TakenJob[]) => {
  const weights = activeWeight(running);
  return Math.min(
    ...running.map(({ left, store, weight }) => (left > 0 ? (left * weights) / weight : store)),
  );
};

/** The jobs that wait, in the order of fair share; each takes as long as expected. */
export class SimulatedQueue {
  readonly #tenants: Map<string, Tenant>;
  readonly #waiting = new Set<Tenant>();
  #virtual: number;

  constructor(flows: readonly Flow[]) {
    this.#virtual = flows.find(({ tenant }) => tenant === '')?.virtual ?? 0;
    const families = Map.groupBy(flows, ({ tenant }) => tenant);
    this.#tenants = new Map(
      flows
        .filter(({ tenant, user }) => tenant !== '' && user === '')
        .map(({ tenant: name, weight, tag, virtual }) => {
          const users = families.get(name)!.filter(({ user }) => user !== '');
          const accounts = users.map((user) => ({ ...user, name: user.user, jobs: [] }));
          const byName = new Map(accounts.map((user) => [user.name, user]));
          return [name, { name, weight, tag, virtual, users: byName, waiting: new Set<User>() }];
        }),
    );
  }

  /** A job that waits already. One whose flow came after the flows were read is left out. */
  add({ tenant: of, user: name, ...job }: WaitingJob): void {
    const tenant = this.#tenants.get(of);
    const user = tenant?.users.get(name);
    if (tenant === undefined || user === undefined) return;
    this.#waiting.add(tenant);
    tenant.waiting.add(user);
    user.jobs.push(job);
  }

  /** A job that comes now: idle time has earned its user nothing. */
  join({ inSeconds: _, ...job }: ExpectedJob, id = ''): void {
    const tenant = this.#tenants.get(job.tenant);
    const user = tenant?.users.get(job.user);
    if (tenant === undefined || user === undefined) return;
    if (!this.#waiting.has(tenant)) tenant.tag = Math.max(tenant.tag, this.#virtual);
    if (!tenant.waiting.has(user)) user.tag = Math.max(user.tag, tenant.virtual);
    this.add({ ...job, id });
  }

  /** The fairest job that a worker can run. @param busy users who have a slot there, who are passed over */
  take(models: readonly string[], busy: readonly string[]): TakenJob | undefined {
    const canRun = ({ model }: { readonly model: string }) => models.includes(model);
    const userOf = ({ waiting }: Tenant) =>
      least(waiting, ({ name, jobs }) => jobs.some(canRun) && !busy.includes(name));
    const tenant = least(this.#waiting, (candidate) => userOf(candidate) !== undefined);
    if (tenant === undefined) return undefined;
    const user = userOf(tenant)!;
    // Of all that wait, including those that are passed over now.
    this.#virtual = Math.max(this.#virtual, leastTag(this.#waiting));
    tenant.virtual = Math.max(tenant.virtual, leastTag(tenant.waiting));
    const [job] = user.jobs.splice(user.jobs.findIndex(canRun), 1);
    if (user.jobs.length === 0) tenant.waiting.delete(user);
    if (tenant.waiting.size === 0) this.#waiting.delete(tenant);
    const { id, cost, store } = job!;
    tenant.tag += cost / tenant.weight;
    user.tag += cost / user.weight;
    return { id, user: user.name, weight: user.weight, left: cost, store };
  }

  /** Ids of those that nobody took; an expected job has none. */
  left(): string[] {
    const jobs = [...this.#waiting].flatMap(({ waiting }) => [...waiting].flatMap((user) => user.jobs));
    return jobs.flatMap(({ id }) => (id === '' ? [] : id));
  }
}

function leastTag(accounts: Iterable<Account>): number {
  let tag = Number.POSITIVE_INFINITY;
  for (const account of accounts) tag = Math.min(tag, account.tag);
  return tag;
}

/** By tag, then by name, as the database orders them. Fitness is asked only of those that lead. */
function least<A extends Account>(accounts: Iterable<A>, isFit: (account: A) => boolean): A | undefined {
  let best: A | undefined;
  for (const account of accounts) {
    const leads =
      best === undefined || account.tag < best.tag || (account.tag === best.tag && account.name < best.name);
    if (leads && isFit(account)) best = account;
  }
  return best;
}
