/** The order of p-queue's tasks by fair share: its queueClass, for the seats and for the GPU. */
import type { QueueAddOptions } from 'p-queue';
import type { FairShare } from './fair-share.ts';

export type Task = () => Promise<unknown>;

export interface FairOptions extends QueueAddOptions {
  readonly user: string;
  /** Before the user's other tasks; between users only the share counts. */
  readonly first?: boolean;
}

interface Entry {
  readonly run: Task;
  readonly id: string;
  priority: number;
}

export interface FairQueueRules {
  readonly share: FairShare;
  /** Users whose tasks have to wait whatever their share. */
  readonly barred?: ReadonlySet<string>;
  /** Called when a task of this user is taken, before it runs. */
  onTake(user: string): void;
}

/** p-queue makes its queue itself, without arguments, and again on clear(): the rules come from outside. */
export function fairQueueClass({ share, barred, onTake }: FairQueueRules) {
  return class FairQueue {
    readonly #lines = new Map<string, Entry[]>();

    /** Tasks that may be taken now: p-queue takes one whenever this is above 0. */
    get size(): number {
      return this.#eligible().reduce((sum, [, line]) => sum + line.length, 0);
    }

    enqueue(run: Task, options?: Partial<FairOptions>): void {
      const { user = '', id = '', priority = 0, first = false } = options ?? {};
      const line = this.#lines.get(user) ?? [];
      const entry = { run, id, priority };
      if (first) line.unshift(entry);
      else line.push(entry);
      this.#lines.set(user, line);
    }

    dequeue(): Task | undefined {
      const lines = this.#eligible();
      if (lines.length === 0) return undefined;
      const [user, line] = lines.reduce((a, b) => (share.tagOf(b[0]) < share.tagOf(a[0]) ? b : a));
      const entry = line.shift();
      if (line.length === 0) this.#lines.delete(user);
      onTake(user);
      return entry?.run;
    }

    remove(id: string): void {
      for (const [user, line] of this.#lines) {
        const kept = line.filter((entry) => entry.id !== id);
        if (kept.length === 0) this.#lines.delete(user);
        else this.#lines.set(user, kept);
      }
    }

    filter({ priority }: Readonly<Partial<FairOptions>>): Task[] {
      const entries = [...this.#lines.values()].flat();
      return entries.filter((entry) => entry.priority === (priority ?? 0)).map(({ run }) => run);
    }

    /** Order within one user's own line. */
    setPriority(id: string, priority: number): void {
      const line = [...this.#lines.values()].find((entries) => entries.some((entry) => entry.id === id));
      const entry = line?.find((candidate) => candidate.id === id);
      if (line === undefined || entry === undefined) throw new ReferenceError(`No task ${id} is waiting.`);
      entry.priority = priority;
      line.sort((a, b) => b.priority - a.priority);
    }

    #eligible(): [string, Entry[]][] {
      return [...this.#lines].filter(([user]) => barred?.has(user) !== true);
    }
  };
}
