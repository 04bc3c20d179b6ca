/**
 * Jobs as those who wait for them see them: one reader for all of this process, so that what an event costs does not
 * grow with the number of watchers. One query reads the jobs that have changed, one forecast serves all that wait.
 */

import { DarkroomError, describeError } from '../errors.ts';
import type { JobEvent, JobState, StoredPicture } from '../job.ts';
import { sentence } from '../sentences.ts';
import type { Database } from '../store/sql.ts';
import { type Forecast, placeOfUnseen } from './forecast.ts';
import type { JobEvents, NoticeKind, RunningEvent } from './job-events.ts';
import type { Place } from './simulation.ts';

/** Milliseconds after which all watched jobs are read without a notice. */
const POLL = 2000;
/** Milliseconds in which notices are gathered for one query. */
const GATHER = 20;
/** A position or a time left is announced once it has changed by this part of what was announced last. */
const CHANGE = 0.1;

interface WatchedJob {
  readonly id: string;
  watchers: number;
  /** As it was read last; empty before. */
  state: JobState | '';
  number: number;
  /** Milliseconds of performance.now() when it was first read as queued. */
  queuedAt: number;
  event: JobEvent | undefined;
  version: number;
  change: PromiseWithResolvers<void>;
}

interface ChangedRow {
  readonly [column: string]: unknown;
  readonly id: string;
  readonly state: JobState;
  readonly error: Extract<JobEvent, { state: 'failed' }>['error'] | null;
  readonly event: Omit<RunningEvent, 'preview'> | null;
  readonly preview: Uint8Array | null;
  readonly number: number;
  /** Estimated GPU-seconds of all of it. */
  readonly cost: number;
  /** Of a running job those that are finished. */
  readonly finished: readonly StoredPicture[];
}

export class JobWatch {
  readonly #database: Database;
  readonly #forecast: Forecast;
  readonly #onError: (error: unknown) => void;
  readonly #jobs = new Map<string, WatchedJob>();
  readonly #stale = new Set<string>();
  readonly #unsubscribe: () => void;
  readonly #polling: NodeJS.Timeout;
  readonly #closing = new AbortController();
  /** Under way, or done. */
  #reading: Promise<void> | undefined;
  #forecasting: Promise<void> | undefined;
  /** Whether the queue has changed since the last forecast. */
  #isMoved = false;

  constructor(database: Database, forecast: Forecast, events: JobEvents, onError: (error: unknown) => void) {
    this.#database = database;
    this.#forecast = forecast;
    this.#onError = onError;
    this.#unsubscribe = events.subscribe((kind, job) => this.#onNotice(kind, job));
    this.#polling = setInterval(() => this.#lookAtAll(), POLL);
    this.#polling.unref();
  }

  /** The job's present state, then each change, to the final one. A watcher that lags skips to the latest. */
  async *watch(id: string): AsyncGenerator<JobEvent, void, undefined> {
    const job = this.#jobs.get(id) ?? newJob(id);
    this.#jobs.set(id, job);
    job.watchers += 1;
    this.#read(id);
    let seen = 0;
    try {
      while (!this.#isClosed) {
        const { event, version, change } = job;
        if (event === undefined || version === seen) {
          await change.promise;
          continue;
        }
        seen = version;
        yield event;
        if (isFinal(event.state)) return;
      }
    } finally {
      job.watchers -= 1;
      if (job.watchers === 0) this.#jobs.delete(id);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort();
    this.#unsubscribe();
    clearInterval(this.#polling);
    for (const { change } of this.#jobs.values()) change.resolve();
    await Promise.all([this.#reading, this.#forecasting]);
  }

  get #isClosed(): boolean {
    return this.#closing.signal.aborted;
  }

  #onNotice(kind: NoticeKind, job: string): void {
    if (kind === 'cancel') return;
    if (kind === 'gap') this.#lookAtAll();
    if (job !== '') this.#read(job);
    if (kind === 'step' || kind === 'gap') return;
    this.#isMoved = true;
    this.#startForecast();
  }

  #lookAtAll(): void {
    this.#isMoved = true;
    for (const id of this.#jobs.keys()) this.#read(id);
    this.#startForecast();
  }

  #read(id: string): void {
    if (!this.#jobs.has(id) || this.#isClosed) return;
    this.#stale.add(id);
    this.#startReading();
  }

  #startReading(): void {
    this.#reading ??= this.#readStale().finally(() => {
      this.#reading = undefined;
      if (this.#stale.size > 0 && !this.#isClosed) this.#startReading();
    });
  }

  /** Reads what has changed of the jobs that are stale, in one query, until none is. Never rejects. */
  async #readStale(): Promise<void> {
    while (this.#stale.size > 0) {
      await sleep(GATHER);
      if (this.#isClosed) return;
      const jobs = [...this.#stale].flatMap((id) => this.#jobs.get(id) ?? []);
      this.#stale.clear();
      const rows = await this.#database
        .query<ChangedRow>(
          `select j.id, j.state, j.error, e.event, e.preview, coalesce(e.number, 0) as number, j.cost,
            j.pictures as finished
           from unnest($1::text[], $2::text[], $3::int[]) as known (id, state, number)
             join darkroom.job j using (id) left join darkroom.job_event e on e.job = j.id
           where j.state <> known.state or j.state = 'running' and coalesce(e.number, 0) <> known.number`,
          [jobs.map(({ id }) => id), jobs.map(({ state }) => state), jobs.map(({ number }) => number)],
        )
        .catch((error: unknown) => {
          // The database may be away: the next poll looks again.
          this.#onError(error);
          return [];
        });
      for (const row of rows) this.#take(row);
    }
  }

  #take(row: ChangedRow): void {
    const { id, state, number } = row;
    const job = this.#jobs.get(id);
    if (job === undefined) return;
    const wasQueued = job.state === 'queued';
    job.state = state;
    job.number = number;
    if (state === 'queued') {
      if (!wasQueued) job.queuedAt = performance.now();
      this.#startForecast();
    } else announce(job, eventOf({ ...row, state }, job.event));
  }

  #startForecast(): void {
    this.#forecasting ??= this.#forecastAll().finally(() => {
      this.#forecasting = undefined;
    });
  }

  /** Announces places at the forecast's pace, until the queue no longer moves. Never rejects. */
  async #forecastAll(): Promise<void> {
    const waiting = () => [...this.#jobs.values()].filter(({ state }) => state === 'queued');
    while (!this.#isClosed && (this.#isMoved || waiting().some(isNew))) {
      if (waiting().length === 0) return;
      this.#isMoved = false;
      try {
        const { places, madeAt } = await this.#forecast.next(
          () => waiting().some(isNew),
          this.#closing.signal,
        );
        const unseen = placeOfUnseen(places);
        for (const job of waiting()) {
          const place = places.get(job.id);
          // A job that came after the forecast is in the next one; one that is about to start again is in none.
          if (place === undefined && isNew(job) && job.queuedAt > madeAt) continue;
          announcePlace(job, place ?? unseen);
        }
      } catch (error) {
        if (!this.#isClosed) this.#onError(error);
        return;
      }
    }
  }
}

/** @param last what was announced last */
function eventOf(
  row: ChangedRow & { readonly state: Exclude<JobState, 'queued'> },
  last: JobEvent | undefined,
): JobEvent {
  const { state, error, event, preview, finished, cost } = row;
  if (state === 'failed') {
    return { state, error: error ?? describeError(new DarkroomError('internal', sentence('job.failed'))) };
  }
  if (state !== 'running') return { state };
  // A worker has claimed it and not told of it yet: what was expected while it waited still is.
  const expected = last?.state === 'queued' ? last.etaSeconds : cost;
  const running = event ?? { state, step: 0, steps: 0, etaSeconds: expected };
  return {
    ...running,
    ...(preview !== null && { preview }),
    ...(finished.length > 0 && { finished }),
  };
}

const newJob = (id: string): WatchedJob => ({
  ...{ id, watchers: 0, state: '', number: 0, queuedAt: 0, event: undefined, version: 0 },
  change: Promise.withResolvers(),
});

const isNew = ({ event }: WatchedJob) => event?.state !== 'queued';

function announce(job: WatchedJob, event: JobEvent): void {
  job.event = event;
  job.version += 1;
  job.change.resolve();
  job.change = Promise.withResolvers();
}

/** Far back in the queue every job that ends moves everybody: only changes that a user would notice are announced. */
function announcePlace(job: WatchedJob, { position, etaSeconds }: Place): void {
  const { event: last } = job;
  const hasMoved = (before: number, now: number) => Math.abs(now - before) >= Math.max(1, CHANGE * before);
  if (
    last?.state !== 'queued' ||
    hasMoved(last.position, position) ||
    hasMoved(last.etaSeconds, etaSeconds)
  ) {
    announce(job, { state: 'queued', position, etaSeconds });
  }
}

const isFinal = (state: JobState) => state === 'done' || state === 'failed' || state === 'cancelled';
const sleep = (milliseconds: number) => new Promise<void>((resolve) => setTimeout(resolve, milliseconds));
