/** Places in line and times left, from what the cost model has learned. */
import { type CostModel, plannedSteps } from './cost-model.ts';
import type { Entry } from './entry.ts';
import type { FairShare } from './fair-share.ts';

export interface Place {
  readonly entry: Entry;
  /** 1 is next for a seat. */
  readonly position: number;
  /** Seconds until the picture. */
  readonly etaSeconds: number;
}

export class Forecast {
  readonly #costs: CostModel;
  readonly #share: FairShare;

  constructor(costs: CostModel, share: FairShare) {
    this.#costs = costs;
    this.#share = share;
  }

  /**
   * The waiting jobs in the order in which they would get a seat, were all estimates right.
   * @param waiting in the order of each user's own line
   */
  places(waiting: Iterable<Entry>, seated: Iterable<Entry>): Place[] {
    const lines = Map.groupBy(waiting, ({ job }) => job.user);
    const tags = new Map([...lines.keys()].map((user) => [user, this.#share.tagOf(user)]));
    const use = ({ job, weight }: Entry, seconds: number) => {
      const tag = tags.get(job.user);
      if (tag !== undefined) tags.set(job.user, tag + seconds / weight);
    };
    let ahead = 0;
    for (const entry of seated) {
      const left = this.secondsLeft(entry);
      ahead += left;
      use(entry, left);
    }
    const places: Place[] = [];
    for (let position = 1; lines.size > 0; position++) {
      const [user, line] = [...lines].reduce((a, b) => (tags.get(b[0])! < tags.get(a[0])! ? b : a));
      const entry = line.shift()!;
      if (line.length === 0) lines.delete(user);
      const cost = this.#costs.jobSeconds(entry.job.request);
      ahead += cost;
      use(entry, cost);
      places.push({ entry, position, etaSeconds: ahead });
    }
    return places;
  }

  /** Seconds until a seated job's picture: the others take turns only until it is done or they are. */
  etaOfSeated(entry: Entry, seated: Iterable<Entry>): number {
    const own = this.secondsLeft(entry);
    let eta = own;
    for (const other of seated) if (other !== entry) eta += Math.min(own, this.secondsLeft(other));
    return eta;
  }

  /** GPU seconds that a seated job still needs. */
  secondsLeft(entry: Entry): number {
    if (entry.finished) return 0;
    const { request } = entry.job;
    const open = entry.run === undefined ? this.#costs.openSeconds(request) : 0;
    const steps = (stepsOf(entry) - entry.step) * this.#costs.stepSeconds(request);
    return open + steps + this.#costs.developSeconds(request);
  }
}

/** Denoiser calls of a job: the engine's count where it is open, else the planned one. */
export const stepsOf = (entry: Entry) => entry.run?.steps ?? plannedSteps(entry.job.request);
