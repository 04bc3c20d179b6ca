/**
 * A GPU worker: takes jobs from the queue while it has a free slot, and shares its GPU among the jobs in its slots, in
 * slices of a few denoiser calls, in turn by fair share. Whatever happens to it, no job is lost: its leases lapse, and
 * what it does without a lease is neither shown nor charged.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import PQueue from 'p-queue';
import { DarkroomError, DatabaseAway, describeError, type ErrorWords } from '../errors.ts';
import { EngineLost, FilesChanged, type Job, type ProcessEngine } from '../job.ts';
import { sentence, type Words } from '../sentences.ts';
import type { PictureOwner } from '../store/pictures.ts';
import { type Part, plannedSteps } from './costs.ts';
import type { Claim, ClaimOptions, JobEnd, StoredPicture } from './dispatcher.ts';
import { Gpu, type GpuCosts } from './gpu.ts';
import type { NoticeListener, RunningEvent } from './job-events.ts';
import { localityOf, withModels } from './locality.ts';
import { PassedOn } from './passed-on.ts';
import { Slot } from './slot.ts';

/** What a worker needs of the queue. */
export interface JobSource {
  claim(options: ClaimOptions): Promise<Claim | undefined>;
  touch(claim: Claim, used: number): Promise<'held' | 'cancelled' | 'lost'>;
  finish(claim: Claim, used: number, end: JobEnd | undefined): Promise<boolean>;
  giveBack(claim: Claim): Promise<boolean>;
  move(claim: Claim, note: Words): Promise<boolean>;
}

export interface ProgressEvents {
  publish(job: string, event: RunningEvent): void;
  forget(job: string): void;
  subscribe(listener: NoticeListener): () => void;
}

export interface WorkCosts extends GpuCosts {
  measuredSeconds(request: Job['request'], part: Part): number | undefined;
  save(): Promise<void>;
}

export interface WorkerOptions {
  /** Unique over all workers. */
  readonly id: string;
  readonly queue: JobSource;
  readonly events: ProgressEvents;
  readonly costs: WorkCosts;
  readonly engine: ProcessEngine;
  readonly pictures: {
    get(id: string): Promise<Uint8Array | undefined>;
    put(bytes: Uint8Array, owner: PictureOwner): Promise<string>;
    remove(id: string): Promise<void>;
  };
  /** Models that this worker can run; asked before each job, since models come and go. */
  readonly models: () => readonly string[];
  /** Whether the device has the memory for a job; all have where left out. */
  readonly fits?: (request: Job['request'], isModerated: boolean) => Promise<boolean>;
  /** Why a job that has waited may not be drawn any longer; asked before its model is opened. */
  readonly refusal?: (job: string) => Promise<ErrorWords | undefined>;
  /** Jobs that are open at once; each holds its latents in memory. */
  readonly slots: number;
  /** Denoiser calls of one slice. */
  readonly sliceSteps?: number;
  /** Seconds of a clock that never jumps. */
  readonly clock?: () => number;
  /**
   * Seconds after which a call of the engine counts as hung.
   * @param measured seconds that calls like it take; undefined where none was measured
   */
  readonly callLimit?: (measured: number | undefined) => number;
  /** Of the device, as its user is told. */
  readonly device?: string;
  /** Whether another worker is there that can run it. */
  readonly canRunElsewhere?: (request: Job['request']) => Promise<boolean>;
  /** Called with the reason for which a job failed, for the operator's log. */
  readonly onFailure?: (job: { readonly id: string; readonly model: string }, error: unknown) => void;
  /** Called with errors that are no job's: the database cannot be reached. */
  readonly onError?: (error: unknown) => void;
}

/**
 * Seconds after which a call counts as hung: far beyond what options that the measurement does not know could add, since
 * a call that is only slow must end. A first call may read a large model from a slow disk.
 */
export const callLimit = (measured: number | undefined) =>
  measured === undefined ? 1800 : Math.max(120, 40 * measured);
/** How often a job may take the engine down with it. */
const LOSSES = 2;
/** How often files of its model may change under a job. */
const CHANGES = 3;
/** Milliseconds between two renewals of each lease. */
const TOUCH = 4000;
/** Milliseconds after which an idle worker looks without a notice. */
const POLL = 2000;
/** Milliseconds before the database is asked again. */
const RETRY = 500;
/** Milliseconds that other workers have to take a job which this worker's device failed under. */
const MOVING = 60_000;
/** Models and LoRAs that stay open in an engine, as far as affinity counts on it. */
const WARM = 2;
/** The request was allowed, and nobody is at fault: it is no failure for the log. */
const REFUSED = describeError(new DarkroomError('forbidden', sentence('moderation.refused')));

export class Worker {
  readonly #options: Required<WorkerOptions>;
  /** In use, by job. */
  readonly #slots = new Map<string, Slot>();
  readonly #holding: PQueue;
  readonly #gpu: Gpu;
  /** Jobs that were left to other workers. */
  readonly #passedOn: PassedOn;
  /** The latest model first. */
  #warm: string[] = [];
  /** Counts the engine's deaths, so that only the job that met one is blamed. */
  #life = 0;
  /** Users whose job has just been moved from here. */
  readonly #moved = new Set<string>();
  #isOpen = true;
  #change = Promise.withResolvers<void>();
  readonly #feeding: Promise<void>;
  readonly #touching: NodeJS.Timeout;
  readonly #unsubscribe: () => void;

  constructor(options: WorkerOptions) {
    this.#options = {
      sliceSteps: 4,
      clock: () => performance.now() / 1000,
      callLimit,
      device: 'The device',
      canRunElsewhere: async () => false,
      refusal: async () => undefined,
      fits: async () => true,
      onFailure: () => {},
      onError: () => {},
      ...options,
    };
    this.#holding = new PQueue({ concurrency: options.slots });
    this.#gpu = new Gpu(this.#options);
    this.#passedOn = new PassedOn(this.#options.clock);
    this.#unsubscribe = options.events.subscribe((kind, job) => {
      if (kind === 'cancel') this.#leave(job, 'cancelled');
      if (kind === 'work' || kind === 'gap') this.#wake();
    });
    this.#touching = setInterval(() => void this.#touch(), TOUCH);
    this.#touching.unref();
    this.#feeding = this.#feed();
  }

  /**
   * Takes no more jobs; those in its slots have `grace` milliseconds to end, the rest is given back to the queue.
   * Resolves when the GPU is free.
   */
  async stop(grace: number): Promise<void> {
    this.#isOpen = false;
    this.#wake();
    await this.#feeding;
    await Promise.race([this.#holding.onIdle(), sleep(grace, undefined, { ref: false })]);
    for (const id of this.#slots.keys()) this.#leave(id, 'given back');
    await this.#holding.onIdle();
    clearInterval(this.#touching);
    this.#unsubscribe();
  }

  #wake(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  #leave(id: string, why: Slot['leaving']): void {
    const slot = this.#slots.get(id);
    // A running job leaves between two denoiser calls.
    if (slot !== undefined) slot.leaving ??= why;
  }

  /** Fills the slots. Never rejects. */
  async #feed(): Promise<void> {
    const { id: worker, queue, models, slots, onError } = this.#options;
    while (this.#isOpen) {
      const change = this.#change.promise;
      // A suspect runs alone: if it takes the worker down again, no other job is blamed.
      const isAlone = this.#slots.values().some(({ claim }) => claim.isSuspect);
      if (this.#slots.size >= slots || isAlone) {
        await change;
        continue;
      }
      const busy = [
        ...[...this.#slots.values()].map(({ claim }) => claim.user),
        ...this.#moved,
        ...this.#passedOn.users(),
      ];
      const claim = await queue
        .claim({ worker, models: models(), busy, warm: withModels(this.#warm) })
        .catch(async (error: unknown) => {
          onError(error);
          await sleep(RETRY);
          return undefined;
        });
      if (claim === undefined) {
        await Promise.race([change, sleep(POLL, undefined, { ref: false })]);
        continue;
      }
      if (await this.#passOn(claim)) continue;
      const slot = new Slot(claim);
      this.#slots.set(claim.id, slot);
      this.#gpu.enter(claim);
      if (claim.isSuspect) await this.#holding.onIdle();
      void this.#holding.add(() => this.#hold(slot));
    }
  }

  /**
   * Leaves a job that does not fit this device to another worker. Where nobody takes it, it is run here in the end, and
   * its user is told what would fit.
   */
  async #passOn(claim: Claim): Promise<boolean> {
    const { fits, canRunElsewhere, queue, onError } = this.#options;
    try {
      const { request, id, user, moderation } = claim;
      if (await fits(request, moderation !== undefined)) return false;
      if (!(await canRunElsewhere(request)) || !this.#passedOn.mayPass(id, user)) return false;
      return await queue.giveBack(claim);
    } catch (error) {
      onError(error);
      return false;
    }
  }

  /** A job from its claim to its end. Never rejects. */
  async #hold(slot: Slot): Promise<void> {
    const { claim } = slot;
    const { onError, costs, events, clock } = this.#options;
    const locality = localityOf(claim.request);
    this.#warm = [locality, ...this.#warm.filter((other) => other !== locality)].slice(0, WARM);
    let end: JobEnd | undefined;
    try {
      end = await this.#run(slot);
    } catch (error) {
      end = this.#failed(slot, error);
    }
    // Not awaited: the next job would come late to the GPU, and the engine keeps the order of calls.
    slot.run?.close().catch(onError);
    events.forget(claim.id);
    await this.#conclude(slot, end);
    if (end?.state === 'done') costs.learn(claim.request, 'store', clock() - slot.decodedAt);
    this.#slots.delete(claim.id);
    this.#gpu.leave(claim);
    this.#wake();
    await costs.save();
  }

  /** @returns undefined for a job that left before its end */
  async #run(slot: Slot): Promise<JobEnd | undefined> {
    const refusal = await this.#patiently(slot, () => this.#options.refusal(slot.claim.id));
    if (refusal !== undefined) return { state: 'failed', error: refusal };
    slot.job = await this.#patiently(slot, () => this.#jobOf(slot.claim));
    for (;;) {
      try {
        return await this.#runOnce(slot, slot.job);
      } catch (error) {
        const isChanged = error instanceof FilesChanged && this.#drawsAgain(slot);
        const isLost = error instanceof EngineLost && this.#survivesLoss(slot, error);
        if (!isChanged && !isLost) throw error;
        if (isChanged) await slot.run?.close();
        if (isLost && error.deviceError !== undefined && (await this.#moves(slot))) return undefined;
        // What a crash made worthless is not charged.
        this.#gpu.refund(slot);
        slot.step = 0;
        slot.run = undefined;
        slot.loading = undefined;
      }
    }
  }

  async #runOnce(slot: Slot, job: Job): Promise<JobEnd | undefined> {
    const { engine, sliceSteps, costs, clock } = this.#options;
    this.#publish(slot);
    if (slot.leaving !== undefined) return undefined;
    const run = await this.#gpu.turn(slot, 'open', () => {
      slot.life = this.#life;
      return this.#watched(job, 'open', () =>
        engine.open(job, (loading) => {
          slot.loading = loading;
          this.#publish(slot);
        }),
      );
    });
    slot.run = run;
    if (slot.loading !== undefined) {
      slot.loading = undefined;
      this.#publish(slot);
    }
    // A run that draws nothing has only its last part.
    let isDone = run.steps === 0;
    while (!isDone && slot.leaving === undefined) {
      isDone = await this.#gpu.turn(slot, undefined, async () => {
        let isLast = false;
        // One call at a time, so that a cancelled job gives the GPU back before its slice is over.
        for (let i = 0; i < sliceSteps && !isLast && slot.leaving === undefined; i++) {
          const result = await this.#watched(job, 'step', () =>
            run.advance(1, ({ step, preview }) => {
              slot.step = step;
              this.#publish(slot, preview);
            }),
          );
          costs.learn(job.request, 'step', result.seconds);
          isLast = result.done;
        }
        return isLast;
      });
    }
    if (slot.leaving !== undefined) return undefined;
    const { pictures, notes } = await this.#gpu.turn(slot, 'decode', () =>
      this.#watched(job, 'decode', () => run.decode()),
    );
    slot.decodedAt = clock();
    if (slot.claim.moderation === 'refuse' && pictures.some(({ finding }) => finding?.isFlagged !== false)) {
      return { state: 'failed', error: REFUSED };
    }
    const stored: StoredPicture[] = [];
    for (const { png, width, height, finding } of pictures) {
      const id = await this.#patiently(slot, () =>
        this.#options.pictures.put(png, { job: job.id, kind: 'result' }),
      );
      stored.push({ id, width, height, ...(finding && { finding }) });
    }
    return { state: 'done', pictures: stored, notes: [...slot.notes, ...notes] };
  }

  /** A call that takes far longer than others like it never returns: its process is ended, so that EngineLost is thrown. */
  async #watched<T>({ request }: Job, part: Part, call: () => Promise<T>): Promise<T> {
    const { engine, costs } = this.#options;
    const limit = this.#options.callLimit(costs.measuredSeconds(request, part));
    const watchdog = setTimeout(() => engine.kill(), limit * 1000);
    try {
      return await call();
    } finally {
      clearTimeout(watchdog);
    }
  }

  /** Records the end, however long the database is away; a lease that lapsed meanwhile makes it void. */
  async #conclude(slot: Slot, end: JobEnd | undefined): Promise<void> {
    const { queue, pictures, onError } = this.#options;
    const { claim, used, leaving } = slot;
    const write = () => {
      if (leaving === 'lost') return Promise.resolve(false);
      if (leaving === 'moved') return queue.move(claim, slot.notes.at(-1)!);
      return leaving === 'given back' && end === undefined
        ? queue.giveBack(claim)
        : queue.finish(claim, used, end);
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

  /** Retries while the database is away and the job is ours. */
  async #patiently<T>(slot: Slot, work: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!(error instanceof DatabaseAway) || slot.leaving !== undefined) throw error;
        this.#options.onError(error);
        await sleep(RETRY);
      }
    }
  }

  async #jobOf({ id, user, request, inputs, moderation }: Claim): Promise<Job> {
    const bytes = new Map<string, Uint8Array>();
    for (const [reference, picture] of Object.entries(inputs)) {
      const found = await this.#options.pictures.get(picture);
      if (found === undefined) {
        throw new DarkroomError('not_found', sentence('queue.input_deleted'));
      }
      bytes.set(reference, found);
    }
    return { id, user, request, inputs: bytes, ...(moderation !== undefined && { isModerated: true }) };
  }

  /** Whether a job gets another try whose model's files were changed while it was drawn. */
  #drawsAgain(slot: Slot): boolean {
    slot.changes++;
    return slot.leaving === undefined && slot.changes < CHANGES;
  }

  /** Whether a job whose engine died gets another try. */
  #survivesLoss(slot: Slot, { deviceError }: EngineLost): boolean {
    if (slot.leaving !== undefined) return false;
    // The first to notice was working in it; the others only held a slot there.
    if (slot.life !== this.#life) return true;
    this.#life++;
    slot.losses++;
    // A device failed under it elsewhere already.
    if (deviceError !== undefined && slot.claim.isSuspect) return false;
    return slot.losses < LOSSES;
  }

  /** After a failure of the device: the job goes to another worker, or stays for another try where there is none. */
  async #moves(slot: Slot): Promise<boolean> {
    const { canRunElsewhere, device, onError } = this.#options;
    const { request, user } = slot.claim;
    const isTaken = await canRunElsewhere(request).catch((error: unknown) => {
      onError(error);
      return false;
    });
    slot.notes.push(sentence(isTaken ? 'queue.moved' : 'queue.restarted', { device: String(device) }));
    if (!isTaken) return false;
    slot.leaving = 'moved';
    this.#moved.add(user);
    setTimeout(() => {
      this.#moved.delete(user);
      this.#wake();
    }, MOVING).unref();
    return true;
  }

  #failed({ claim, leaving }: Slot, error: unknown): JobEnd | undefined {
    if (leaving !== undefined) return undefined;
    this.#options.onFailure({ id: claim.id, model: claim.request.model }, error);
    const shown =
      error instanceof EngineLost
        ? (error.deviceError ?? new DarkroomError('engine_failed', sentence('queue.stopped_twice')))
        : error;
    return { state: 'failed', error: describeError(shown) };
  }

  #publish(slot: Slot, preview?: Uint8Array): void {
    const { claim, step, run, loading } = slot;
    this.#options.events.publish(claim.id, {
      state: 'running',
      step,
      steps: run?.steps ?? plannedSteps(claim.request),
      etaSeconds: this.#gpu.etaOf(slot, this.#slots.values()),
      ...(run?.memory !== undefined && { memory: run.memory }),
      ...(loading !== undefined && { loading }),
      ...(preview === undefined ? {} : { preview }),
    });
  }

  /** Renews the leases, and learns of cancels whose notice was lost. */
  async #touch(): Promise<void> {
    const { queue, onError } = this.#options;
    for (const [id, slot] of this.#slots) {
      const state = await queue.touch(slot.claim, slot.used).catch((error: unknown) => {
        onError(error);
        return 'held' as const;
      });
      if (state !== 'held') this.#leave(id, state);
    }
  }
}
