/**
 * The one door to the database: SQL with numbered parameters, the same on the embedded PostgreSQL (PGlite) and
 * on a server. Rows come as their columns are named; types are named where a query is made.
 */

import { DarkroomError } from '../errors.ts';

export type Row = Readonly<Record<string, unknown>>;

export interface Sql {
  /**
   * One statement.
   * @param values for $1, $2 ...; an array for a PostgreSQL array, a Uint8Array for bytea, JSON as text
   */
  query<R extends Row = Row>(text: string, values?: readonly unknown[]): Promise<R[]>;
}

export interface Database extends Sql {
  readonly kind: 'embedded' | 'server';
  /**
   * All of it or nothing. What `work` throws undoes it and is thrown on. A server ends a transaction that stands still for
   * ten seconds.
   */
  transaction<T>(work: (tx: Sql) => Promise<T>): Promise<T>;
  /** Several statements without parameters, as a migration has them. */
  script(text: string): Promise<void>;
  /**
   * Hears of pg_notify(channel, payload) of every process on this database.
   * @param onGap called when notices may have been missed: the connection was lost and is there again
   * @returns ends the hearing
   */
  listen(
    channel: string,
    onNotice: (payload: string) => void,
    onGap?: () => void,
  ): Promise<() => Promise<void>>;
  close(): Promise<void>;
}

/**
 * JSON for a jsonb parameter; the drivers would take an array for a PostgreSQL array. PostgreSQL stores neither NUL nor
 * half a surrogate pair: NUL is dropped, and the other becomes U+FFFD.
 */
export const json = (value: unknown): string =>
  JSON.stringify(value).replaceAll(/\\\\|\\u0000|\\ud[0-9a-f]{3}/g, (found) => {
    if (found === '\\u0000') return '';
    return found === '\\\\' ? found : '\\ufffd';
  });

/** @throws DarkroomError('bad_request') for a text with NUL, which no column holds and so no id has */
export function assertStorable(values: readonly unknown[]): void {
  const isBad = (value: unknown) => typeof value === 'string' && value.includes('\0');
  if (values.some((value) => isBad(value) || (Array.isArray(value) && value.some(isBad)))) {
    throw new DarkroomError('bad_request', 'A value contains a NUL character. Remove it.');
  }
}
