/** A worker's GPU: one piece of work at a time, in turn by fair share, each charged the time that it took. */
import { setImmediate as nextTurn } from 'node:timers/promises';
import PQueue from 'p-queue';
import type { Job } from '../job.ts';
import { type Part, plannedSteps } from './costs.ts';
import { type FairOptions, fairQueueClass } from './fair-queue.ts';
import { FairShare } from './fair-share.ts';
import type { Claim } from './line.ts';
import type { Seat } from './seat.ts';

/** What is learned of the seconds that a part of a job takes. */
export interface GpuCosts {
  learn(request: Job['request'], part: Part, seconds: number): void;
  secondsOf(request: Job['request'], part: Part): number;
}

export interface GpuOptions {
  readonly costs: GpuCosts;
  /** Seconds, rising. */
  readonly clock: () => number;
}

export class Gpu {
  readonly #costs: GpuCosts;
  readonly #clock: () => number;
  readonly #share = new FairShare();
  readonly #turns;

  constructor({ costs, clock }: GpuOptions) {
    this.#costs = costs;
    this.#clock = clock;
    const share = this.#share;
    const Slices = fairQueueClass({ share, onTake: () => share.serve() });
    this.#turns = new PQueue<InstanceType<typeof Slices>, FairOptions>({
      concurrency: 1,
      queueClass: Slices,
    });
  }

  /** A user with a job here has turns from now on. */
  enter({ member, weight }: Claim): void {
    this.#share.enter(member, weight);
  }

  leave({ member }: Claim): void {
    this.#share.leave(member);
  }

  /** Takes back what a job was charged. */
  refund(seat: Seat): void {
    this.#share.charge(seat.claim.member, -seat.used);
    seat.used = 0;
  }

  /**
   * Does a piece of a job's work when its user's turn comes, and charges the time it took.
   * @param part which part of a job's cost it teaches; undefined for one that is learned elsewhere
   */
  turn<T>(seat: Seat, part: 'open' | 'develop' | undefined, work: () => Promise<T>): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    const { member: user, request } = seat.claim;
    const task = async () => {
      const started = this.#clock();
      const [result] = await Promise.allSettled([work()]);
      const seconds = this.#clock() - started;
      this.#share.charge(user, seconds);
      seat.used += seconds;
      if (result.status === 'rejected') reject(result.reason);
      else {
        if (part !== undefined) this.#costs.learn(request, part, seconds);
        resolve(result.value);
      }
      // The job lines up for its next slice before the GPU is given away: else its user would count as absent.
      await nextTurn();
    };
    this.#turns.add(task, { user }).catch(reject);
    return promise;
  }

  /** Seconds until a seated job's picture: the others take turns only until it is done or they are. */
  etaOf(seat: Seat, seated: Iterable<Seat>): number {
    const own = this.#secondsLeft(seat);
    let eta = own + this.#costs.secondsOf(seat.claim.request, 'keep');
    for (const other of seated) {
      if (other !== seat) eta += Math.min(own, this.#secondsLeft(other));
    }
    return eta;
  }

  #secondsLeft({ claim: { request }, run, step }: Seat): number {
    const steps = run?.steps ?? plannedSteps(request);
    return (
      (run === undefined ? this.#costs.secondsOf(request, 'open') : 0) +
      (steps - step) * this.#costs.secondsOf(request, 'step') +
      this.#costs.secondsOf(request, 'develop')
    );
  }
}
