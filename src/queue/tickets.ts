/**
 * Tickets: pg-boss's jobs, one for each job that has not ended, anonymous until bound. pg-boss owns what is hard
 * about them: leases that lapse when nobody touches them, redelivery, and fences by attempt.
 */
import { type Db, fromPglite, PgBoss } from 'pg-boss';
import type { Embedded } from '../store/embedded.ts';
import { reduce } from '../store/postgres.ts';
import type { Database, Sql } from '../store/sql.ts';

const QUEUE = 'gpu';
const SCHEMA = 'darkroom_boss';
/** Seconds without a touch after which a ticket is delivered again; pg-boss's least is 10. */
const LEASE_SECONDS = 12;
const DAY = 86_400;

const RULES = {
  heartbeatSeconds: LEASE_SECONDS,
  // A picture may take long; a lease says whether its worker lives.
  expireInSeconds: DAY - 1,
  // The default deletes what has waited for 14 days.
  retentionSeconds: 3650 * DAY,
  deleteAfterSeconds: 3600,
  // Tries are counted by job (darkroom.bind). A worker that drains, or looks at a paused line every few seconds,
  // gives a ticket back, and that is no try: the most that the column holds lasts for decades of it.
  retryLimit: 2_147_483_647,
  retryDelay: 0,
} as const;

export interface Ticket {
  readonly id: string;
  /** Fences: whoever holds an older attempt can neither complete nor touch. */
  readonly attempt: number;
}

export class Tickets {
  readonly #boss: PgBoss;

  private constructor(boss: PgBoss) {
    this.#boss = boss;
  }

  /**
   * @param url of the server, where the database is one
   * @param onError called with the errors of pg-boss's own upkeep
   */
  static async open(
    database: Database,
    { url, onError }: { readonly url?: string | undefined; readonly onError: (error: unknown) => void },
  ): Promise<Tickets> {
    const isEmbedded = database.kind === 'embedded';
    const boss = new PgBoss({
      ...(isEmbedded
        ? { db: fromPglite((database as Embedded).pglite), backend: 'pglite' as const }
        : { connectionString: url ?? '', max: 2, application_name: 'darkroom tickets' }),
      schema: SCHEMA,
      schedule: false,
      // Leases lapse only where another process may hold them.
      superviseIntervalSeconds: isEmbedded ? 300 : 3,
      monitorIntervalSeconds: isEmbedded ? 300 : 3,
      reindex: false,
    });
    // It has its own connection, and errors that repeat what a statement carried.
    boss.on('error', (error) => onError(reduce(error, 'pg-boss')));
    await boss.start();
    const queue = await boss.getQueue(QUEUE);
    if (queue === null) await boss.createQueue(QUEUE, RULES);
    else await boss.updateQueue(QUEUE, RULES);
    return new Tickets(boss);
  }

  async issue(tx: Sql): Promise<void> {
    await this.#boss.send(QUEUE, {}, { db: asDb(tx) });
  }

  /** After a restore: takes all tickets back and issues others. @param count of jobs that wait */
  async reissue(tx: Sql, count: number): Promise<void> {
    await tx.query(`delete from ${SCHEMA}.job where name = $1`, [QUEUE]);
    for (let i = 0; i < count; i++) await this.issue(tx);
  }

  async fetch(tx: Sql): Promise<Ticket | undefined> {
    const [ticket] = await this.#boss.fetch(QUEUE, { includeMetadata: true, db: asDb(tx) });
    return ticket && { id: ticket.id, attempt: ticket.retryCount };
  }

  /** @returns whether the ticket was still held at this attempt: if not, nothing of the job may be written */
  async complete(tx: Sql, ticket: Ticket): Promise<boolean> {
    return isOne(await this.#boss.complete(QUEUE, attemptOf(ticket), null, { db: asDb(tx) }));
  }

  /** Delivered again at once, to whoever asks. @returns as complete() */
  async giveBack(tx: Sql, ticket: Ticket): Promise<boolean> {
    return isOne(await this.#boss.fail(QUEUE, attemptOf(ticket), null, { db: asDb(tx) }));
  }

  /** Renews the lease. @returns whether it was still held */
  async touch(ticket: Ticket): Promise<boolean> {
    return isOne(await this.#boss.touch(QUEUE, attemptOf(ticket)));
  }

  async close(): Promise<void> {
    await this.#boss.stop({ graceful: false });
  }
}

const attemptOf = ({ id, attempt }: Ticket) => ({ id, retryCount: attempt });

/** pg-boss answers with a count that its types leave out; without it nothing would be fenced. */
function isOne(response: object): boolean {
  if ('affected' in response && typeof response.affected === 'number') return response.affected === 1;
  throw new Error('This version of pg-boss does not say whether a ticket was still held.');
}

const asDb = (sql: Sql): Db => ({
  executeSql: async (text, values) => ({ rows: await sql.query(text, values) }),
});
