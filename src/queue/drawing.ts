/** A job in the engine: it is opened, drawn in slices, decoded and stored, and tried again where that is no fault of it. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DarkroomError, DatabaseAway, describeError } from '../errors.ts';
import {
  EngineLost,
  FilesChanged,
  type FinishedPicture,
  type Job,
  type Run,
  type StoredPicture,
} from '../job.ts';
import { sentence } from '../sentences.ts';
import { NEWEST, type Part } from './costs.ts';
import type { Claim, JobEnd } from './dispatcher.ts';
import type { Gpu } from './gpu.ts';
import type { Slot } from './slot.ts';
import type { WorkerOptions } from './worker-options.ts';

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
/** Milliseconds before the database is asked again. */
export const RETRY = 500;
/** The request was allowed, and nobody is at fault: it is no failure for the log. */
const refusedOf = (count: number) =>
  describeError(
    new DarkroomError('forbidden', sentence(count > 1 ? 'moderation.refused_several' : 'moderation.refused')),
  );

/** Tells whoever waits how far a job is. */
type Publish = (slot: Slot, preview?: Uint8Array) => void;

interface DrawingOptions extends Required<WorkerOptions> {
  readonly gpu: Gpu;
  readonly publish: Publish;
}

export class Drawing {
  readonly #options: Required<WorkerOptions>;
  readonly #gpu: Gpu;
  readonly #publish: Publish;
  /** Counts the engine's deaths, so that only the job that met one is blamed. */
  #life = 0;

  constructor({ gpu, publish, ...options }: DrawingOptions) {
    this.#options = options;
    this.#gpu = gpu;
    this.#publish = publish;
  }

  /** @returns undefined for a job that left before its end */
  async run(slot: Slot): Promise<JobEnd | undefined> {
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
        await this.#dropFinished(slot);
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
    let drawn = 0;
    const isEarly = isShownEarly(slot.claim);
    const isAnyDrawn = () => isEarly && drawn > slot.finished.length;
    while (!isDone && slot.leaving === undefined) {
      isDone = await this.#gpu.turn(slot, undefined, async () => {
        let isLast = false;
        // One call at a time, so that a cancelled job gives the GPU back before its slice is over, and a picture that is
        // drawn is finished at once.
        for (let i = 0; i < sliceSteps && !isLast && !isAnyDrawn() && slot.leaving === undefined; i++) {
          const started = clock();
          const usual = slot.stepSeconds ?? costs.secondsOf(job.request, 'step');
          const result = await this.#watched(job, 'step', () =>
            run.advance(1, ({ step, preview }) => {
              slot.step = step;
              this.#publish(slot, preview);
            }),
          );
          costs.learn(job.request, 'step', result.seconds);
          // On a loaded machine a call takes longer than the engine works.
          const seconds = Math.max(result.seconds, clock() - started);
          slot.stepSeconds = usual + NEWEST * (seconds - usual);
          isLast = result.done;
          drawn = result.drawn ?? 0;
        }
        return isLast;
      });
      if (isEarly) await this.#finishDrawn(slot, { job, run, drawn });
    }
    if (slot.leaving !== undefined) return undefined;
    const { pictures, notes } = await this.#gpu.turn(
      slot,
      'decode',
      () => this.#watched(job, 'decode', () => run.decode()),
      slot.finishing,
    );
    slot.decodedAt = clock();
    if (slot.claim.moderation === 'refuse' && pictures.some(({ finding }) => finding?.isFlagged !== false)) {
      return { state: 'failed', error: refusedOf(job.request.numImages) };
    }
    const stored = [...slot.finished];
    for (const picture of pictures) stored.push(await this.#store(slot, job, picture));
    return { state: 'done', pictures: stored, notes: [...slot.notes, ...notes] };
  }

  /** Finishes those of several pictures that are drawn, and shows each while the next one is on its way. */
  async #finishDrawn(
    slot: Slot,
    { job, run, drawn }: { readonly job: Job; readonly run: Run; readonly drawn: number },
  ): Promise<void> {
    const { queue, clock, pictures, onError } = this.#options;
    while (slot.finished.length < drawn && run.finish !== undefined && slot.leaving === undefined) {
      const finish = run.finish.bind(run);
      const picture = await this.#gpu.turn(slot, undefined, async () => {
        const started = clock();
        const finished = await this.#watched(job, 'decode', finish);
        slot.finishing += clock() - started;
        return finished;
      });
      const stored = await this.#store(slot, job, picture);
      slot.finished.push(stored);
      if (await this.#patiently(slot, () => queue.show(slot.claim, slot.finished))) this.#publish(slot);
      // Cancelled meanwhile, or another worker's.
      else await pictures.remove(stored.id).catch(onError);
    }
  }

  async #store(
    slot: Slot,
    job: Job,
    { png, width, height, finding }: FinishedPicture,
  ): Promise<StoredPicture> {
    const id = await this.#patiently(slot, () =>
      this.#options.pictures.put(png, { job: job.id, kind: 'result' }),
    );
    return { id, width, height, ...(finding && { finding }) };
  }

  /** The pictures of a try that came to nothing. */
  async #dropFinished(slot: Slot): Promise<void> {
    const { queue, pictures, onError } = this.#options;
    const dropped = slot.finished;
    slot.finished = [];
    slot.finishing = 0;
    if (dropped.length === 0) return;
    await this.#patiently(slot, () => queue.show(slot.claim, []));
    for (const { id } of dropped) await pictures.remove(id).catch(onError);
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

  /**
   * After a failure of the device: the job goes to another worker, or stays for another try where there is none.
   * @returns whether it leaves this worker
   */
  async #moves(slot: Slot): Promise<boolean> {
    const { canRunElsewhere, device, onError } = this.#options;
    const isTaken = await canRunElsewhere(slot.claim.request).catch((error: unknown) => {
      onError(error);
      return false;
    });
    // Cancelled or given back while the others were asked.
    if (slot.leaving !== undefined) return true;
    slot.notes.push(sentence(isTaken ? 'queue.moved' : 'queue.restarted', { device: String(device) }));
    if (!isTaken) return false;
    slot.leaving = 'moved';
    return true;
  }
}

/** Of several pictures: where one of them can have all of them held or refused, none is shown before the last one is checked. */
const isShownEarly = ({ request, moderation }: Claim) =>
  request.numImages > 1 && (moderation === undefined || moderation === 'spoiler');
