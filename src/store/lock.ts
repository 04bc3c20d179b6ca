/**
 * One process for one data folder. The embedded database does not guard its folder, and two processes in it lose
 * each other's acknowledged writes. The lock is a file beside the folder (`data.lock`), so that a copied or
 * restored folder brings no stale lock with it; it names the process, and is taken over only from a dead one.
 */
import { linkSync, readFileSync, realpathSync, rmSync, unlinkSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { DarkroomError } from '../errors.ts';

/**
 * @param folder an existing data folder
 * @returns gives the folder free
 * @throws DarkroomError('misconfigured') that names the process which holds it
 */
export function lockFolder(folder: string): () => void {
  const real = realpathSync(folder);
  const file = join(dirname(real), `${basename(real)}.lock`);
  const mark = `${process.pid} ${startOf(process.pid) ?? ''}`.trim();
  const own = `${file}.${process.pid}`;
  writeFileSync(own, `${mark}\n`);
  try {
    // A link is made or refused in one step, and its file is never seen half written.
    while (!tryLink(own, file)) {
      const holder = readHolder(file);
      if (holder !== undefined) {
        throw new DarkroomError(
          'misconfigured',
          `The data folder ${folder} is in use by process ${holder}. Stop it, or set DARKROOM_DATA to another folder.`,
        );
      }
      rmSync(file, { force: true });
    }
  } finally {
    unlinkSync(own);
  }
  return () => {
    if (readText(file) === mark) rmSync(file, { force: true });
  };
}

function tryLink(from: string, to: string): boolean {
  try {
    linkSync(from, to);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** @returns the live process named in the file; undefined where there is none */
function readHolder(file: string): number | undefined {
  const [pid, start] = readText(file).split(' ');
  const holder = Number(pid);
  if (!Number.isInteger(holder) || holder <= 0 || !isAlive(holder)) return undefined;
  // Numbers of processes are given out again: the start time tells the old one from a new one.
  const isSame = start === undefined || startOf(holder) === undefined || startOf(holder) === start;
  return isSame ? holder : undefined;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8').trim();
  } catch {
    return '';
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}

/** Start time in clock ticks since boot where the system tells it (Linux). */
function startOf(pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // The name in brackets may hold spaces; field 22 is the 20th behind it.
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')[19];
  } catch {
    return undefined;
  }
}
