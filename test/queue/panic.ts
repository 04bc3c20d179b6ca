/** Loaded ahead of a program: from SIGUSR2 on its embedded database says what it says on a full disk. */
import { PGlite } from '@electric-sql/pglite';

let isFull = false;
process.on('SIGUSR2', () => {
  isFull = true;
});

const query = PGlite.prototype.query;
PGlite.prototype.query = function (this: PGlite, ...given: Parameters<typeof query>) {
  if (!isFull) return query.apply(this, given);
  const error = new Error('could not write to file "pg_wal/xlogtemp.42": No space left on device');
  return Promise.reject(Object.assign(error, { severity: 'PANIC', code: '53100' }));
} as typeof query;
