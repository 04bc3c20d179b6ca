/**
 * The steps of a job's life in the database, one transaction each, so that whatever crashes in between, a job is in
 * one state, its ticket agrees, and its GPU-seconds are charged once. src/store/schema/fair-share.ts decides the order.
 */
import { DarkroomError, describeError, type ErrorWords } from '../errors.ts';
import type { Moderation, StoredPicture } from '../job.ts';
import type { GenerationRequest } from '../request.ts';
import { sentence, type Words } from '../sentences.ts';
import { type Database, json, type Sql } from '../store/sql.ts';
import { insertJob, lineUp, type NewJob } from './new-job.ts';
import { CHANNEL, notify } from './notices.ts';
import type { Ticket, Tickets } from './tickets.ts';
import { IS_PRESENT } from './worker-registry.ts';

/** Jobs whose acceptance is remembered. */
const MOST_REMEMBERED = 10_000;
/** Workers that may die over a job. */
const MOST_TRIES = 2;
/** What a worker can take. */
export interface ClaimOptions {
  readonly worker: string;
  readonly models: readonly string[];
  /** Ids of users who have a slot in this worker already. */
  readonly busy: readonly string[];
  /** Models that are open there; none: no preference. */
  readonly warm: readonly string[];
}

/** A dispatched job, for the worker that holds its ticket. */
export interface Claim {
  readonly ticket: Ticket;
  readonly id: string;
  /** The user's id. */
  readonly user: string;
  readonly weight: number;
  readonly request: GenerationRequest;
  readonly inputs: Readonly<Record<string, string>>;
  /** Whether an earlier worker died over it or lost its lease. */
  readonly isSuspect: boolean;
  /** How its pictures are checked; absent where they are not. */
  readonly moderation?: Moderation;
}

export type JobEnd =
  | { readonly state: 'done'; readonly pictures: readonly StoredPicture[]; readonly notes: readonly Words[] }
  | { readonly state: 'failed'; readonly error: ErrorWords };

/** What a ticket stands for; besides `new` and `again` the job's own columns may be null. */
interface Bound {
  readonly kind: 'new' | 'again' | 'poison' | 'surplus' | 'none';
  readonly job: string | null;
  readonly user_id: string;
  readonly weight: number;
  readonly request: GenerationRequest;
  readonly inputs: Readonly<Record<string, string>>;
  readonly tries: number;
  readonly moderation: Moderation | null;
}

export class Dispatcher {
  readonly #database: Database;
  readonly #tickets: Tickets;
  /** Milliseconds of performance.now() when a job was accepted here: the database's clock may be set meanwhile. */
  readonly #acceptedAt = new Map<string, number>();

  constructor(database: Database, tickets: Tickets) {
    this.#database = database;
    this.#tickets = tickets;
  }

  /** Accepts a job: stored, counted and with a ticket, or not at all. @param admit throws where a cap is reached */
  async submit(job: NewJob, admit: (tx: Sql) => Promise<void> = async () => {}): Promise<void> {
    await this.#database.transaction(async (tx) => {
      // Before the lock, which is held for as few round trips as possible.
      await this.#tickets.issue(tx);
      await lineUp(tx, job);
      // Under the lock, so that two submissions cannot both take the last one under a cap.
      await admit(tx);
      await insertJob(tx, job, 'queued');
      await notify(tx, 'work');
    });
    this.#acceptedAt.set(job.id, performance.now());
    const [oldest] = this.#acceptedAt.keys();
    if (this.#acceptedAt.size > MOST_REMEMBERED) this.#acceptedAt.delete(oldest!);
  }

  /** The fairest waiting job that this worker can run, dispatched to it. */
  async claim(options: ClaimOptions): Promise<Claim | undefined> {
    for (;;) {
      const found = await this.#claimOnce(options);
      if (found !== 'again') return found;
    }
  }

  /**
   * Two statements on their own: the queue's lock is not held over a round trip. A worker that dies between them leaves
   * an anonymous ticket, which comes back with its lease. On the embedded database leases do not lapse and there are
   * no round trips: one transaction does it all.
   */
  #claimOnce(options: ClaimOptions): Promise<Claim | undefined | 'again'> {
    const database = this.#database;
    return database.kind === 'embedded'
      ? database.transaction((tx) => this.#claimBy(tx, options, (work) => work(tx)))
      : this.#claimBy(database, options, (work) => database.transaction(work));
  }

  async #claimBy(
    sql: Sql,
    { worker, models, busy, warm }: ClaimOptions,
    together: (work: (tx: Sql) => Promise<void>) => Promise<void>,
  ): Promise<Claim | undefined | 'again'> {
    const ticket = await this.#tickets.fetch(sql);
    if (ticket === undefined) return undefined;
    const [bound] = await sql.query<Bound & Record<string, unknown>>(
      'select * from darkroom.claim($1, $2, $3, $4, $5, $6, $7, $8)',
      [ticket.id, ticket.attempt, worker, [...models], [...busy], [...warm], MOST_TRIES, CHANNEL],
    );
    const { kind, job } = bound!;
    if (kind === 'new' || kind === 'again') return claimOf(bound!, ticket);
    if (kind === 'none') {
      await this.#tickets.giveBack(sql, ticket);
      return undefined;
    }
    await together(async (tx) => {
      const isOurs = await this.#tickets.complete(tx, ticket);
      if (isOurs && job !== null) await this.#end(tx, job, undefined, kind === 'poison' ? POISON : undefined);
    });
    return 'again';
  }

  /**
   * Renews a lease and records what was used so far.
   * @returns `lost` where the job is another worker's now, `cancelled` where its user has cancelled it
   */
  async touch({ ticket, id }: Claim, used: number): Promise<'held' | 'cancelled' | 'lost'> {
    if (!(await this.#tickets.touch(ticket))) return 'lost';
    const [row] = await this.#database.query<{ state: string }>(
      'update darkroom.job set used = $1 where id = $2 and ticket = $3 and attempt = $4 returning state',
      [used, id, ticket.id, ticket.attempt],
    );
    if (row === undefined) return 'lost';
    return row.state === 'running' ? 'held' : 'cancelled';
  }

  /**
   * Ends a job once: state, charge, ticket and the entry in the outbox, together.
   * @param used GPU-seconds in all
   * @param outcome undefined for a job that its user has cancelled: it only leaves
   * @returns false where the job is another worker's now: nothing was written then
   */
  finish({ ticket, id }: Claim, used: number, outcome: JobEnd | undefined): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      if (!(await this.#tickets.complete(tx, ticket))) return false;
      await this.#end(tx, id, used, outcome);
      return true;
    });
  }

  /**
   * The pictures of a running job that are finished so far. They go with their try: src/store/schema/unfinished.ts.
   * @returns false where the job is another worker's now, or cancelled: nothing was written then
   */
  async show({ ticket, id }: Claim, pictures: readonly StoredPicture[]): Promise<boolean> {
    const rows = await this.#database.query(
      `update darkroom.job set pictures = $4 where id = $1 and ticket = $2 and attempt = $3 and state = 'running'
       returning id`,
      [id, ticket.id, ticket.attempt, json(pictures)],
    );
    return rows.length > 0;
  }

  /** A worker that stops hands a job on: it keeps its position and its charge, and no try is counted. */
  giveBack({ ticket, id }: Claim): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      if (!(await this.#tickets.giveBack(tx, ticket))) return false;
      await tx.query(
        `update darkroom.job set state = 'queued', tries = tries - 1, worker = null
         where id = $1 and state = 'running'`,
        [id],
      );
      await tx.query('delete from darkroom.job_event where job = $1', [id]);
      await notify(tx, 'work');
      await notify(tx, `job:${id}`);
      return true;
    });
  }

  /**
   * A worker whose device failed hands a job to another one: it keeps its position and its charge, and the try counts.
   * @param note for the user
   */
  move({ ticket, id }: Claim, note: Words): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      if (!(await this.#tickets.giveBack(tx, ticket))) return false;
      // Without its attempt it does not count as a lease that lapsed.
      await tx.query(
        `update darkroom.job set state = 'queued', attempt = null, worker = null, notes = notes || $2::jsonb
         where id = $1 and state = 'running'`,
        [id, json([note])],
      );
      await tx.query('delete from darkroom.job_event where job = $1', [id]);
      await notify(tx, 'work');
      await notify(tx, `job:${id}`);
      return true;
    });
  }

  /** @returns whether there was such a job that had not ended; a sweep ends when its pictures have */
  async cancel(id: string): Promise<boolean> {
    const [sweep] = await this.#database.query<{ cells: string[] }>(
      "select frame->'sweep'->'cells' as cells from darkroom.job where id = $1 and frame ? 'sweep'",
      [id],
    );
    if (sweep === undefined) return this.#cancelOne(id);
    let isAny = false;
    // The last first: none of them starts while the others are cancelled.
    for (const cell of sweep.cells.toReversed()) isAny = (await this.#cancelOne(cell)) || isAny;
    return isAny;
  }

  async #cancelOne(id: string): Promise<boolean> {
    const [row] = await this.#database.query<{ did: boolean }>('select darkroom.cancel($1, $2) as did', [
      id,
      CHANNEL,
    ]);
    return row!.did;
  }

  /**
   * Ends waiting jobs whose model was removed and which no registered worker can run.
   * @param isGone whether a model of this machine was removed
   * @returns how many
   */
  async failGone(isGone: (model: string) => boolean): Promise<number> {
    const waiting = await this.#database.query<{ id: string; model: string }>(
      `select id, model from darkroom.job where state = 'queued' and ticket is null
         and not exists (select 1 from darkroom.worker where ${IS_PRESENT} and job.model = any(models))`,
    );
    let failed = 0;
    for (const { id, model } of waiting) {
      if (isGone(model) && (await this.#failWaiting(id, goneError(model)))) failed++;
    }
    return failed;
  }

  /** @returns whether it still waited */
  #failWaiting(id: string, outcome: JobEnd): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      await tx.query('select darkroom.lock_queue()');
      const [job] = await tx.query<{ tenant: string; user_id: string }>(
        `select tenant, user_id from darkroom.job where id = $1 and state = 'queued' and ticket is null for update`,
        [id],
      );
      if (job === undefined) return false;
      await tx.query('select darkroom.add_waiting($1, $2, -1)', [job.tenant, job.user_id]);
      await this.#end(tx, id, undefined, outcome);
      return true;
    });
  }

  /**
   * On the embedded database at the start: no other process has it open, so whoever held a ticket, or was showing the end of
   * a job, is dead.
   * @returns how many jobs wait or run again
   */
  async recover(): Promise<number> {
    const held = await this.#database.query<{ ticket: string; attempt: number }>(
      'select ticket, attempt from darkroom.job where ticket is not null and actual is null',
    );
    for (const { ticket, attempt } of held) {
      await this.#database.transaction((tx) => this.#tickets.giveBack(tx, { id: ticket, attempt }));
    }
    await this.#database.query('update darkroom.outbox set taken_until = null where taken_until is not null');
    const [row] = await this.#database.query<{ alive: number }>(
      "select count(*)::int as alive from darkroom.job where state in ('queued', 'running')",
    );
    return row!.alive;
  }

  /** @param used undefined for what the job's last worker reported */
  async #end(tx: Sql, id: string, used: number | undefined, outcome: JobEnd | undefined): Promise<void> {
    const acceptedAt = this.#acceptedAt.get(id);
    await tx.query('select darkroom.finish($1, $2, $3, $4, $5, $6, $7, $8)', [
      id,
      used ?? null,
      outcome?.state ?? null,
      json(outcome?.state === 'done' ? outcome.pictures : []),
      json(outcome?.state === 'done' ? outcome.notes : []),
      outcome?.state === 'failed' ? json(outcome.error) : null,
      acceptedAt === undefined ? null : (performance.now() - acceptedAt) / 1000,
      CHANNEL,
    ]);
  }
}

const goneError = (model: string): JobEnd => ({
  state: 'failed',
  error: describeError(new DarkroomError('not_found', sentence('queue.model_removed', { model }))),
});

const POISON: JobEnd = {
  state: 'failed',
  error: describeError(new DarkroomError('engine_failed', sentence('queue.stopped_twice'))),
};

function claimOf(bound: Bound, ticket: Ticket): Claim {
  const { job, user_id: user, weight, request, inputs, tries, moderation } = bound;
  return {
    ...{ ticket, id: job!, user, weight, request, inputs, isSuspect: tries > 1 },
    ...(moderation !== null && { moderation }),
  };
}
