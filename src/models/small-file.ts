/** Small files of words beside larger ones. */
import { open } from 'node:fs/promises';
import { DarkroomError } from '../errors.ts';
import type { SeenFiles } from './seen.ts';

const MAX_BYTES = 1_000_000;

/**
 * @returns undefined where there is no such regular file
 * @throws DarkroomError('bad_model') where it is too large
 */
export async function readSmallText(
  path: string,
  seen: SeenFiles,
  label: string,
): Promise<string | undefined> {
  await seen.note(path);
  const handle = await open(path, 'r').catch(() => undefined);
  if (handle === undefined) return undefined;
  try {
    const found = await handle.stat();
    if (!found.isFile()) return undefined;
    if (found.size > MAX_BYTES) {
      throw new DarkroomError('bad_model', `${label} has ${found.size} bytes; the limit is ${MAX_BYTES}.`);
    }
    return await handle.readFile('utf8');
  } finally {
    await handle.close();
  }
}
