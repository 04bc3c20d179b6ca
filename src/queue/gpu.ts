/** A worker's GPU: one piece of work at a time, in turn by fair share, each charged the time that it took. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import PQueue from 'p-queue';
import type { Job } from '../job.ts';
import { type Part, plannedSteps } from './costs.ts';
import type { Claim } from './dispatcher.ts';
import { FairShare } from './fair-share.ts';
import type { Slot } from './slot.ts';

/** What is learned of the seconds that a part of a job takes. */
export interface GpuCosts {
  learn(request: Job['request'], part: Part, seconds: number): void;
  secondsOf(request: Job['request'], part: Part): number;
}

interface GpuOptions {
  readonly costs: GpuCosts;
  /** Seconds of a clock that never jumps. */
  readonly clock: () => number;
}

export class Gpu {
  readonly #costs: GpuCosts;
  readonly #clock: () => number;
  readonly #share = new FairShare();
  readonly #turns = new PQueue({ concurrency: 1 });

  constructor({ costs, clock }: GpuOptions) {
    this.#costs = costs;
    this.#clock = clock;
  }

  /** A user with a job here gets turns from now on. */
  enter({ user, weight }: Claim): void {
    this.#share.enter(user, weight);
  }

  leave({ user }: Claim): void {
    this.#share.leave(user);
  }

  /** Takes back what a job was charged. */
  refund(slot: Slot): void {
    this.#share.charge(slot.claim.user, -slot.used);
    slot.used = 0;
  }

  /**
   * Does a piece of a job's work when its user's turn comes, and charges the time it took.
   * @param part the part of a job's cost that it measures; undefined for one that is measured elsewhere
   * @param before seconds of that part that were spent in earlier turns
   */
  turn<T>(slot: Slot, part: 'open' | 'decode' | undefined, work: () => Promise<T>, before = 0): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const { user, request } = slot.claim;
    const task = async () => {
      this.#share.serve();
      const started = this.#clock();
      const [result] = await Promise.allSettled([work()]);
      const seconds = this.#clock() - started;
      this.#share.charge(user, seconds);
      slot.used += seconds;
      if (result.status === 'rejected') reject(result.reason);
      else {
        if (part !== undefined) this.#costs.learn(request, part, before + seconds);
        resolve(result.value);
      }
      // The job queues up for its next slice before the GPU is given away: otherwise its user would count as absent.
      await nextTurn();
    };
    // A user has one slot and so one turn that waits: nothing moves its tag until the turn is over.
    this.#turns.add(task, { priority: -this.#share.tagOf(user) }).catch(reject);
    return promise;
  }

  /** Seconds until the picture of a job in a slot: the others take turns only until it is done or they are. */
  etaOf(slot: Slot, slots: Iterable<Slot>): number {
    const own = this.#secondsLeft(slot);
    let eta = own + this.#costs.secondsOf(slot.claim.request, 'store');
    for (const other of slots) {
      if (other !== slot) eta += Math.min(own, this.#secondsLeft(other));
    }
    return eta;
  }

  #secondsLeft({ claim: { request }, run, step, stepSeconds, finishing }: Slot): number {
    const steps = run?.steps ?? plannedSteps(request);
    return (
      (run === undefined ? this.#costs.secondsOf(request, 'open') : 0) +
      (steps - step) * (stepSeconds ?? this.#costs.secondsOf(request, 'step')) +
      Math.max(0, this.#costs.secondsOf(request, 'decode') - finishing)
    );
  }
}
