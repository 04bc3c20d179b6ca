/** Files that were looked at, and whether they are still what they were. */
import { stat } from 'node:fs/promises';

export class SeenFiles {
  /** What was there, by path. */
  readonly #seen = new Map<string, string>();

  /** Before the file is read: a change in the middle of reading is a change. */
  async note(path: string): Promise<void> {
    if (!this.#seen.has(path)) this.#seen.set(path, await identityOf(path));
  }

  /** Same file, same size, same time of its last change. What was missing must still be missing. */
  async areUnchanged(): Promise<boolean> {
    const now = await Promise.all(
      [...this.#seen].map(async ([path, before]) => (await identityOf(path)) === before),
    );
    return now.every((isSame) => isSame);
  }

  /** Another one for each change. */
  get version(): string {
    return [...this.#seen].map(([path, identity]) => `${path} ${identity}`).join('\n');
  }
}

/** '' where there is nothing. Links are followed. */
async function identityOf(path: string): Promise<string> {
  const found = await stat(path, { bigint: true }).catch(() => undefined);
  return found === undefined ? '' : `${found.dev} ${found.ino} ${found.size} ${found.mtimeNs}`;
}
