/**
 * A GPU worker: takes jobs from the queue while it has a free slot, and shares its GPU among the jobs in its slots, in
 * slices of a few denoiser calls, in turn by fair share. Whatever happens to it, no job is lost: its leases lapse, and
 * what it does without a lease is neither shown nor charged.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import PQueue from 'p-queue';
import { DarkroomError, describeError } from '../errors.ts';
import { EngineLost } from '../job.ts';
import { sentence } from '../sentences.ts';
import { plannedSteps } from './costs.ts';
import type { Claim, JobEnd } from './dispatcher.ts';
import { callLimit, Drawing, RETRY } from './drawing.ts';
import { Gpu } from './gpu.ts';
import { localityOf, withModels } from './locality.ts';
import { PassedOn } from './passed-on.ts';
import { Slot } from './slot.ts';
import type { WorkerOptions } from './worker-options.ts';

/** Milliseconds between two renewals of each lease. */
const TOUCH = 4000;
/** Milliseconds after which an idle worker looks without a notice. */
const POLL = 2000;
/** Milliseconds that other workers have to take a job which this worker's device failed under. */
const MOVING = 60_000;
/** Models and LoRAs that stay open in an engine, as far as affinity counts on it. */
const WARM = 2;

export class Worker {
  readonly #options: Required<WorkerOptions>;
  /** In use, by job. */
  readonly #slots = new Map<string, Slot>();
  readonly #holding: PQueue;
  readonly #gpu: Gpu;
  readonly #drawing: Drawing;
  /** Jobs that were left to other workers. */
  readonly #passedOn: PassedOn;
  /** The latest model first. */
  #warm: string[] = [];
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
    this.#drawing = new Drawing({
      ...this.#options,
      gpu: this.#gpu,
      publish: (slot, preview) => this.#publish(slot, preview),
    });
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
      end = await this.#drawing.run(slot);
    } catch (error) {
      end = this.#failed(slot, error);
    }
    // Not awaited: the next job would come late to the GPU, and the engine keeps the order of calls.
    slot.run?.close().catch(onError);
    events.forget(claim.id);
    if (slot.leaving === 'moved') this.#avoid(claim.user);
    await this.#conclude(slot, end);
    if (end?.state === 'done') costs.learn(claim.request, 'store', clock() - slot.decodedAt);
    this.#slots.delete(claim.id);
    this.#gpu.leave(claim);
    this.#wake();
    await costs.save();
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

  /** Takes no jobs of a user for a while, so that others can take the one that is moved. */
  #avoid(user: string): void {
    this.#moved.add(user);
    setTimeout(() => {
      this.#moved.delete(user);
      this.#wake();
    }, MOVING).unref();
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
