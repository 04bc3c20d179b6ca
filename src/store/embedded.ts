/** PGlite, PostgreSQL inside this process, behind the Database door: durable, and alone in its folder. */

import { existsSync, fsyncSync, rmSync, writeFileSync } from 'node:fs';
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { PGlite } from '@electric-sql/pglite';
import { DarkroomError, DiskFull } from '../errors.ts';
import { layOutDatabase } from './empty.ts';
import { lockFolder } from './lock.ts';
import type { Database, Row, Sql } from './sql.ts';

export interface Embedded extends Database {
  readonly kind: 'embedded';
  /** For pg-boss, whose adapter wants the thing itself. */
  readonly pglite: PGlite;
  /** Why it cannot go on in this process: there was no room to write down what changes. */
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
 * @param folder DARKROOM_DATA; made where it is not there yet
 * @param options.isMadeAnew has PostgreSQL make an empty database's files, in place of the packed ones
 * @throws DarkroomError('misconfigured') where the folder is another process's, cannot be written or is full
 */
export async function openEmbedded(
  folder: string,
  { isMadeAnew = false }: { readonly isMadeAnew?: boolean } = {},
): Promise<Embedded> {
  const unlock = await claimFolder(folder);
  const data = join(folder, 'database');
  try {
    if (!isMadeAnew && !existsSync(data)) layOutDatabase(data);
  } catch (cause) {
    unlock();
    throw unusable(folder, cause);
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
    unlock();
    if (cause instanceof DarkroomError) throw cause;
    throw new DarkroomError(
      'misconfigured',
      `The database in ${data} cannot be opened. Restore it from a backup, or set DARKROOM_DATA to another folder.`,
      { cause },
    );
  }
  const { promise: lost, resolve: lose } = Promise.withResolvers<DarkroomError>();
  const refuse = (error: unknown): never => {
    const { code, severity } = error as { code?: string; severity?: string };
    if (code !== DISK_FULL) throw error;
    if (severity === 'PANIC') lose(stoppedBy(error));
    throw new DiskFull(error);
  };
  return {
    kind: 'embedded',
    pglite,
    lost,
    query: sqlOf(pglite, refuse).query,
    transaction: (work) => pglite.transaction((tx) => work(sqlOf(tx, refuse))).catch(refuse),
    async script(text) {
      await pglite.exec(text);
    },
    async listen(channel, onNotice) {
      const stop = await pglite.listen(channel, onNotice);
      return () => (pglite.closed ? Promise.resolve() : stop());
    },
    async close() {
      await pglite.close();
      unlock();
    },
  };
}

function sqlOf(pglite: Pick<PGlite, 'query'>, refuse: (error: unknown) => never): Sql {
  return {
    async query<R extends Row>(text: string, values: readonly unknown[] = []) {
      return (await pglite.query<R>(text, [...values]).catch(refuse)).rows;
    },
  };
}

/** PostgreSQL's code of a disk without room. */
const DISK_FULL = '53100';

/** A server would start anew by itself here; this one is part of the process. */
const stoppedBy = (cause: unknown) =>
  new DarkroomError(
    'internal',
    'The embedded database had to stop: its disk is full. Free some of it, then start again; what was accepted is not lost.',
    { cause },
  );

async function claimFolder(folder: string): Promise<() => void> {
  try {
    await mkdir(folder, { recursive: true });
    const probe = join(folder, '.probe');
    writeFileSync(probe, 'x', { flush: true });
    rmSync(probe);
    return lockFolder(folder);
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
