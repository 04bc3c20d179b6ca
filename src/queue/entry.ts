/** A job as the queue keeps it: its state, what it has used, and those who watch it. */
import type { Job, JobEvent, Run } from '../job.ts';

export class Entry {
  readonly job: Job;
  readonly weight: number;
  /** Seconds on the queue's clock. */
  readonly submittedAt: number;
  seatedAt: number | undefined;
  event: JobEvent;
  run: Run | undefined;
  step = 0;
  /** GPU seconds charged for the attempt under way. */
  charged = 0;
  /** Times the engine died under this very job. */
  losses = 0;
  /** Which life of the engine the run was opened in. */
  life = 0;
  /** Aborted to take the job out of the waiting line; never once it has a seat (p-queue would free the seat). */
  readonly leaveLine = new AbortController();
  readonly #watchers = new Set<(event: JobEvent) => void>();

  constructor(job: Job, weight: number, submittedAt: number, event: JobEvent) {
    this.job = job;
    this.weight = weight;
    this.submittedAt = submittedAt;
    this.event = event;
  }

  get finished(): boolean {
    return isFinal(this.event);
  }

  /** Tells the watchers; nothing follows a final event. */
  tell(event: JobEvent): void {
    if (this.finished) return;
    this.event = event;
    for (const watcher of this.#watchers) watcher(event);
  }

  /**
   * The state as it stands, then each change, to the final one. A reader that lags skips to the newest state,
   * and keeps the newest preview on the way.
   */
  async *watch(): AsyncGenerator<JobEvent, void, undefined> {
    let next: JobEvent | undefined = this.event;
    let wake = () => {};
    const watcher = (event: JobEvent) => {
      next = keepPreview(next, event);
      wake();
    };
    this.#watchers.add(watcher);
    try {
      while (true) {
        if (next === undefined) {
          const { promise, resolve } = Promise.withResolvers<void>();
          wake = resolve;
          await promise;
          continue;
        }
        const event: JobEvent = next;
        next = undefined;
        yield event;
        if (isFinal(event)) return;
      }
    } finally {
      this.#watchers.delete(watcher);
    }
  }
}

function isFinal({ state }: JobEvent): boolean {
  return state === 'done' || state === 'failed' || state === 'cancelled';
}

function keepPreview(skipped: JobEvent | undefined, event: JobEvent): JobEvent {
  if (skipped?.state !== 'running' || event.state !== 'running') return event;
  const preview = event.preview ?? skipped.preview;
  return preview === undefined ? event : { ...event, preview };
}
