/**
 * An append-only file of JSON lines, the latest line of an id wins. It is read whole at the start and written
 * anew without what is superseded; a torn last line, as a power cut leaves it, is passed over.
 */
import { mkdir, open, readFile, rename } from 'node:fs/promises';
import { dirname } from 'node:path';

export interface Journal<T extends { readonly id: string }> {
  /** In the order in which their ids first came. */
  all(): readonly T[];
  get(id: string): T | undefined;
  /**
   * Seen by all() and get() at once.
   * @param options.durable wait until the disk has it
   * @returns when the line is handed to the system, or is on the disk
   */
  put(record: T, options?: { durable: boolean }): Promise<void>;
  remove(id: string): Promise<void>;
  /** Writes what is under way and closes the file. */
  close(): Promise<void>;
}

interface Tombstone {
  readonly id: string;
  readonly removed: true;
}

/** @param file made, with its folders, where it is not there yet */
export async function openJournal<T extends { readonly id: string }>(file: string): Promise<Journal<T>> {
  await mkdir(dirname(file), { recursive: true });
  const records = await readJournal<T>(file);
  await compact(file, records.values());
  const handle = await open(file, 'a');
  // Lines are written one after another; a failed write is its caller's to hear of, the next one goes on.
  let last: Promise<void> = Promise.resolve();
  const append = (line: T | Tombstone, durable: boolean) => {
    const written = last.then(async () => {
      await handle.appendFile(`${JSON.stringify(line)}\n`);
      if (durable) await handle.datasync();
    });
    last = written.catch(() => undefined);
    return written;
  };
  return {
    all: () => [...records.values()],
    get: (id) => records.get(id),
    put(record, options) {
      records.set(record.id, record);
      return append(record, options?.durable ?? false);
    },
    async remove(id) {
      if (records.delete(id)) await append({ id, removed: true }, false);
    },
    async close() {
      await last;
      await handle.datasync();
      await handle.close();
    },
  };
}

async function readJournal<T extends { readonly id: string }>(file: string): Promise<Map<string, T>> {
  const records = new Map<string, T>();
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return '';
    throw error;
  });
  for (const line of text.split('\n')) {
    const record = parseLine<T>(line);
    if (record === undefined) continue;
    if ('removed' in record) records.delete(record.id);
    else records.set(record.id, record);
  }
  return records;
}

function parseLine<T>(line: string): T | Tombstone | undefined {
  try {
    const value: unknown = JSON.parse(line);
    const isRecord =
      typeof value === 'object' && value !== null && 'id' in value && typeof value.id === 'string';
    return isRecord ? (value as T | Tombstone) : undefined;
  } catch {
    return undefined; // torn, or the empty end of the file
  }
}

/** The new file takes the old one's name only when the disk has all of it. */
async function compact(file: string, records: Iterable<unknown>): Promise<void> {
  const fresh = `${file}.new`;
  const handle = await open(fresh, 'w');
  try {
    for (const record of records) await handle.appendFile(`${JSON.stringify(record)}\n`);
    await handle.datasync();
  } finally {
    await handle.close();
  }
  await rename(fresh, file);
}
