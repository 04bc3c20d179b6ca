/**
 * Hierarchical start-time fair queueing, written down once more as the paper has it (Goyal, Vin, Cheng, 1997) and
 * without regard to speed: what the database and the forecast are compared with.
 */

export interface ReferenceJob {
  readonly id: string;
  readonly tenant: string;
  readonly user: string;
  readonly model: string;
  /** GPU-seconds expected. */
  readonly cost: number;
}

class Flow {
  readonly name: string;
  weight = 1;
  tag = 0;
  /** Virtual time among its children. */
  virtual = 0;
  waiting = 0;
  readonly children = new Map<string, Flow>();

  constructor(name: string) {
    this.name = name;
  }

  child(name: string): Flow {
    const child = this.children.get(name) ?? new Flow(name);
    this.children.set(name, child);
    return child;
  }

  /** Those with jobs waiting, the least tag first. */
  get backlogged(): Flow[] {
    return [...this.children.values()]
      .filter(({ waiting }) => waiting > 0)
      .sort((a, b) => a.tag - b.tag || (a.name < b.name ? -1 : 1));
  }
}

export class ReferenceQueue {
  readonly #root = new Flow('');
  #jobs: ReferenceJob[] = [];

  submit(job: ReferenceJob, weights: { readonly tenant: number; readonly user: number }): void {
    const tenant = this.#root.child(job.tenant);
    const user = tenant.child(job.user);
    tenant.weight = weights.tenant;
    user.weight = weights.user;
    for (const [flow, parent] of [
      [tenant, this.#root],
      [user, tenant],
    ] as const) {
      if (flow.waiting === 0) flow.tag = Math.max(flow.tag, parent.virtual);
      flow.waiting += 1;
    }
    this.#jobs.push(job);
  }

  /** @param busy users who have a slot in this worker */
  claim(models: readonly string[], busy: readonly string[]): ReferenceJob | undefined {
    for (const tenant of this.#root.backlogged) {
      for (const user of tenant.backlogged) {
        if (busy.includes(user.name)) continue;
        const job = this.#jobs.find(
          (one) => one.tenant === tenant.name && one.user === user.name && models.includes(one.model),
        );
        if (job === undefined) continue;
        this.#root.virtual = Math.max(this.#root.virtual, this.#root.backlogged[0]!.tag);
        tenant.virtual = Math.max(tenant.virtual, tenant.backlogged[0]!.tag);
        this.#leave(job);
        this.charge(job, job.cost);
        return job;
      }
    }
    return undefined;
  }

  /** A job that waits is cancelled. */
  cancel(id: string): void {
    this.#leave(this.#jobs.find((job) => job.id === id)!);
  }

  /** @param seconds that a dispatched job used beyond what it was charged */
  charge({ tenant, user }: ReferenceJob, seconds: number): void {
    const parent = this.#root.child(tenant);
    for (const flow of [parent, parent.child(user)]) flow.tag += seconds / flow.weight;
  }

  get waiting(): readonly ReferenceJob[] {
    return this.#jobs;
  }

  /** As the rows of darkroom.flow. */
  flows(): { tenant: string; user: string; weight: number; tag: number; virtual: number }[] {
    const rowOf = (tenant: string, user: string, { weight, tag, virtual }: Flow) => ({
      ...{ tenant, user, weight, tag, virtual },
    });
    return [
      rowOf('', '', this.#root),
      ...[...this.#root.children.values()].flatMap((tenant) => [
        rowOf(tenant.name, '', tenant),
        ...[...tenant.children.values()].map((user) => rowOf(tenant.name, user.name, user)),
      ]),
    ];
  }

  #leave(job: ReferenceJob): void {
    this.#jobs = this.#jobs.filter((one) => one !== job);
    const tenant = this.#root.child(job.tenant);
    tenant.waiting -= 1;
    tenant.child(job.user).waiting -= 1;
  }
}
