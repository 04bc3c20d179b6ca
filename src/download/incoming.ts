/** What downloads have left behind that were cut off. */
import { lstat, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';

/** Holds what is not whole yet; folders that start with a dot are no models. */
const INCOMING = '.incoming';

/** Milliseconds for which it is kept: the same download goes on with it. */
const KEPT = 7 * 24 * 3600 * 1000;

/** @param folder where models lie */
export const incomingIn = (folder: string): string => join(folder, INCOMING);

/**
 * Deletes what was last written to more than seven days ago. What cannot be read or deleted stays.
 * @param folder where models lie
 * @param now milliseconds since 1970
 */
export async function sweepIncoming(folder: string, now: number): Promise<void> {
  const incoming = incomingIn(folder);
  for (const name of await readdir(incoming).catch(() => [])) {
    const path = join(incoming, name);
    const last = await lastWrite(path).catch(() => now);
    if (now - last > KEPT) await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

/** Of a folder, or of anything in it; links are not followed. */
async function lastWrite(path: string): Promise<number> {
  const found = await lstat(path);
  const inside = found.isDirectory() ? await readdir(path, { recursive: true }) : [];
  let last = found.mtimeMs;
  for (const name of inside) last = Math.max(last, (await lstat(join(path, name))).mtimeMs);
  return last;
}
