/**
 * What the store does by itself while it is open: it deletes the bytes of pictures that went with their jobs, uploads
 * whose job never came, writes the words of pictures for the search, and, in the embedded database's files, the remains of words that were deleted.
 */
import type { GalleryStore } from './gallery.ts';
import type { PictureStore } from './pictures.ts';
import type { Database } from './sql.ts';

interface Upkeep {
  close(): Promise<void>;
}

/** Milliseconds between two looks for pictures that went with their jobs. */
const CONDEMNED = 5000;
/** Pictures whose words are written at a time; an upgrade has many. */
const INDEXED = 500;
/** Milliseconds in which a job has to follow its uploads. */
const UNCLAIMED = 10 * 60_000;
/** Milliseconds between two rewrites of tables that words were deleted from, and until the first one. */
const REWRITE = 24 * 60 * 60_000;
const FIRST_REWRITE = 10 * 60_000;

export function startUpkeep(
  {
    database,
    pictures,
    gallery,
  }: {
    readonly database: Database;
    readonly pictures: PictureStore;
    readonly gallery: Pick<GalleryStore, 'index'>;
  },
  onError: (error: unknown) => void,
): Upkeep {
  let last: Promise<unknown> = Promise.resolve();
  // One after another, and never more than one that waits.
  const every = (milliseconds: number, work: () => Promise<unknown>) => {
    let isWaiting = false;
    const timer = setInterval(() => {
      if (isWaiting) return;
      isWaiting = true;
      last = last
        .then(() => {
          isWaiting = false;
          return work();
        })
        .catch(onError);
    }, milliseconds);
    return timer.unref();
  };
  const removeUnclaimed = createUnclaimedSweep(pictures);
  let rewriting: NodeJS.Timeout | undefined;
  const timers = [
    every(CONDEMNED, () => pictures.removeCondemned()),
    every(CONDEMNED, () => gallery.index(INDEXED)),
    every(UNCLAIMED, removeUnclaimed),
    setTimeout(() => {
      last = last.then(() => rewriteDeleted(database)).catch(onError);
      rewriting = every(REWRITE, () => rewriteDeleted(database));
    }, FIRST_REWRITE).unref(),
  ];
  return {
    async close() {
      for (const timer of timers) clearTimeout(timer);
      clearTimeout(rewriting);
      await last;
    },
  };
}

/** An upload that has no job in two sweeps is nobody's: its job was refused, or its process died in between. */
export function createUnclaimedSweep(pictures: PictureStore): () => Promise<void> {
  let before: ReadonlySet<string> = new Set();
  return async () => {
    const now = new Set(await pictures.listUnclaimed());
    for (const id of now) if (before.has(id)) await pictures.remove(id);
    before = now;
  };
}

/**
 * PostgreSQL leaves deleted rows in its files until their space is used again. In the embedded database the tables that
 * words were deleted from are rewritten, and the old files and write-ahead logs deleted; a server has its own
 * schedule (docs/security.md).
 */
export async function rewriteDeleted(database: Database): Promise<void> {
  if (database.kind !== 'embedded') return;
  const [row] = await database.query<{ forgotten: string; rewritten: string }>(
    `select (select count from darkroom.counter where name = 'forgotten') as forgotten,
       (select count from darkroom.counter where name = 'rewritten') as rewritten`,
  );
  if (row!.forgotten === row!.rewritten) return;
  for (const table of ['job', 'message', 'picture_bytes', 'delivery']) {
    await database.query(`vacuum full darkroom.${table}`);
  }
  await database.query("update darkroom.counter set count = $1 where name = 'rewritten'", [row!.forgotten]);
  // The words may lie in the log that is written to now: a new one is begun, so that the checkpoints can let go of it.
  await database.query('select pg_switch_wal()');
  // The second one lets go of the log that the first one was written in.
  await database.query('checkpoint');
  await database.query('checkpoint');
}
