/** The policy's functions in a database, driven step by step without tickets, beside what the steps should add up to. */
import { randomUUID } from 'node:crypto';
import type { Database } from '../../src/store/sql.ts';

export interface Dispatch {
  readonly id: string;
  readonly tenant: string;
  readonly user: string;
  readonly cost: number;
  readonly ticket: string;
}

interface Submission {
  readonly id: string;
  readonly tenant: string;
  readonly user: string;
  readonly cost: number;
  readonly model?: string;
  /** Names of its LoRAs. */
  readonly loras?: readonly string[];
  readonly tenantWeight?: number;
  readonly userWeight?: number;
}

export class PolicyBench {
  readonly #database: Database;

  constructor(database: Database) {
    this.#database = database;
  }

  /** As before the first job. */
  async clear(): Promise<void> {
    await this.#database.script(`
      set synchronous_commit = off; -- nothing here is to outlive the test
      truncate darkroom.job, darkroom.flow, darkroom.usage;
      insert into darkroom.flow (tenant) values ('')`);
  }

  async submit(job: Submission): Promise<void> {
    const { id, tenant, user, cost, model = 'mini', tenantWeight = 1, userWeight = 1, loras } = job;
    await this.#database.transaction(async (tx) => {
      await tx.query('select darkroom.submit($1, $2, $3, $4)', [tenant, user, tenantWeight, userWeight]);
      await tx.query(
        `insert into darkroom.job (id, tenant, user_id, user_name, platform, channel, request, inputs, frame, model, notes,
           cost, state)
         values ($1, $2, $3, '', 'web', 'web', $6, '{}', '{}', $4, '[]', $5, 'queued')`,
        [
          id,
          tenant,
          user,
          model,
          cost,
          JSON.stringify(loras === undefined ? {} : { loras: loras.map((file) => ({ file })) }),
        ],
      );
    });
  }

  async claim({
    warm = [] as readonly string[],
    models = ['mini', 'other'] as readonly string[],
    busy = [] as readonly string[],
  } = {}): Promise<Dispatch | undefined> {
    const ticket = randomUUID();
    const [bound] = await this.#bind(ticket, 0, models, busy, warm);
    if (bound?.kind !== 'new') return undefined;
    const [job] = await this.#database.query<Dispatch & Record<string, unknown>>(
      'select id, tenant, user_id as "user", cost, ticket from darkroom.job where id = $1',
      [bound.job],
    );
    return job;
  }

  /** The ticket is delivered again. @returns what it stands for then */
  async again(
    ticket: string,
    attempt: number,
    models: readonly string[] = ['mini', 'other'],
  ): Promise<string> {
    const [bound] = await this.#bind(ticket, attempt, models, [], []);
    return bound!.kind;
  }

  #bind(
    ticket: string,
    attempt: number,
    models: readonly string[],
    busy: readonly string[],
    warm: readonly string[],
  ) {
    return this.#database.query<{ kind: string; job: string | null }>(
      "select * from darkroom.bind($1, $2, 'w', $3, $4, $5, 2)",
      [ticket, attempt, [...models], [...busy], [...warm]],
    );
  }

  async settle(id: string, seconds: number): Promise<void> {
    await this.#database.query("select darkroom.finish($1, $2, 'done', '[]', '[]', null, null, 'darkroom')", [
      id,
      seconds,
    ]);
  }

  async cancel(id: string): Promise<void> {
    await this.#database.query('select darkroom.cancel($1, $2)', [id, 'darkroom']);
  }

  /** Tags by flow; a tenant's user is empty. */
  async flows(): Promise<Map<string, { tag: number; virtual: number; waiting: number }>> {
    const rows = await this.#database.query<{
      tenant: string;
      user: string;
      tag: number;
      virtual: number;
      waiting: number;
    }>('select tenant, user_id as "user", tag, virtual, waiting from darkroom.flow');
    return new Map(rows.map(({ tenant, user, ...flow }) => [`${tenant}/${user}`, flow]));
  }

  async gpuSeconds(): Promise<{ usage: number; jobs: number; counted: number }> {
    const [row] = await this.#database.query<{ usage: number; jobs: number; counted: number }>(
      `select (select coalesce(sum(gpu_seconds), 0) from darkroom.usage)::float8 as usage,
         (select coalesce(sum(jobs), 0) from darkroom.usage)::int as counted,
         (select coalesce(sum(actual), 0) from darkroom.job)::float8 as jobs`,
    );
    return row!;
  }
}
