/** Files that were looked at, and whether they are still what they were. */
import { type FileHandle, stat } from 'node:fs/promises';
import { basename } from 'node:path';
import type { StoredTensor } from '../graph/component.ts';
import { FilesChanged } from '../job.ts';
import { sentence } from '../sentences.ts';

export class SeenFiles {
  /** What was there, by path. */
  readonly #seen = new Map<string, string>();

  /** Before the file is read: a change in the middle of reading is a change. */
  async note(path: string): Promise<void> {
    if (!this.#seen.has(path)) this.#seen.set(path, await identityOf(path));
  }

  /** Whether there is such a file; noted either way. */
  async isThere(path: string): Promise<boolean> {
    await this.note(path);
    return this.#seen.get(path) !== '';
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
  return found === undefined ? '' : identityIn(found);
}

interface Status {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly size: bigint;
  readonly mtimeNs: bigint;
}

const identityIn = ({ dev, ino, size, mtimeNs }: Status): string => `${dev} ${ino} ${size} ${mtimeNs}`;

/** What StoredTensor.version says of the tensors of an open file. */
export const versionOf = async (handle: FileHandle): Promise<string> =>
  identityIn(await handle.stat({ bigint: true }));

/**
 * For whoever has just opened weights by their paths: they lie where the header said only in the same file.
 * @throws FilesChanged
 */
export async function requireSameFiles(tensors: Iterable<StoredTensor>): Promise<void> {
  await Promise.all(
    Array.from(versionsOf(tensors), async ([file, version]) => {
      if ((await identityOf(file)) !== version) throw filesChanged(file);
    }),
  );
}

/**
 * For whoever has had weights mapped: a file that another one has replaced, or that was deleted, stays as it was for
 * those who have it open; one that was written to in place does not.
 * @throws FilesChanged
 */
export async function requireUntouched(tensors: Iterable<StoredTensor>): Promise<void> {
  await Promise.all(
    Array.from(versionsOf(tensors), async ([file, version]) => {
      const now = await identityOf(file);
      if (now !== version && inodeOf(now) === inodeOf(version)) throw filesChanged(file);
    }),
  );
}

/** Device and inode. */
const inodeOf = (identity: string): string => identity.split(' ', 2).join(' ');

function versionsOf(tensors: Iterable<StoredTensor>): Map<string, string> {
  const versions = new Map<string, string>();
  for (const { file, version } of tensors) if (version !== undefined) versions.set(file, version);
  return versions;
}

export const filesChanged = (file: string): FilesChanged =>
  new FilesChanged('bad_model', sentence('models.files_changed', { file: basename(file) }));
