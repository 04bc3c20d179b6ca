/** Keeps an inventory up to date while the program runs. */
import { type FSWatcher, watch } from 'node:fs';
import type { Inventory } from './inventory.ts';

/** Milliseconds between two looks; a look at many files makes the pause longer. */
const LOOK_EVERY = 2000;
/** A look takes at most one part in so many of the time. */
const SHARE = 50;
/** Milliseconds after a change before a look: a file that is copied in changes many times. */
const CALM = 300;
/** Of what an operating system lets one user watch, this is a small part. */
const MOST_WATCHED = 1000;
/** The hash of a large file rests three times as long as it works: others need the disk. */
const PACE = 3;

/**
 * Looks when a folder changes, where the system says so, and now and then: network folders say nothing.
 * @param look looks and tells whoever wants to know
 */
export function watchInventory(inventory: Inventory, look: () => Promise<void>): void {
  const watchers = new Map<string, FSWatcher>();
  let timer: NodeJS.Timeout;
  const schedule = (after: number) => {
    clearTimeout(timer);
    timer = setTimeout(() => void run(), after).unref();
  };
  const follow = () => {
    const wanted = new Set(inventory.watched.slice(0, MOST_WATCHED));
    for (const [folder, watcher] of watchers) {
      if (wanted.has(folder)) continue;
      watcher.close();
      watchers.delete(folder);
    }
    for (const folder of wanted) {
      if (watchers.has(folder)) continue;
      try {
        const watcher = watch(folder, { persistent: false }, () => schedule(CALM));
        watcher.on('error', () => {
          watcher.close();
          watchers.delete(folder);
        });
        watchers.set(folder, watcher);
      } catch {
        // Too many, or a folder that is gone: the next look does without.
      }
    }
  };
  const run = async () => {
    const begun = performance.now();
    await look().catch(() => {});
    follow();
    schedule(Math.max(LOOK_EVERY, (performance.now() - begun) * SHARE));
    hashNext(inventory);
  };
  follow();
  schedule(LOOK_EVERY);
}

const hashing = new WeakSet<Inventory>();
/** Files that could not be read to their end, with their sizes. */
const unreadable = new Set<string>();

/** Hashes what has none, small files first, one after the other. */
function hashNext(inventory: Inventory): void {
  if (hashing.has(inventory) || inventory.unread > 0) return;
  const [next] = inventory
    .entries()
    .filter(({ form, sha256, kind }) => form === 'file' && sha256 === undefined && kind !== 'unknown')
    .filter(({ path, bytes }) => !unreadable.has(`${path} ${bytes}`))
    .toSorted((a, b) => a.bytes - b.bytes);
  if (next === undefined) return;
  hashing.add(inventory);
  void inventory.hash(next.path, { pace: PACE }).then((sha256) => {
    hashing.delete(inventory);
    if (sha256 === undefined) unreadable.add(`${next.path} ${next.bytes}`);
    hashNext(inventory);
  });
}
