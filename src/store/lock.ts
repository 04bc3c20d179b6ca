/**
 * One process for one data folder. The embedded database does not guard its folder, and two processes in it lose each
 * other's acknowledged writes. The lock is a lock of the operating system on a file in the folder, taken by SQLite, which
 * every Node brings: it holds between containers that share the folder, ends with its process however that ends, and
 * nothing outside the folder is written.
 *
 * The file stays when the lock is released. Where somebody deletes it by hand, a second process could lock a new one:
 * the first notices within a second and stops, and the second waits for that.
 */
import { existsSync, readFileSync, realpathSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as sleep } from 'node:timers/promises';
import { DarkroomError } from '../errors.ts';

export interface FolderLock {
  /** @throws DarkroomError('misconfigured') where the file that is locked is no longer the folder's */
  assertHeld(): void;
  /** Safe to call twice. */
  release(): void;
}

/** Milliseconds for which a look at the file is good. */
const FRESH = 250;
/** Milliseconds in which a holder notices that its file was deleted, with room to spare. */
const NOTICED = 3000;
/** SQLite's code of a lock that another connection holds. */
const BUSY = 5;

/**
 * @param folder an existing data folder
 * @throws DarkroomError('misconfigured') that names the process which holds it
 */
export async function lockFolder(folder: string): Promise<FolderLock> {
  const real = realpathSync(folder);
  const file = join(real, 'lock');
  const holder = join(real, 'lock-holder');
  const isMissing = !existsSync(file) && existsSync(join(real, 'database'));
  const connection = new DatabaseSync(file);
  try {
    // No journal: nothing is ever written to it.
    connection.exec('pragma journal_mode = off; begin exclusive');
  } catch (error) {
    connection.close();
    if ((error as { errcode?: number }).errcode === BUSY) throw inUse(folder, holder);
    throw error;
  }
  const locked = statSync(file);
  let checkedAt = performance.now();
  let isReleased = false;
  const lock: FolderLock = {
    assertHeld() {
      if (performance.now() - checkedAt < FRESH) return;
      const now = statSync(file, { throwIfNoEntry: false });
      if (now?.ino !== locked.ino || now.dev !== locked.dev) throw takenAway(folder);
      checkedAt = performance.now();
    },
    release() {
      if (isReleased) return;
      isReleased = true;
      connection.close();
    },
  };
  if (isMissing) await sleep(NOTICED);
  try {
    lock.assertHeld();
    writeFileSync(holder, `${process.pid} ${hostname()}\n`, { mode: 0o600 });
  } catch (error) {
    lock.release();
    throw error;
  }
  return lock;
}

function inUse(folder: string, holder: string): DarkroomError {
  return new DarkroomError(
    'misconfigured',
    `The data folder ${folder} is in use by ${nameOf(holder)}. Stop it, or set DARKROOM_DATA to another folder.`,
  );
}

const takenAway = (folder: string) =>
  new DarkroomError(
    'misconfigured',
    `The lock of the data folder ${folder} was deleted or replaced while this process held it, so another process may use the folder. This process stops; start it again.`,
  );

function nameOf(holder: string): string {
  try {
    const [pid, host] = readFileSync(holder, 'utf8').trim().split(' ');
    return host === hostname() ? `process ${pid}` : `process ${pid} on ${host}`;
  } catch {
    return 'another process';
  }
}
