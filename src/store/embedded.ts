/** PGlite, PostgreSQL inside this process, behind the Database door: durable, and the only one in its folder. */
import { existsSync, fsyncSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { DarkroomError, DiskFull } from '../errors.ts';
import { makeFolder } from '../make-folder.ts';
import { DatabaseError } from './database-error.ts';
import { layOutDatabase } from './empty.ts';
import { type FolderLock, lockFolder } from './lock.ts';
import { assertStorable, type Database, type Row, type Sql } from './sql.ts';

export interface Embedded extends Database {
  readonly kind: 'embedded';
  /** For pg-boss, whose adapter takes PGlite itself. */
  readonly pglite: PGlite;
  /** Resolves where it cannot go on in this process: its log had no room, or its folder may be another's. */
  readonly lost: Promise<DarkroomError>;
}

/**
 * PGlite starts PostgreSQL with -F, which leaves every write to the system's mercy; without it the calls are made,
 * and syncNodeFiles has them reach the disk.
 */
const START = PGlite.defaultStartParams.filter((param) => param !== '-F');
/** Where PGlite's own file system has the data folder. */
const DATA = '/pglite/data';
/** `open_datasync` and `fdatasync` do not pass through the place that syncNodeFiles hooks. */
const SYNC = ['-c', 'wal_sync_method=fsync'];
/** A log that is no longer needed is deleted: a recycled one would keep words that were deleted since. */
const LOG = ['-c', 'wal_recycle=off'];
/** PostgreSQL's own buffers never shrink inside this process; the system caches the files as well. */
const MEMORY = ['-c', 'shared_buffers=16MB', '-c', 'maintenance_work_mem=8MB'];

/**
 * @param folder DARKROOM_DATA; made where it is missing
 * @param options.isMadeAnew has PostgreSQL make an empty database's files instead of unpacking them
 * @throws DarkroomError('misconfigured') where the folder is another process's, cannot be written or is full
 */
export async function openEmbedded(
  folder: string,
  { isMadeAnew = false }: { readonly isMadeAnew?: boolean } = {},
): Promise<Embedded> {
  const lock = await claimFolder(folder);
  const data = join(folder, 'database');
  try {
    requireVersion(data);
    if (!isMadeAnew && !existsSync(data)) layOutDatabase(data);
  } catch (cause) {
    lock.release();
    throw cause instanceof DarkroomError ? cause : unusable(folder, cause);
  }
  const pglite = new PGlite({
    dataDir: data,
    startParams: [...START, ...SYNC, ...LOG, ...MEMORY],
    initDbStartParams: ['--wal-segsize=1'],
  });
  try {
    await pglite.waitReady;
    syncNodeFiles(pglite);
  } catch (cause) {
    lock.release();
    if (cause instanceof DarkroomError) throw cause;
    throw new DarkroomError(
      'misconfigured',
      `The database in ${data} cannot be opened. Restore it from a backup, or set DARKROOM_DATA to another folder.`,
      { cause },
    );
  }
  const { promise: lost, resolve: lose } = Promise.withResolvers<DarkroomError>();
  const assertHeld = () => {
    try {
      lock.assertHeld();
    } catch (error) {
      lose(error as DarkroomError);
      throw error;
    }
  };
  const fence = setInterval(() => {
    try {
      assertHeld();
    } catch {
      // Whoever waits for `lost` knows.
      clearInterval(fence);
    }
  }, FENCE);
  fence.unref();
  const sqlOf = (pglite: Pick<PGlite, 'query'>): Sql => ({
    async query<R extends Row>(text: string, values: readonly unknown[] = []) {
      assertHeld();
      assertStorable(values);
      const { rows } = await pglite.query<R>(text, [...values]).catch((error: unknown) => {
        const reduced = DatabaseError.of(error, text);
        if (reduced.code !== DISK_FULL) throw reduced;
        if (reduced.severity === 'PANIC') lose(stoppedBy(reduced));
        throw new DiskFull(reduced);
      });
      return rows;
    },
  });
  return {
    kind: 'embedded',
    pglite,
    lost,
    query: sqlOf(pglite).query,
    transaction: (work) =>
      pglite
        .transaction((tx) => work(sqlOf(tx)))
        .catch((error: unknown) => {
          throw isOurs(error) ? error : DatabaseError.of(error, 'commit');
        }),
    async script(text) {
      await pglite.exec(text);
    },
    async listen(channel, onNotice) {
      const stop = await pglite.listen(channel, onNotice);
      return () => (pglite.closed ? Promise.resolve() : stop());
    },
    async close() {
      clearInterval(fence);
      // A folder that may be another's is left as it is.
      lock.assertHeld();
      await pglite.close();
      lock.release();
    },
  };
}

/** Milliseconds between two looks at the lock. */
const FENCE = 1000;
/** PostgreSQL's code of a disk without room. */
const DISK_FULL = '53100';

/** A server would restart by itself here; this one is part of the process. */
const stoppedBy = (cause: unknown) =>
  new DarkroomError(
    'internal',
    'The embedded database had to stop: its disk is full. Free some space, then start Darkroom again; accepted jobs are not lost.',
    { cause },
  );

/** PostgreSQL does not read the files of another of its major versions. */
const POSTGRES = '18';

function requireVersion(data: string): void {
  const file = join(data, 'PG_VERSION');
  const version = existsSync(file) ? readFileSync(file, 'utf8').trim() : POSTGRES;
  if (version === POSTGRES) return;
  throw new DarkroomError(
    'misconfigured',
    `The database in ${data} was made by PostgreSQL ${version}, and this release has PostgreSQL ${POSTGRES}. With the release of Darkroom that made it, run darkroom backup; then run darkroom restore with this one, into a new DARKROOM_DATA.`,
  );
}

async function claimFolder(folder: string): Promise<FolderLock> {
  try {
    await makeFolder(folder, 0o700);
    const probe = join(folder, '.probe');
    writeFileSync(probe, 'x', { flush: true });
    rmSync(probe);
    return await lockFolder(folder);
  } catch (cause) {
    if (cause instanceof DarkroomError) throw cause;
    throw unusable(folder, cause);
  }
}

function unusable(folder: string, cause: unknown): DarkroomError {
  const { code } = cause as NodeJS.ErrnoException;
  const why =
    code === 'ENOSPC'
      ? 'its disk is full'
      : code === 'EROFS'
        ? 'its disk is read-only'
        : 'it cannot be written';
  return new DarkroomError(
    'misconfigured',
    `The data folder ${folder} cannot be used: ${why}. Free it, or set DARKROOM_DATA to another folder.`,
    { cause },
  );
}

/** Thrown by us or by what works inside a transaction, not by PGlite. */
const isOurs = (error: unknown) =>
  !(error instanceof Error) || !('severity' in error || 'params' in error) || error instanceof DatabaseError;

/** As much of emscripten's file system as the hook needs. */
interface Mount {
  readonly mountpoint: string;
  readonly type: { readonly stream_ops?: { fsync?: (stream: { readonly nfd: number }) => number } };
}
interface Files {
  readonly root?: { readonly mount?: { readonly mounts?: readonly Mount[] } };
}

/** PGlite's fsync does nothing over Node's files: this makes it reach the disk. */
function syncNodeFiles(pglite: PGlite): void {
  const { root } = pglite.Module.FS as unknown as Files;
  const operations = root?.mount?.mounts?.find(({ mountpoint }) => mountpoint === DATA)?.type.stream_ops;
  if (operations === undefined || operations.fsync !== undefined) {
    throw new DarkroomError(
      'internal',
      'This version of the embedded database cannot be made to write to the disk for certain. Use the version that Darkroom names, or a PostgreSQL server by DATABASE_URL.',
    );
  }
  operations.fsync = ({ nfd }) => {
    fsyncSync(nfd);
    return 0;
  };
}
