/**
 * The line of jobs in the database: each step of a job's life is one transaction, so that whatever crashes in
 * between, a job is in one state, its ticket agrees, and its GPU-seconds are charged once. The order is
 * src/store/migrations/002-fair-share.ts's.
 */
import type { ErrorCode } from '../errors.ts';
import type { Share } from '../job.ts';
import type { GenerationRequest } from '../request.ts';
import type { JobFrame } from '../store/jobs.ts';
import { type Database, json, type Sql } from '../store/sql.ts';
import type { Ticket, Tickets } from './tickets.ts';

/** Workers that may die over a job. */
const MOST_TRIES = 2;
/** The notices of every process on this database: `work`, `job:ID`, `cancel:ID`. */
export const CHANNEL = 'darkroom';

/** Who is charged for a job. */
export interface Flow {
  /** Server or workspace; a private talk is a server of its own. Never empty. */
  readonly server: string;
  readonly member: string;
  readonly serverWeight?: number;
  readonly memberWeight?: number;
}

export interface NewJob extends Flow {
  readonly id: string;
  readonly owner: { readonly id: string; readonly name: string };
  readonly platform: string;
  readonly place: string;
  readonly request: GenerationRequest;
  /** Ids in the picture store by the reference that stands in the request. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly notes: readonly string[];
  readonly share?: Share;
  readonly frame?: JobFrame;
  /** GPU-seconds expected. */
  readonly cost: number;
  /** Bytes it wants of a device; 0 where that is not known. */
  readonly memory: number;
}

/** What a worker can take. */
export interface Wish {
  readonly worker: string;
  readonly models: readonly string[];
  /** Bytes of its device. */
  readonly memory: number;
  /** Users who have a seat in this worker already. */
  readonly barred: readonly string[];
  /** Models that are open there; none: no preference. */
  readonly warm: readonly string[];
}

/** A dispatched job, for the worker that holds its ticket. */
export interface Claim {
  readonly ticket: Ticket;
  readonly id: string;
  readonly member: string;
  readonly weight: number;
  readonly request: GenerationRequest;
  readonly inputs: Readonly<Record<string, string>>;
  /** Milliseconds since 1970 when it was accepted. */
  readonly at: number;
  /** Whether an earlier worker died over it or lost its lease. */
  readonly isSuspect: boolean;
}

export interface StoredPicture {
  readonly id: string;
  readonly width: number;
  readonly height: number;
}

export type JobEnd =
  | { readonly state: 'done'; readonly pictures: readonly StoredPicture[]; readonly notes: readonly string[] }
  | { readonly state: 'failed'; readonly error: { readonly code: ErrorCode; readonly message: string } };

/** What a ticket stands for; beside `new` and `again` the job's own columns may be null. */
interface Bound {
  readonly kind: 'new' | 'again' | 'poison' | 'surplus' | 'none';
  readonly job: string | null;
  readonly member: string;
  readonly weight: number;
  readonly request: GenerationRequest;
  readonly inputs: Readonly<Record<string, string>>;
  readonly at: Date;
  readonly tries: number;
}

export class Line {
  readonly #database: Database;
  readonly #tickets: Tickets;

  constructor(database: Database, tickets: Tickets) {
    this.#database = database;
    this.#tickets = tickets;
  }

  /** Accepts a job: stored, charged to be, and with a ticket, or not at all. */
  async submit(job: NewJob, admit: (tx: Sql) => Promise<void> = async () => {}): Promise<void> {
    const { id, server, member, owner, platform, place, request, inputs, notes, cost, memory } = job;
    await this.#database.transaction(async (tx) => {
      // Before the lock, which is held for as few words as can be.
      await this.#tickets.issue(tx);
      await tx.query('select darkroom.submit($1, $2, $3, $4)', [
        server,
        member,
        job.serverWeight ?? 1,
        job.memberWeight ?? 1,
      ]);
      // Behind the lock, so that two submissions cannot both take the last place under a cap.
      await admit(tx);
      await tx.query(
        `insert into darkroom.job (id, server, member, owner, platform, place, request, inputs, model, notes, cost,
           memory, share, frame, state) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, 'queued')`,
        [
          ...[id, server, member, json(owner), platform, place, json(request), json(inputs), request.model],
          ...[json(notes), cost, memory, job.share === undefined ? null : json(job.share)],
          json(job.frame ?? {}),
        ],
      );
      await tell(tx, 'work');
    });
  }

  /** The fairest waiting job that this worker can run, dispatched to it. */
  async claim(wish: Wish): Promise<Claim | undefined> {
    for (;;) {
      const found = await this.#claimOnce(wish);
      if (found !== 'again') return found;
    }
  }

  /**
   * Two statements that each stand for themselves: the line's lock is not held while words travel. A worker that
   * dies between them leaves an anonymous ticket, which comes back with its lease. On the embedded database leases
   * do not lapse, and nothing travels: all is one transaction there.
   */
  #claimOnce(wish: Wish): Promise<Claim | undefined | 'again'> {
    const database = this.#database;
    return database.kind === 'embedded'
      ? database.transaction((tx) => this.#claimBy(tx, wish, (work) => work(tx)))
      : this.#claimBy(database, wish, (work) => database.transaction(work));
  }

  async #claimBy(
    sql: Sql,
    { worker, models, memory, barred, warm }: Wish,
    together: (work: (tx: Sql) => Promise<void>) => Promise<void>,
  ): Promise<Claim | undefined | 'again'> {
    const ticket = await this.#tickets.fetch(sql);
    if (ticket === undefined) return undefined;
    const [bound] = await sql.query<Bound & Record<string, unknown>>(
      'select * from darkroom.take($1, $2, $3, $4, $5, $6, $7, $8, $9)',
      [
        ...[ticket.id, ticket.attempt, worker, [...models], memory, [...barred], [...warm]],
        ...[MOST_TRIES, CHANNEL],
      ],
    );
    const { kind, job } = bound!;
    if (kind === 'new' || kind === 'again') return claimOf(bound!, ticket);
    if (kind === 'none') {
      await this.#tickets.giveBack(sql, ticket);
      return undefined;
    }
    await together(async (tx) => {
      const isOurs = await this.#tickets.complete(tx, ticket);
      if (isOurs && job !== null) await end(tx, job, undefined, kind === 'poison' ? POISON : undefined);
    });
    return 'again';
  }

  /**
   * Renews a lease and notes what was used so far.
   * @returns `lost` where the job is another worker's now, `cancelled` where its owner does not want it any more
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
   * Ends a job once: state, charge, ticket and the word to its thread, together.
   * @param used GPU-seconds in all
   * @param outcome undefined for a job that its owner has cancelled: it only leaves
   * @returns false where the job is another worker's now: nothing was written then
   */
  finish({ ticket, id }: Claim, used: number, outcome: JobEnd | undefined): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      if (!(await this.#tickets.complete(tx, ticket))) return false;
      await end(tx, id, used, outcome);
      return true;
    });
  }

  /** A worker that stops hands a job on: it keeps its place and its charge, and no try is counted. */
  giveBack({ ticket, id }: Claim): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      if (!(await this.#tickets.giveBack(tx, ticket))) return false;
      await tx.query(
        `update darkroom.job set state = 'queued', tries = tries - 1, worker = null
         where id = $1 and state = 'running'`,
        [id],
      );
      await tx.query('delete from darkroom.job_event where job = $1', [id]);
      await tell(tx, 'work');
      await tell(tx, `job:${id}`);
      return true;
    });
  }

  /** @returns whether there was such a job that had not ended */
  cancel(id: string): Promise<boolean> {
    return this.#database.transaction(async (tx) => {
      const [row] = await tx.query<{ was: string | null }>('select darkroom.cancel($1) as was', [id]);
      if (row === undefined || row.was === null) return false;
      const [job] = await tx.query<{ platform: string }>('select platform from darkroom.job where id = $1', [
        id,
      ]);
      await post(tx, id, job!.platform);
      await tell(tx, `cancel:${id}`);
      await tell(tx, `job:${id}`);
      return true;
    });
  }

  /**
   * On the embedded database at the start: this process is its only one, so whoever held a ticket is dead.
   * @returns how many jobs wait or run again
   */
  async recover(): Promise<number> {
    const held = await this.#database.query<{ ticket: string; attempt: number }>(
      'select ticket, attempt from darkroom.job where ticket is not null and actual is null',
    );
    for (const { ticket, attempt } of held) {
      await this.#database.transaction((tx) => this.#tickets.giveBack(tx, { id: ticket, attempt }));
    }
    const [row] = await this.#database.query<{ alive: number }>(
      "select count(*)::int as alive from darkroom.job where state in ('queued', 'running')",
    );
    return row!.alive;
  }
}

const POISON: JobEnd = {
  state: 'failed',
  error: {
    code: 'engine_failed',
    message: 'The engine stopped twice while making this picture. Try a smaller size or fewer pictures.',
  },
};

/** @param used undefined for what the job's last worker told */
const end = (tx: Sql, id: string, used: number | undefined, outcome: JobEnd | undefined) =>
  tx.query('select darkroom.finish($1, $2, $3, $4, $5, $6, $7)', [
    id,
    used ?? null,
    outcome?.state ?? null,
    json(outcome?.state === 'done' ? outcome.pictures : []),
    json(outcome?.state === 'done' ? outcome.notes : []),
    outcome?.state === 'failed' ? json(outcome.error) : null,
    CHANNEL,
  ]);

/** To the thread, by whichever process holds the platform. */
const post = (tx: Sql, id: string, platform: string) =>
  tx.query('insert into darkroom.outbox (job, platform) values ($1, $2) on conflict do nothing', [
    id,
    platform,
  ]);

const tell = (tx: Sql, notice: string) => tx.query('select pg_notify($1, $2)', [CHANNEL, notice]);

function claimOf(bound: Bound, ticket: Ticket): Claim {
  const { job, member, weight, request, inputs, at, tries } = bound;
  return { ticket, id: job!, member, weight, request, inputs, at: at.getTime(), isSuspect: tries > 1 };
}
