/** Makes folders that a path lacks. */
import { mkdir, stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

/**
 * What fs.mkdir does with `recursive`, but for where the last folder that is there takes none: under /proc that function never
 * comes back (measured with Node 24.21), and keeps a core busy.
 * @throws the system's error, of the first folder that cannot be made
 */
export async function makeFolder(path: string, mode?: number): Promise<void> {
  const missing: string[] = [];
  for (let at = resolve(path); !(await isFolder(at)); at = dirname(at)) missing.unshift(at);
  for (const folder of missing) {
    try {
      await mkdir(folder, mode);
    } catch (error) {
      // Another process may have made it meanwhile.
      if (!(await isFolder(folder))) throw error;
    }
  }
}

/** A path that cannot be looked at counts as one that is not there: to make it fails for the same reason. */
const isFolder = async (path: string): Promise<boolean> =>
  path === dirname(path) || (await stat(path).catch(() => undefined))?.isDirectory() === true;
