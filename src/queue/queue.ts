/**
 * The queue: jobs in memory, fair among users. A job first waits for a seat (a place among the open jobs, one
 * for each user), then its work goes to the GPU in slices of a few denoiser calls, taken in turn by fair share.
 * A durable store can come behind the same door: submit, cancel, watch, list.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import PQueue from 'p-queue';
import { DarkroomError, describeError } from '../errors.ts';
import { type Engine, EngineLost, type Job, type JobEvent, type JobState } from '../job.ts';
import { CostModel } from './cost-model.ts';
import { Entry } from './entry.ts';
import { type FairOptions, fairQueueClass } from './fair-queue.ts';
import { FairShare } from './fair-share.ts';
import { Forecast, stepsOf } from './forecast.ts';

export interface QueueOptions {
  readonly engine: Engine;
  /** Jobs that are open at once; each holds its latents in memory. */
  readonly seats: number;
  /** Denoiser calls between two looks at who is next. */
  readonly sliceSteps?: number;
  /** Jobs that one user may have waiting. */
  readonly waitingPerUser?: number;
  /** A user's part of the GPU beside others'; 1 where absent. */
  readonly weightOf?: (user: string) => number;
  /** Seconds, rising. */
  readonly clock?: () => number;
  /** Told why a job failed, for the operator's log. */
  readonly onFailure?: (job: Job, error: unknown) => void;
}

export interface QueuedJob {
  readonly id: string;
  readonly user: string;
  readonly state: JobState;
  /** 1 is next for a seat; 0 has one. */
  readonly position: number;
  /** Seconds until the picture, as far as can be told. */
  readonly etaSeconds: number;
  readonly step: number;
  readonly steps: number;
}

export interface JobQueue {
  /** @throws DarkroomError('too_many') where the user has enough waiting */
  submit(job: Job): void;
  /** Takes effect at once for watchers, and between two denoiser calls for the GPU. @returns whether it was there */
  cancel(id: string): boolean;
  /** @throws DarkroomError('not_found') for a job that is unknown or long finished */
  watch(id: string): AsyncIterable<JobEvent>;
  /** Jobs with a seat, then those in line in the order they are expected to get one. */
  list(): QueuedJob[];
  /** Takes no more jobs; resolves when all are finished. */
  drain(): Promise<void>;
  /** Takes no more jobs and cancels all; resolves when the GPU is free. */
  close(): Promise<void>;
}

/** Finished jobs that can still be asked for; their pictures stay in memory. */
const FINISHED_KEPT = 32;
/** Times a job may take the engine down with it. */
const LOSSES = 2;

export function createQueue(options: QueueOptions): JobQueue {
  return new MemoryQueue(options);
}

class MemoryQueue implements JobQueue {
  readonly #options: Required<QueueOptions>;
  readonly #share = new FairShare();
  readonly #costs = new CostModel();
  readonly #forecast = new Forecast(this.#costs, this.#share);
  /** Jobs by id: waiting, seated and the last finished ones. */
  readonly #entries = new Map<string, Entry>();
  /** In the order of each user's own line. */
  #waiting = new Set<Entry>();
  readonly #seated = new Set<Entry>();
  readonly #seatedUsers = new Set<string>();
  readonly #seats;
  readonly #gpu;
  /** Counts the engine's deaths, so that only the job that met one is blamed for it. */
  #life = 0;
  #open = true;

  constructor(options: QueueOptions) {
    this.#options = {
      sliceSteps: 4,
      waitingPerUser: 20,
      weightOf: () => 1,
      clock: () => performance.now() / 1000,
      onFailure: () => {},
      ...options,
    };
    const share = this.#share;
    const Seats = fairQueueClass({
      share,
      barred: this.#seatedUsers,
      onTake: (user) => this.#seatedUsers.add(user),
    });
    const Slices = fairQueueClass({ share, onTake: () => share.serve() });
    this.#seats = new PQueue<InstanceType<typeof Seats>, FairOptions>({
      concurrency: options.seats,
      queueClass: Seats,
    });
    this.#gpu = new PQueue<InstanceType<typeof Slices>, FairOptions>({
      concurrency: 1,
      queueClass: Slices,
    });
  }

  submit(job: Job): void {
    const { waitingPerUser, weightOf, clock } = this.#options;
    if (!this.#open) {
      throw new DarkroomError('engine_failed', 'Darkroom is stopping. Ask again once it runs.');
    }
    if (this.#entries.has(job.id)) throw new DarkroomError('bad_request', `Job ${job.id} is known already.`);
    const waiting = [...this.#waiting].filter((entry) => entry.job.user === job.user).length;
    if (waiting >= waitingPerUser) {
      throw new DarkroomError(
        'too_many',
        `You have ${waiting} pictures waiting; the limit is ${waitingPerUser}. Cancel one or wait for the next.`,
      );
    }
    const weight = weightOf(job.user);
    const entry = new Entry(job, weight, clock(), { state: 'queued', position: 0, etaSeconds: 0 });
    this.#entries.set(job.id, entry);
    this.#line(entry, false);
  }

  cancel(id: string): boolean {
    const entry = this.#entries.get(id);
    if (entry === undefined || entry.finished) return false;
    const waiting = this.#waiting.delete(entry);
    this.#finish(entry, { state: 'cancelled' });
    // A seated job leaves between two denoiser calls (#hold).
    if (waiting) entry.leaveLine.abort();
    return true;
  }

  watch(id: string): AsyncIterable<JobEvent> {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw new DarkroomError('not_found', `Job ${id} is not known here.`);
    return entry.watch();
  }

  list(): QueuedJob[] {
    const seated = [...this.#seated]
      .filter((entry) => !entry.finished)
      .map((entry) => this.#describe(entry, 0, this.#forecast.etaOfSeated(entry, this.#seated)));
    const waiting = this.#places().map(({ entry, position, etaSeconds }) =>
      this.#describe(entry, position, etaSeconds),
    );
    return [...seated, ...waiting];
  }

  async drain(): Promise<void> {
    this.#open = false;
    await this.#seats.onIdle();
  }

  async close(): Promise<void> {
    this.#open = false;
    for (const id of [...this.#entries.keys()]) this.cancel(id);
    await this.#seats.onIdle();
  }

  /** Puts a job in line for a seat. */
  #line(entry: Entry, first: boolean): void {
    const { user } = entry.job;
    this.#share.enter(user, entry.weight);
    if (first) this.#waiting = new Set([entry, ...this.#waiting]);
    else this.#waiting.add(entry);
    const hold = () => this.#hold(entry);
    const { signal } = entry.leaveLine;
    // It rejects only where the job leaves the line, which cancel() has told.
    this.#seats.add(hold, { user, first, id: entry.job.id, signal }).catch(() => {});
    this.#announce();
  }

  /** The life of a job with a seat. Never rejects. */
  async #hold(entry: Entry): Promise<void> {
    const { user } = entry.job;
    this.#waiting.delete(entry);
    this.#seated.add(entry);
    entry.seatedAt ??= this.#options.clock();
    let lost = false;
    try {
      this.#tellRunning(entry);
      this.#announce();
      await this.#develop(entry);
    } catch (error) {
      lost = error instanceof EngineLost && this.#survivesLoss(entry);
      if (!lost) this.#fail(entry, error);
    }
    // Not waited for: the user's next job would come late to the GPU, and the engine keeps the order of calls.
    entry.run?.close().catch((error: unknown) => this.#options.onFailure(entry.job, error));
    entry.run = undefined;
    this.#seated.delete(entry);
    this.#seatedUsers.delete(user);
    if (lost && !entry.finished) this.#putBack(entry);
    else this.#settle(entry);
  }

  async #develop(entry: Entry): Promise<void> {
    const { job } = entry;
    const { engine, sliceSteps } = this.#options;
    const run = await this.#onGpu(entry, 'open', () => {
      entry.life = this.#life;
      return engine.open(job);
    });
    entry.run = run;
    let done = false;
    while (!done && !entry.finished) {
      done = await this.#onGpu(entry, undefined, async () => {
        let last = false;
        // One call at a time, so that a cancelled job gives the GPU back before its slice is over.
        for (let i = 0; i < sliceSteps && !last && !entry.finished; i++) {
          const result = await run.advance(1, ({ step, preview }) => this.#tellRunning(entry, step, preview));
          this.#costs.learn(job.request, 'step', result.seconds);
          last = result.done;
        }
        return last;
      });
    }
    if (entry.finished) return;
    const { pictures, notes, seconds } = await this.#onGpu(entry, 'develop', () => run.develop());
    const queued = (entry.seatedAt ?? entry.submittedAt) - entry.submittedAt;
    this.#finish(entry, { state: 'done', pictures, notes, seconds: { ...seconds, queued } });
  }

  /** Does a piece of a job's work when its user's turn comes, and charges the time it took. */
  #onGpu<T>(entry: Entry, part: 'open' | 'develop' | undefined, work: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const { user, request } = entry.job;
    const task = async () => {
      const started = this.#options.clock();
      const outcome = await Promise.allSettled([work()]);
      const seconds = this.#options.clock() - started;
      this.#share.charge(user, seconds);
      entry.charged += seconds;
      const [result] = outcome;
      if (result.status === 'rejected') reject(result.reason);
      else {
        if (part !== undefined) this.#costs.learn(request, part, seconds);
        resolve(result.value);
      }
      // The job lines up for its next slice before the GPU is given away: else its user would count as absent.
      await nextTurn();
    };
    this.#gpu.add(task, { user }).catch(reject);
    return promise;
  }

  /** Whether a job whose engine died gets another try. */
  #survivesLoss(entry: Entry): boolean {
    // The first to notice was at work in it; the others only held a seat there.
    if (entry.life !== this.#life) return true;
    this.#life++;
    entry.losses++;
    return entry.losses < LOSSES;
  }

  #putBack(entry: Entry): void {
    this.#share.charge(entry.job.user, -entry.charged);
    entry.charged = 0;
    entry.step = 0;
    this.#line(entry, true);
  }

  #fail(entry: Entry, error: unknown): void {
    if (entry.finished) return;
    this.#options.onFailure(entry.job, error);
    const told =
      error instanceof EngineLost
        ? new DarkroomError(
            'engine_failed',
            'The engine stopped twice while making this picture. Try a smaller size or fewer pictures.',
          )
        : error;
    this.#finish(entry, { state: 'failed', error: describeError(told) });
  }

  /** Tells the end of a job and forgets the oldest finished ones. */
  #finish(entry: Entry, event: JobEvent): void {
    entry.tell(event);
    if (!this.#seated.has(entry)) this.#settle(entry);
    const finished = [...this.#entries.values()].filter((other) => other.finished);
    for (const old of finished.slice(0, -FINISHED_KEPT)) this.#entries.delete(old.job.id);
  }

  /** A job has left line and seat. */
  #settle({ job }: Entry): void {
    const others = [...this.#waiting, ...this.#seated].some((entry) => entry.job.user === job.user);
    if (!others) this.#share.leave(job.user);
    this.#announce();
  }

  #tellRunning(entry: Entry, step = entry.step, preview?: Uint8Array): void {
    entry.step = step;
    entry.tell({
      state: 'running',
      step,
      steps: stepsOf(entry),
      etaSeconds: this.#forecast.etaOfSeated(entry, this.#seated),
      ...(preview === undefined ? {} : { preview }),
    });
  }

  /** Tells each waiting job whose place has changed. */
  #announce(): void {
    for (const { entry, position, etaSeconds } of this.#places()) {
      const { event } = entry;
      if (event.state === 'queued' && event.position === position) continue;
      entry.tell({ state: 'queued', position, etaSeconds });
    }
  }

  #places() {
    return this.#forecast.places(this.#waiting, this.#seated);
  }

  #describe(entry: Entry, position: number, etaSeconds: number): QueuedJob {
    const { id, user } = entry.job;
    const { step, event } = entry;
    return { id, user, state: event.state, position, etaSeconds, step, steps: stepsOf(entry) };
  }
}
