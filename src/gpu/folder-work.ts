/** Work on the folder of the CUDA libraries: one process at a time, and what the disk refuses is said in words. */
import { createHash } from 'node:crypto';
import { createServer } from 'node:net';
import { resolve } from 'node:path';
import { DarkroomError } from '../errors.ts';

/** What the system says of a disk. */
const REASONS: Readonly<Record<string, string>> = {
  ENOSPC: 'the disk is full',
  EDQUOT: 'the quota of the disk is used up',
  EFBIG: 'the disk takes no file of that size',
  EIO: 'the disk reports an error',
  EROFS: 'it cannot be written to',
  EACCES: 'it cannot be written to',
  EPERM: 'it cannot be written to',
  ENOTDIR: 'a part of its path is a file',
  EEXIST: 'a part of its path is a file, or a link that leads nowhere',
  ENOENT: 'it cannot be made there, or a part of it has gone meanwhile',
};

/** @throws DarkroomError where another process works on the folder, or the disk does not take what is written */
export async function onFolder<T>(folder: string, work: () => Promise<T>): Promise<T> {
  const release = await takeFolder(folder);
  try {
    return await work();
  } catch (error) {
    const code = (error as { code?: unknown } | null)?.code;
    if (typeof code !== 'string' || !Object.hasOwn(REASONS, code)) throw error;
    throw new DarkroomError(
      'misconfigured',
      `The folder ${folder} cannot be used: ${REASONS[code]}. Mend that, or set XDG_CACHE_HOME to another folder; what was fetched is kept.`,
      { cause: error },
    );
  } finally {
    release();
  }
}

/** A name of the system's that ends with the process, however it ends: Linux's abstract sockets (man 7 unix). */
async function takeFolder(folder: string): Promise<() => void> {
  const name = createHash('sha256').update(resolve(folder)).digest('hex').slice(0, 32);
  const server = createServer((connection) => connection.destroy());
  await new Promise<void>((taken, refused) => {
    server.once('error', (cause: NodeJS.ErrnoException) =>
      refused(
        cause.code === 'EADDRINUSE'
          ? new DarkroomError(
              'forbidden',
              `Another darkroom gpu command works on ${folder}. Wait until it has ended.`,
              { cause },
            )
          : cause,
      ),
    );
    server.listen(`\0darkroom-${name}`, taken);
  });
  return () => void server.close();
}
