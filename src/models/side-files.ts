/**
 * Files that are made from model files and kept: weights that were widened, rearranged or folded. onnxruntime maps them
 * into memory as it maps a model's own files. All of them can be made again, so the folder may be deleted at any time.
 *
 * For whoever makes such a file:
 * - `sourceOf(path)` of each file that it is made from belongs into the key, and a version of the code that makes it.
 * - `open(key, bytes, write)` calls `write` only where the file is not there yet. `write` is given an empty file and
 *   fills at most `bytes` bytes of it, for which room is made first.
 * - It answers undefined where there is no room or the folder cannot be written: work must go on without the file.
 * - `release()` once nothing opens the path again; what is mapped by then stays mapped. Until then no one evicts it.
 */
import { createHash } from 'node:crypto';
import {
  type FileHandle,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  statfs,
  utimes,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';

export interface SideFilesOptions {
  /** Is made where it is missing, but not the folder around it. */
  readonly folder: string;
  /** Most bytes that all files take together; 0 keeps none. */
  readonly limit: number;
}

interface SideFile {
  readonly path: string;
  /** Safe to call twice. */
  release(): void;
  /** Deletes a file that turns out to be unusable; it is made again the next time. */
  discard(): Promise<void>;
}

/** For what is written by path rather than through the file. */
export interface SideFilePlace {
  /** Where `write` may put a file of its own instead. */
  readonly part: string;
  /** The name that the file gets in its folder. */
  readonly name: string;
}

type WriteSideFile = (file: FileHandle, place: SideFilePlace) => Promise<void>;

/** Bytes of the disk that are left to others. */
const SPARE = 2_000_000_000;
/** A file without its mark is of a process that is making it, or of one that has died. */
const ABANDONED_MS = 3_600_000;
/** Another process may be opening a file that was used this recently. */
const IN_USE_MS = 60_000;
const SUFFIX = '.weights';
/** A file beside each one, that holds its length: all of its bytes have reached the disk. */
const MARK = '.whole';

/** Why a file cannot be written, where that is no mistake of whoever writes. */
const NO_ROOM: readonly unknown[] = [
  'ENOSPC',
  'EDQUOT',
  'EFBIG',
  'EROFS',
  'EACCES',
  'EPERM',
  'ENOENT',
  'ENOTDIR',
];

/** One for each folder, since it knows what this process holds. */
const known = new Map<string, SideFiles>();

export function sideFilesOf(options: SideFilesOptions): SideFiles {
  const files = known.get(options.folder) ?? new SideFiles(options);
  known.set(options.folder, files);
  // Whoever asks last has read the settings last.
  files.limit = options.limit;
  return files;
}

/** Resolves once all that was made is on the disk: for a program that ends soon, and for tests. */
export async function sideFilesSettled(): Promise<void> {
  await Promise.all([...known.values()].map((files) => files.settled()));
}

export class SideFiles {
  readonly #folder: string;
  /** As SideFilesOptions has it. */
  limit: number;
  /** Open in this process, by name; each with how many hold it. */
  readonly #holders = new Map<string, number>();
  readonly #making = new Map<string, Promise<string | undefined>>();
  readonly #syncing = new Set<Promise<void>>();

  constructor({ folder, limit }: SideFilesOptions) {
    this.#folder = folder;
    this.limit = limit;
  }

  /**
   * The file of a key; made where it is not there. Calls with one key share the work.
   * @param key what the bytes depend on: sourceOf of each source, the version of what makes them, and options
   * @param bytes the file's length at most
   * @param write fills the file; what it throws, `open` throws, but for a disk that is full or read-only
   * @returns undefined where such a file cannot be kept
   */
  async open(key: readonly string[], bytes: number, write: WriteSideFile): Promise<SideFile | undefined> {
    const name = nameOf(key);
    return this.#holding(name, async () => {
      const making = this.#making.get(name) ?? this.#findOrMake(name, bytes, write);
      this.#making.set(name, making);
      return making.finally(() => this.#making.delete(name));
    });
  }

  /** The file of a key where it is there already. */
  async find(key: readonly string[]): Promise<SideFile | undefined> {
    const name = nameOf(key);
    return this.#holding(name, () => this.#find(name));
  }

  /** Bytes of the file of a key; undefined where it is not there. */
  async size(key: readonly string[]): Promise<number | undefined> {
    const path = join(this.#folder, nameOf(key));
    return (await isWhole(path)) ? (await statOf(path))?.size : undefined;
  }

  async #holding(name: string, find: () => Promise<string | undefined>): Promise<SideFile | undefined> {
    this.#hold(name);
    try {
      const path = await find();
      if (path !== undefined) {
        return { path, release: once(() => this.#drop(name)), discard: () => remove(path) };
      }
    } catch (error) {
      this.#drop(name);
      throw error;
    }
    this.#drop(name);
    return undefined;
  }

  /** Resolves once every file that was made is safely on the disk. */
  async settled(): Promise<void> {
    await Promise.all(this.#syncing);
  }

  /** @returns bytes of all files, and how many there are; zeros where there is no folder */
  async usage(): Promise<{ bytes: number; files: number }> {
    const found = await this.#list();
    return { bytes: found.reduce((sum, { bytes }) => sum + bytes, 0), files: found.length };
  }

  async #find(name: string): Promise<string | undefined> {
    const path = join(this.#folder, name);
    if (!(await isWhole(path))) return undefined;
    const now = new Date();
    // Of a folder that is read-only by now, the files are still good.
    await utimes(path, now, now).catch(() => {});
    return path;
  }

  async #findOrMake(name: string, bytes: number, write: WriteSideFile): Promise<string | undefined> {
    const found = await this.#find(name);
    if (found !== undefined) return found;
    const path = join(this.#folder, name);
    try {
      await mkdir(this.#folder).catch((error: NodeJS.ErrnoException) => {
        if (error.code !== 'EEXIST') throw error;
      });
      return (await this.#makeRoom(bytes))
        ? await this.#make({ part: `${path}.${process.pid}.part`, name }, write)
        : undefined;
    } catch (error) {
      if (NO_ROOM.includes((error as NodeJS.ErrnoException).code)) return undefined;
      throw error;
    }
  }

  /**
   * The file can be mapped as soon as it is written; it counts as whole only once it is on the disk, since after a power
   * cut its length can be right and its bytes zeros.
   */
  async #make(place: SideFilePlace, write: WriteSideFile): Promise<string> {
    const { part, name } = place;
    const path = join(this.#folder, name);
    let written: FileHandle;
    try {
      const file = await open(part, 'w');
      await write(file, place).finally(() => file.close());
      written = await open(part);
      await rm(path + MARK, { force: true });
      await rename(part, path);
    } catch (error) {
      await rm(part, { force: true });
      throw error;
    }
    const syncing = sync(written, path).finally(() => this.#syncing.delete(syncing));
    this.#syncing.add(syncing);
    return path;
  }

  /** Deletes the least recently used files until `bytes` more fit. @returns whether they do */
  async #makeRoom(bytes: number): Promise<boolean> {
    const folder = this.#folder;
    const limit = this.limit;
    if (bytes > limit) return false;
    const now = Date.now();
    const found = await this.#list();
    let total = found.reduce((sum, one) => sum + one.bytes, 0);
    const { bavail, bsize } = await statfs(folder);
    let free = bavail * bsize - SPARE;
    for (const { name, bytes: size, isWhole, usedAt } of found) {
      const isAbandoned = !isWhole && usedAt < now - ABANDONED_MS;
      if (total + bytes <= limit && bytes <= free && !isAbandoned) continue;
      if (this.#holders.has(name) || usedAt > now - IN_USE_MS || (!isWhole && !isAbandoned)) continue;
      await remove(join(folder, name));
      total -= size;
      free += size;
    }
    return total + bytes <= limit && bytes <= free;
  }

  /** Least recently used first. */
  async #list() {
    const folder = this.#folder;
    const names = await readdir(folder).catch(() => []);
    const marks = new Set(names.filter((name) => name.endsWith(MARK)));
    const files = await Promise.all(
      names
        .filter((name) => name.includes(SUFFIX) && !marks.has(name))
        .map(async (name) => {
          const found = await statOf(join(folder, name));
          if (found === undefined) return [];
          return { name, bytes: found.size, isWhole: marks.has(name + MARK), usedAt: found.mtimeMs };
        }),
    );
    return files.flat().sort((a, b) => a.usedAt - b.usedAt);
  }

  #hold(name: string): void {
    this.#holders.set(name, (this.#holders.get(name) ?? 0) + 1);
  }

  #drop(name: string): void {
    const left = this.#holders.get(name)! - 1;
    if (left === 0) this.#holders.delete(name);
    else this.#holders.set(name, left);
  }
}

/** What a process that was ended has left unfinished. */
export async function partsOf({ folder }: SideFilesOptions, pid: number): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => name.includes(`${SUFFIX}.${pid}.part`)).map((name) => join(folder, name));
}

/** The name of a key's file. */
const nameOf = (key: readonly string[]): string =>
  createHash('sha256').update(JSON.stringify(key)).digest('hex').slice(0, 40) + SUFFIX;

/**
 * A file as the key of what is made from it: its path, and what changes with its contents.
 * @param path real path
 */
export async function sourceOf(path: string): Promise<string> {
  const { dev, ino, size, mtimeNs } = await stat(path, { bigint: true });
  return `${path} ${dev} ${ino} ${size} ${mtimeNs}`;
}

async function isWhole(path: string): Promise<boolean> {
  const [file, mark] = await Promise.all([
    statOf(path),
    readFile(path + MARK, 'utf8').catch(() => undefined),
  ]);
  return mark !== undefined && file?.size === Number(mark);
}

async function sync(written: FileHandle, path: string): Promise<void> {
  try {
    const { ino, size } = await written.stat();
    await written.datasync();
    // Another process may have put its own copy there meanwhile, and marks that one.
    if ((await statOf(path))?.ino === ino) await writeFile(path + MARK, String(size));
  } catch {
    // Without its mark it is made again the next time.
  } finally {
    await written.close();
  }
}

async function remove(path: string): Promise<void> {
  await rm(path + MARK, { force: true });
  await rm(path, { force: true, recursive: true });
}

const statOf = (path: string) => stat(path).catch(() => undefined);

function once(act: () => void): () => void {
  let done = false;
  return () => {
    if (!done) act();
    done = true;
  };
}
