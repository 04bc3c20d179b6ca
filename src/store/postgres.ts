/** A PostgreSQL server behind the Database door, over node-postgres. */
import pg from 'pg';
import { DarkroomError, DatabaseAway } from '../errors.ts';
import { DatabaseError } from './database-error.ts';
import { assertStorable, type Database, type Row, type Sql } from './sql.ts';

/** PostgreSQL 15, as server_version_num has it. */
const OLDEST = 150_000;
/**
 * Milliseconds in which a transaction must go on. A process that sleeps in the middle of one (a laptop, a stopped container,
 * a machine that lost its network) would else hold the queue's lock until it wakes, and all others would wait for it.
 */
const IDLE_IN_TRANSACTION = 10_000;
/** Milliseconds between two tries to listen again. */
const RECONNECT = 500;

interface ServerOptions {
  readonly url: string;
  /** Connections at most; one more listens for notices. */
  readonly connections?: number;
  /** Called for connections that were lost while idle. */
  readonly onError?: (error: unknown) => void;
}

/** @throws DarkroomError('misconfigured') where there is no server, or one older than 15 */
export async function openServer({ url, connections = 8, onError }: ServerOptions): Promise<Database> {
  const pool = new pg.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: 5000,
    application_name: 'darkroom',
  });
  pool.on('error', (error) => onError?.(reduce(error, 'idle connection')));
  // A connection may report its loss when it is neither idle nor in a query; its query has failed by then.
  pool.on('connect', (client) => client.on('error', ignore));
  const sqlOf = (client: pg.Pool | pg.PoolClient): Sql => ({
    async query<R extends Row>(text: string, values: readonly unknown[] = []) {
      assertStorable(values);
      const statement = { text, values: [...values], ...preparedAs(text) };
      return (await client.query<R>(statement).catch(throwReduced(text))).rows;
    },
  });
  await checkVersion(sqlOf(pool), url).catch(async (error: unknown) => {
    await pool.end();
    throw error;
  });
  return {
    kind: 'server',
    query: sqlOf(pool).query,
    async transaction(work) {
      const client = await pool.connect().catch(throwReduced('connect'));
      let isBroken: Error | undefined;
      try {
        await client
          .query(`begin; set local idle_in_transaction_session_timeout = ${IDLE_IN_TRANSACTION}`)
          .catch(throwReduced('begin'));
        const result = await work(sqlOf(client));
        await client.query('commit').catch(throwReduced('commit'));
        return result;
      } catch (error) {
        await client.query('rollback').catch((lost: Error) => {
          isBroken = lost;
        });
        throw error;
      } finally {
        client.release(isBroken);
      }
    },
    async script(text) {
      await pool.query(text).catch(throwReduced(text));
    },
    listen: (channel, onNotice, onGap) => listen(url, channel, onNotice, onGap),
    close: () => pool.end(),
  };
}

/** Statements that each connection keeps parsed and planned; any beyond are parsed each time. */
const MOST_PREPARED = 200;
const prepared = new Map<string, string>();

/** Half of a short statement's time is its parsing and planning. */
function preparedAs(text: string): { name?: string } {
  const known = prepared.get(text);
  if (known !== undefined) return { name: known };
  if (prepared.size >= MOST_PREPARED) return {};
  const name = `darkroom${prepared.size}`;
  prepared.set(text, name);
  return { name };
}

/** PostgreSQL's classes of a connection that is gone, also by the limit above, and of a server that stops or starts. */
const AWAY =
  /^(08...|25P03|57P0[1-3]|ECONNREFUSED|ECONNRESET|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENOTFOUND|EAI_AGAIN)$/;
/** node-postgres has no codes for these. */
const LOST =
  /Connection terminated|timeout exceeded when trying to connect|connection error and is not queryable/;

/** @returns DatabaseAway where the server is gone for now; without a statement's values in either case */
export function reduce(error: unknown, statement: string): Error {
  const { code = '', message = '' } = error as { code?: string; message?: string };
  const reduced = DatabaseError.of(error, statement);
  return AWAY.test(code) || LOST.test(message) ? new DatabaseAway(reduced) : reduced;
}

const throwReduced = (statement: string) => (error: unknown) => {
  throw reduce(error, statement);
};

function ignore(): void {}

async function checkVersion(sql: Sql, url: string): Promise<void> {
  const host = hostOf(url);
  let version: number;
  try {
    const [row] = await sql.query<{ version: string }>(
      "select current_setting('server_version_num') as version",
    );
    version = Number(row?.version);
  } catch (cause) {
    throw new DarkroomError(
      'misconfigured',
      `The database at ${host} cannot be reached. Check DATABASE_URL and that PostgreSQL runs there.`,
      { cause },
    );
  }
  if (version >= OLDEST) return;
  throw new DarkroomError(
    'misconfigured',
    `The database at ${host} is PostgreSQL ${Math.floor(version / 10_000)}; Darkroom needs 15 or newer.`,
  );
}

/** Without user and password, for sentences. */
function hostOf(url: string): string {
  try {
    return new URL(url).host;
  } catch {
    return 'DATABASE_URL';
  }
}

/** Listens on a connection of its own, and connects again when that is lost. */
async function listen(
  url: string,
  channel: string,
  onNotice: (payload: string) => void,
  onGap: (() => void) | undefined,
): Promise<() => Promise<void>> {
  let isClosed = false;
  let client: pg.Client | undefined;
  let timer: NodeJS.Timeout | undefined;
  const connect = async () => {
    const fresh = new pg.Client({
      connectionString: url,
      keepAlive: true,
      connectionTimeoutMillis: 5000,
      application_name: 'darkroom listener',
    });
    const lost = () => {
      fresh.removeAllListeners('end');
      if (isClosed || client !== fresh) return;
      client = undefined;
      again();
    };
    fresh.on('error', lost);
    fresh.on('end', lost);
    fresh.on('notification', ({ payload }) => onNotice(payload ?? ''));
    await fresh.connect();
    await fresh.query(`listen ${channel}`);
    client = fresh;
  };
  const again = () => {
    timer = setTimeout(() => {
      if (isClosed) return;
      connect().then(
        () => onGap?.(),
        () => again(),
      );
    }, RECONNECT);
  };
  await connect();
  return async () => {
    isClosed = true;
    clearTimeout(timer);
    await client?.end().catch(ignore);
  };
}
