/**
 * A GPU worker: takes jobs from the line while it has a seat free, and shares its GPU among those seated in slices
 * of a few denoiser calls, in turn by fair share. Whatever happens to it, the line knows: leases lapse, and what it
 * did without one is neither posted nor charged.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import PQueue from 'p-queue';
import { DarkroomError, DatabaseAway, describeError } from '../errors.ts';
import { type Engine, EngineLost, type Job } from '../job.ts';
import type { RunningEvent } from './board.ts';
import { plannedSteps } from './costs.ts';
import { Gpu, type GpuCosts } from './gpu.ts';
import type { Claim, JobEnd, StoredPicture, Wish } from './line.ts';
import { Seat } from './seat.ts';

/** What a worker needs of the line. */
export interface WorkLine {
  claim(wish: Wish): Promise<Claim | undefined>;
  touch(claim: Claim, used: number): Promise<'held' | 'cancelled' | 'lost'>;
  finish(claim: Claim, used: number, end: JobEnd | undefined): Promise<boolean>;
  giveBack(claim: Claim): Promise<boolean>;
}

export interface WorkBoard {
  tell(job: string, event: RunningEvent): void;
  forget(job: string): void;
  on(ear: (notice: 'work' | 'job' | 'cancel', job: string) => void): () => void;
}

export interface WorkCosts extends GpuCosts {
  save(): Promise<void>;
}

export interface WorkerOptions {
  /** Unique over all workers. */
  readonly id: string;
  readonly line: WorkLine;
  readonly board: WorkBoard;
  readonly costs: WorkCosts;
  readonly engine: Engine;
  readonly pictures: {
    get(id: string): Promise<Uint8Array | undefined>;
    put(bytes: Uint8Array): Promise<string>;
    remove(id: string): Promise<void>;
  };
  /** Models that this worker can run. */
  readonly models: readonly string[];
  /** Bytes of its device. */
  readonly memory: number;
  /** Jobs that are open at once; each holds its latents in memory. */
  readonly seats: number;
  /** Denoiser calls between two looks at who is next. */
  readonly sliceSteps?: number;
  /** Seconds, rising. */
  readonly clock?: () => number;
  /** Told why a job failed, for the operator's log. */
  readonly onFailure?: (job: { readonly id: string; readonly model: string }, error: unknown) => void;
  /** Hears of errors that are no job's: the database is away. */
  readonly onError?: (error: unknown) => void;
}

/** Times a job may take the engine down with it. */
const LOSSES = 2;
/** Milliseconds between two renewals of each lease. */
const TOUCH = 4000;
/** Milliseconds after which an idle worker looks without a notice. */
const POLL = 2000;
/** Milliseconds before the database is asked again. */
const RETRY = 500;
/** Models that stay open in an engine, as far as affinity counts on it. */
const WARM = 2;

export class Worker {
  readonly #options: Required<WorkerOptions>;
  readonly #seated = new Map<string, Seat>();
  readonly #seats: PQueue;
  readonly #gpu: Gpu;
  /** The latest models first. */
  #warm: string[] = [];
  /** Counts the engine's deaths, so that only the job that met one is blamed for it. */
  #life = 0;
  #isOpen = true;
  #change = Promise.withResolvers<void>();
  readonly #feeding: Promise<void>;
  readonly #touching: NodeJS.Timeout;
  readonly #deaf: () => void;

  constructor(options: WorkerOptions) {
    this.#options = {
      sliceSteps: 4,
      clock: () => performance.now() / 1000,
      onFailure: () => {},
      onError: () => {},
      ...options,
    };
    this.#seats = new PQueue({ concurrency: options.seats });
    this.#gpu = new Gpu(this.#options);
    this.#deaf = options.board.on((notice, job) => {
      if (notice === 'cancel') this.#leave(job, 'cancelled');
      if (notice === 'work') this.#wake();
    });
    this.#touching = setInterval(() => void this.#touch(), TOUCH);
    this.#touching.unref();
    this.#feeding = this.#feed();
  }

  /** Ids of the jobs that hold a seat. */
  get seated(): readonly string[] {
    return [...this.#seated.keys()];
  }

  get warm(): readonly string[] {
    return this.#warm;
  }

  /**
   * Takes no more jobs; those seated have `grace` milliseconds to end, the rest is given back to the line.
   * Resolves when the GPU is free.
   */
  async stop(grace: number): Promise<void> {
    this.#isOpen = false;
    this.#wake();
    await this.#feeding;
    await Promise.race([this.#seats.onIdle(), sleep(grace, undefined, { ref: false })]);
    for (const id of this.#seated.keys()) this.#leave(id, 'given back');
    await this.#seats.onIdle();
    clearInterval(this.#touching);
    this.#deaf();
  }

  #wake(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  #leave(id: string, why: Seat['leaving']): void {
    const seat = this.#seated.get(id);
    // A seated job leaves between two denoiser calls.
    if (seat !== undefined) seat.leaving ??= why;
  }

  /** Fills the seats. Never rejects. */
  async #feed(): Promise<void> {
    const { id: worker, line, models, memory, seats, onError } = this.#options;
    while (this.#isOpen) {
      const change = this.#change.promise;
      // A suspect sits alone: should it take the worker down again, nobody else is blamed.
      const isAlone = this.#seated.values().some(({ claim }) => claim.isSuspect);
      if (this.#seated.size >= seats || isAlone) {
        await change;
        continue;
      }
      const barred = [...this.#seated.values()].map(({ claim }) => claim.member);
      const claim = await line
        .claim({ worker, models, memory, barred, warm: this.#warm })
        .catch(async (error: unknown) => {
          onError(error);
          await sleep(RETRY);
          return undefined;
        });
      if (claim === undefined) {
        await Promise.race([change, sleep(POLL, undefined, { ref: false })]);
        continue;
      }
      const seat = new Seat(claim);
      this.#seated.set(claim.id, seat);
      this.#gpu.enter(claim);
      if (claim.isSuspect) await this.#seats.onIdle();
      void this.#seats.add(() => this.#hold(seat));
    }
  }

  /** The life of a job with a seat. Never rejects. */
  async #hold(seat: Seat): Promise<void> {
    const { claim } = seat;
    const { onError, costs, board, clock } = this.#options;
    const { model } = claim.request;
    this.#warm = [model, ...this.#warm.filter((other) => other !== model)].slice(0, WARM);
    let end: JobEnd | undefined;
    try {
      end = await this.#develop(seat);
    } catch (error) {
      end = this.#failed(seat, error);
    }
    // Not waited for: the next job would come late to the GPU, and the engine keeps the order of calls.
    seat.run?.close().catch(onError);
    board.forget(claim.id);
    await this.#conclude(seat, end);
    if (end?.state === 'done') costs.learn(claim.request, 'keep', clock() - seat.developedAt);
    this.#seated.delete(claim.id);
    this.#gpu.leave(claim);
    this.#wake();
    await costs.save();
  }

  /** @returns undefined for a job that left before its end */
  async #develop(seat: Seat): Promise<JobEnd | undefined> {
    seat.job = await this.#patiently(seat, () => this.#jobOf(seat.claim));
    for (;;) {
      try {
        return await this.#developOnce(seat, seat.job);
      } catch (error) {
        if (!(error instanceof EngineLost) || !this.#survivesLoss(seat)) throw error;
        // What a crash made worthless is not charged.
        this.#gpu.refund(seat);
        seat.step = 0;
        seat.run = undefined;
      }
    }
  }

  async #developOnce(seat: Seat, job: Job): Promise<JobEnd | undefined> {
    const { engine, sliceSteps, costs, clock } = this.#options;
    this.#tell(seat);
    if (seat.leaving !== undefined) return undefined;
    const run = await this.#gpu.turn(seat, 'open', () => {
      seat.life = this.#life;
      return engine.open(job);
    });
    seat.run = run;
    let isDone = false;
    while (!isDone && seat.leaving === undefined) {
      isDone = await this.#gpu.turn(seat, undefined, async () => {
        let isLast = false;
        // One call at a time, so that a cancelled job gives the GPU back before its slice is over.
        for (let i = 0; i < sliceSteps && !isLast && seat.leaving === undefined; i++) {
          const result = await run.advance(1, ({ step, preview }) => {
            seat.step = step;
            this.#tell(seat, preview);
          });
          costs.learn(job.request, 'step', result.seconds);
          isLast = result.done;
        }
        return isLast;
      });
    }
    if (seat.leaving !== undefined) return undefined;
    const { pictures, notes } = await this.#gpu.turn(seat, 'develop', () => run.decode());
    seat.developedAt = clock();
    const stored: StoredPicture[] = [];
    for (const { png, width, height } of pictures) {
      const id = await this.#patiently(seat, () => this.#options.pictures.put(png));
      stored.push({ id, width, height });
    }
    return { state: 'done', pictures: stored, notes };
  }

  /** Writes the end down, however long the database is away; a lease that lapsed meanwhile makes it void. */
  async #conclude(seat: Seat, end: JobEnd | undefined): Promise<void> {
    const { line, pictures, onError } = this.#options;
    const { claim, used, leaving } = seat;
    const write = () => {
      if (leaving === 'lost') return Promise.resolve(false);
      return leaving === 'given back' && end === undefined
        ? line.giveBack(claim)
        : line.finish(claim, used, end);
    };
    let isOurs = false;
    for (;;) {
      try {
        isOurs = await write();
        break;
      } catch (error) {
        onError(error);
        await sleep(RETRY);
      }
    }
    if (isOurs || end?.state !== 'done') return;
    for (const { id } of end.pictures) await pictures.remove(id).catch(onError);
  }

  /** What a job needs of the database is waited for, however long that is away, while the job is ours. */
  async #patiently<T>(seat: Seat, work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof DatabaseAway) || seat.leaving !== undefined) throw error;
        this.#options.onError(error);
        await sleep(RETRY);
      }
    }
  }

  async #jobOf({ id, member, request, inputs }: Claim): Promise<Job> {
    const bytes = new Map<string, Uint8Array>();
    for (const [reference, picture] of Object.entries(inputs)) {
      const found = await this.#options.pictures.get(picture);
      if (found === undefined) {
        throw new DarkroomError('not_found', 'The picture to start from was deleted. Choose another one.');
      }
      bytes.set(reference, found);
    }
    return { id, user: member, request, inputs: bytes };
  }

  /** Whether a job whose engine died gets another try. */
  #survivesLoss(seat: Seat): boolean {
    if (seat.leaving !== undefined) return false;
    // The first to notice was at work in it; the others only held a seat there.
    if (seat.life !== this.#life) return true;
    this.#life++;
    seat.losses++;
    return seat.losses < LOSSES;
  }

  #failed({ claim, leaving }: Seat, error: unknown): JobEnd | undefined {
    if (leaving !== undefined) return undefined;
    this.#options.onFailure({ id: claim.id, model: claim.request.model }, error);
    const told =
      error instanceof EngineLost
        ? new DarkroomError(
            'engine_failed',
            'The engine stopped twice while making this picture. Try a smaller size or fewer pictures.',
          )
        : error;
    return { state: 'failed', error: describeError(told) };
  }

  #tell(seat: Seat, preview?: Uint8Array): void {
    const { claim, step, run } = seat;
    this.#options.board.tell(claim.id, {
      state: 'running',
      step,
      steps: run?.steps ?? plannedSteps(claim.request),
      etaSeconds: this.#gpu.etaOf(seat, this.#seated.values()),
      ...(preview === undefined ? {} : { preview }),
    });
  }

  /** Renews the leases, and hears by the way of cancels whose notice was lost. */
  async #touch(): Promise<void> {
    const { line, onError } = this.#options;
    for (const [id, seat] of this.#seated) {
      const state = await line.touch(seat.claim, seat.used).catch((error: unknown) => {
        onError(error);
        return 'held' as const;
      });
      if (state !== 'held') this.#leave(id, state);
    }
  }
}
