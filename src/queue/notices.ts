/** What the processes on one database tell each other. */
import type { Sql } from '../store/sql.ts';

/** The notification channel of all processes on this database: `work`, or `job`, `step` or `cancel` with `:ID`. */
export const CHANNEL = 'darkroom';

export const notify = (tx: Sql, notice: string) => tx.query('select pg_notify($1, $2)', [CHANNEL, notice]);
