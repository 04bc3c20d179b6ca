/**
 * The progress of running jobs and the notices about all jobs, over processes: workers write a job's latest progress
 * and send a notice; every process receives the notices. A notice can be lost, so whoever depends on one also looks by
 * itself now and then.
 */
import type { JobEvent } from '../job.ts';
import { type Database, json } from '../store/sql.ts';
import { CHANNEL } from './notices.ts';

export type RunningEvent = Extract<JobEvent, { state: 'running' }>;

/** Milliseconds between two writes of one job's progress. */
const PACE = 200;

/**
 * `work`: a job waits; `job`: a job has started or ended; `step`: a running job has progressed; `cancel`: a job is to
 * stop; `gap`: notices may have been missed.
 */
export type NoticeKind = 'work' | 'job' | 'step' | 'cancel' | 'gap';
/** @param job its id; empty for `work` and `gap` */
export type NoticeListener = (kind: NoticeKind, job: string) => void;

interface Progress {
  event: RunningEvent | undefined;
  isBusy: boolean;
}

export class JobEvents {
  readonly #database: Database;
  readonly #onError: (error: unknown) => void;
  readonly #listeners = new Set<NoticeListener>();
  readonly #progress = new Map<string, Progress>();
  #numbers = 0;
  #unlisten: (() => Promise<void>) | undefined;
  #isClosed = false;

  private constructor(database: Database, onError: (error: unknown) => void) {
    this.#database = database;
    this.#onError = onError;
  }

  static async open(database: Database, onError: (error: unknown) => void): Promise<JobEvents> {
    const events = new JobEvents(database, onError);
    events.#unlisten = await database.listen(
      CHANNEL,
      (payload) => {
        const [kind = '', job = ''] = payload.split(':', 2);
        events.#emit(kind as NoticeKind, job);
      },
      () => events.#emit('gap', ''),
    );
    return events;
  }

  /** @returns ends the subscription */
  subscribe(listener: NoticeListener): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Publishes a running job's progress. What comes faster than the pace is merged; the latest preview is kept. */
  publish(job: string, event: RunningEvent): void {
    const progress = this.#progress.get(job) ?? { event: undefined, isBusy: false };
    this.#progress.set(job, progress);
    const preview = event.preview ?? progress.event?.preview;
    progress.event = preview === undefined ? event : { ...event, preview };
    if (!progress.isBusy) void this.#write(job, progress);
  }

  /** A job has left this worker: progress that is not written yet is dropped. */
  forget(job: string): void {
    const progress = this.#progress.get(job);
    if (progress !== undefined) progress.event = undefined;
    this.#progress.delete(job);
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#unlisten?.();
  }

  async #write(job: string, progress: Progress): Promise<void> {
    progress.isBusy = true;
    while (progress.event !== undefined && !this.#isClosed) {
      const { preview, ...event } = progress.event;
      progress.event = undefined;
      this.#numbers += 1;
      // Only while it runs: late progress must not stand beside a job's end.
      await this.#database
        .query(
          `with written as (
             insert into darkroom.job_event (job, number, event, preview)
               select id, $2, $3, $4 from darkroom.job where id = $1 and state = 'running'
             on conflict (job) do update set number = excluded.number, event = excluded.event,
               preview = coalesce(excluded.preview, job_event.preview) returning job)
           select pg_notify('${CHANNEL}', 'step:' || job) from written`,
          [job, this.#numbers, json(event), preview ?? null],
        )
        .catch(this.#onError);
      await new Promise((resolve) => setTimeout(resolve, PACE));
    }
    progress.isBusy = false;
  }

  #emit(kind: NoticeKind, job: string): void {
    for (const listener of this.#listeners) listener(kind, job);
  }
}
