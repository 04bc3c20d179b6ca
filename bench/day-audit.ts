/**
 * What a day's jobs say afterwards of the line: their submissions, dispatches and ends are one order, since each
 * happened behind the line's lock, and so start-time fair queueing can be played again beside its bounds.
 */
import type { Sql } from '../src/store/sql.ts';

/** Shares of the flows that had jobs waiting all through a window. */
export interface Window {
  /** Jain's index of their weighted GPU-seconds: 1 where all are equal, 1 / flows where one has all. */
  readonly jain: number;
  readonly flows: number;
}

interface Shares {
  /** Windows that are equal parts of the day's dispatches. */
  readonly parts: readonly Window[];
  /**
   * Windows that last until each share is LONG of its flow's largest charges: in shorter ones the index says more about
   * the sizes of jobs than of their order, since one charge of each is what flows may differ by.
   */
  readonly long: readonly Window[];
}

interface Audit {
  /** Over tenants, and over the users of each tenant. */
  readonly tenants: Shares;
  readonly users: Shares;
  readonly waits: Waits;
  /** The largest difference of a tag that was played again from the database's own, in weighted GPU-seconds. */
  readonly drift: number;
}

/** Of all jobs that came to the head of their user's line, or of their tenant's, until they were dispatched. */
interface Waits {
  count: number;
  /** Dispatches of siblings meanwhile, at most. */
  dispatches: number;
  /** Weighted GPU-seconds charged to one sibling meanwhile beside one charge of each, at most; the bound is 1. */
  worst: number;
  beyond: number;
  /**
   * Dispatches of one sibling before a flow that came back with nothing owed, at most. Those of a lesser tag do not
   * count: what a sibling was charged too much for a job it gets back at the end of that job.
   */
  newcomer: number;
  /** Dispatches that passed a sibling of a lesser tag, all of whose users have a slot there; and the furthest one. */
  passed: number;
  furthest: number;
}

/** Largest charges of a flow in a long window. */
const LONG = 10;
/** Times in the day at which shares are looked at. */
const LOOKS = 240;

interface JobRow {
  readonly [column: string]: unknown;
  readonly tenant: string;
  readonly user: string;
  readonly tenant_weight: number;
  readonly user_weight: number;
  /** Microseconds since 1970. */
  readonly submitted: number;
  readonly dispatched: number;
  readonly ended: number;
  /** GPU-seconds. */
  readonly charged: number;
  readonly actual: number;
}

/** A tenant among the tenants, or a user among a tenant's. */
class Flow {
  readonly weight: number;
  /** Undefined for the one above the tenants. */
  readonly parent: Flow | undefined;
  readonly children: Flow[] = [];
  readonly #place: number;
  waiting = 0;
  tag = 0;
  /** Of its children. */
  virtual = 0;
  dispatched = 0;
  /** Weighted GPU-seconds as the tag has them, but without its lifts; and as the dispatched jobs used them. */
  charged = 0;
  used = 0;
  /** Largest weighted charge of the day, as it was or became. */
  largest = 0;
  /** The step since which it has had jobs waiting. */
  since = 0;
  /** How things stood when its present head got there: the siblings' sums, by their places. */
  #head = { step: 0, isNew: false, charged: [] as number[], passed: [] as number[], all: 0 };

  constructor(weight: number, parent: Flow | undefined) {
    this.weight = weight;
    this.parent = parent;
    this.#place = parent === undefined ? 0 : parent.children.push(this) - 1;
  }

  join(step: number): void {
    const { virtual } = this.parent!;
    this.waiting++;
    if (this.waiting > 1) return;
    const isNew = this.tag <= virtual;
    this.tag = Math.max(this.tag, virtual);
    this.since = step;
    this.#toHead(step, isNew);
  }

  charge(seconds: number): void {
    this.tag += seconds / this.weight;
    this.charged += seconds / this.weight;
  }

  dispatch(step: number, { charged, actual }: JobRow, waits: Waits): void {
    const parent = this.parent!;
    this.#measure(waits);
    const waiting = parent.children.filter((child) => child.waiting > 0);
    for (const other of waiting)
      if (other !== this && other.tag <= this.tag) other.#head.passed[this.#place]!++;
    parent.virtual = Math.max(parent.virtual, Math.min(...waiting.map(({ tag }) => tag)));
    this.dispatched++;
    this.charge(charged);
    this.used += actual / this.weight;
    this.waiting--;
    if (this.waiting > 0) this.#toHead(step, false);
  }

  /** Dispatches of its children. */
  get dispatches(): number {
    return this.children.reduce((sum, { dispatched }) => sum + dispatched, 0);
  }

  #toHead(step: number, isNew: boolean): void {
    const { children, dispatches } = this.parent!;
    this.#head = {
      ...{ step, isNew, all: dispatches },
      charged: children.map(({ charged }) => charged),
      passed: children.map(() => 0),
    };
  }

  #measure(waits: Waits): void {
    const { step, isNew, charged, passed, all } = this.#head;
    const { children, dispatches } = this.parent!;
    const own = this.charged - charged[this.#place]!;
    let worst = 0;
    let ahead = 0;
    for (const other of children) {
      if (other === this) continue;
      if (other.waiting > 0) ahead = Math.max(ahead, this.tag - other.tag);
      if (other.waiting === 0 || other.since > step) continue;
      const served = other.charged - charged[other.#place]!;
      worst = Math.max(worst, (served - own) / (this.largest + other.largest));
    }
    if (isNew) waits.newcomer = Math.max(waits.newcomer, ...passed);
    waits.count++;
    waits.dispatches = Math.max(waits.dispatches, dispatches - all);
    waits.worst = Math.max(waits.worst, worst);
    if (worst > 1) waits.beyond++;
    if (ahead > 1e-9) waits.passed++;
    waits.furthest = Math.max(waits.furthest, ahead);
  }
}

/** @param parts into which the day's dispatches are divided */
export async function audit(sql: Sql, parts: number): Promise<Audit> {
  const jobs = await readJobs(sql);
  const root = new Flow(1, undefined);
  const flows = new Map<string, Flow>();
  for (const { tenant, user, tenant_weight, user_weight, charged, actual } of jobs) {
    const above = flows.get(keyOf(tenant)) ?? new Flow(tenant_weight, root);
    flows.set(keyOf(tenant), above);
    const below = flows.get(keyOf(tenant, user)) ?? new Flow(user_weight, above);
    flows.set(keyOf(tenant, user), below);
    for (const flow of [above, below]) {
      flow.largest = Math.max(flow.largest, charged / flow.weight, actual / flow.weight);
    }
  }
  const waits: Waits = { count: 0, dispatches: 0, worst: 0, beyond: 0, newcomer: 0, passed: 0, furthest: 0 };
  const tenants = { parts: [] as Window[], long: [] as Window[] };
  const users = { parts: [] as Window[], long: [] as Window[] };
  const whole = [...flows.values()].filter((flow) => flow.children.length > 0);
  const sharing = [root, ...whole].map((parent) => ({
    ...{ parent, shares: parent === root ? tenants : users },
    part: new Opening(parent, 0),
    long: new Opening(parent, 0),
  }));
  const look = Math.ceil(jobs.length / LOOKS);
  for (const [step, { kind, job }] of stepsOf(jobs).entries()) {
    const pair = [flows.get(keyOf(job.tenant))!, flows.get(keyOf(job.tenant, job.user))!];
    for (const flow of pair) {
      if (kind === 'submit') flow.join(step);
      else if (kind === 'dispatch') flow.dispatch(step, job, waits);
      else flow.charge(job.actual - job.charged);
    }
    const { dispatches } = root;
    if (kind !== 'dispatch' || dispatches % look !== 0) continue;
    const isPart = (dispatches / look) % (LOOKS / parts) === 0;
    for (const family of sharing) {
      if (isPart) {
        family.shares.parts.push(...family.part.close());
        family.part = new Opening(family.parent, step);
      }
      if (family.long.isShort) continue;
      family.shares.long.push(...family.long.close());
      family.long = new Opening(family.parent, step);
    }
  }
  const rows = await sql.query<{ tenant: string; user: string; tag: number }>(
    `select tenant, user_id as "user", tag from darkroom.flow where tenant <> ''`,
  );
  const drift = Math.max(
    ...rows.map(({ tenant, user, tag }) => Math.abs(flows.get(keyOf(tenant, user))!.tag - tag)),
  );
  return { tenants, users, waits, drift };
}

/** A window that is open. */
class Opening {
  readonly #parent: Flow;
  readonly #step: number;
  readonly #used: readonly number[];

  constructor(parent: Flow, step: number) {
    this.#parent = parent;
    this.#step = step;
    this.#used = parent.children.map(({ used }) => used);
  }

  /** Weighted GPU-seconds of those that had jobs waiting all the while, beside the largest charge of each. */
  #shares(): { readonly used: number; readonly largest: number }[] {
    return this.#parent.children.flatMap(({ waiting, since, used, largest }, i) =>
      waiting > 0 && since <= this.#step ? { used: used - this.#used[i]!, largest } : [],
    );
  }

  /** Whether it can still become a long one. */
  get isShort(): boolean {
    const shares = this.#shares();
    return shares.length > 1 && shares.some(({ used, largest }) => used < LONG * largest);
  }

  /** @returns nothing where there are no two to compare */
  close(): Window[] {
    const shares = this.#shares().map(({ used }) => used);
    if (shares.length < 2) return [];
    const sum = shares.reduce((a, b) => a + b, 0);
    const squares = shares.reduce((a, b) => a + b * b, 0);
    return [{ jain: sum ** 2 / (shares.length * squares), flows: shares.length }];
  }
}

function stepsOf(jobs: readonly JobRow[]) {
  return jobs
    .flatMap((job) => [
      { kind: 'submit' as const, at: job.submitted, job },
      { kind: 'dispatch' as const, at: job.dispatched, job },
      { kind: 'finish' as const, at: job.ended, job },
    ])
    .sort((a, b) => a.at - b.at);
}

function readJobs(sql: Sql): Promise<JobRow[]> {
  const micros = (column: string) => `(extract(epoch from ${column}) * 1e6)::float8`;
  return sql.query<JobRow>(
    `select j.tenant, j.user_id as "user", s.weight as tenant_weight, m.weight as user_weight, j.charged, j.actual,
       ${micros('j.at')} as submitted, ${micros('j.dispatched_at')} as dispatched, ${micros('j.ended_at')} as ended
     from darkroom.job j join darkroom.flow s on s.tenant = j.tenant and s.user_id = ''
       join darkroom.flow m on m.tenant = j.tenant and m.user_id = j.user_id`,
  );
}

const keyOf = (tenant: string, user = '') => `${tenant}\u0000${user}`;
