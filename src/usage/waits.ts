/**
 * Waits as counts by bucket, so that years of them can be added up, and quantiles of any hours taken afterwards
 * (DDSketch: Masson, Rim, Lee, VLDB 2019). The buckets are those of darkroom.wait_bucket in the database.
 */

/** Jobs by bucket; buckets without any are left out. */
type Waits = Readonly<Record<string, number>>;

const GROWTH = 1.05;
/** Seconds up to which a wait is in bucket 0. */
const LEAST = 0.1;
const BUCKETS = 351;
/** What a quantile may be off by, as a part of it; of waits up to LEAST, by LEAST itself. */
export const WAIT_PRECISION = (GROWTH - 1) / (GROWTH + 1);

/** Adds up waits. */
export class WaitCounts {
  readonly #jobs = new Uint32Array(BUCKETS);
  #total = 0;

  add(waits: Waits): void {
    for (const bucket in waits) {
      const jobs = waits[bucket]!;
      this.#jobs[Number(bucket)]! += jobs;
      this.#total += jobs;
    }
  }

  /** @param part from 0 to 1: 0.5 is the median @returns seconds; undefined where nothing was counted */
  quantile(part: number): number | undefined {
    if (this.#total === 0) return undefined;
    let left = Math.max(1, Math.ceil(part * this.#total));
    for (let bucket = 0; ; bucket++) {
      left -= this.#jobs[bucket]!;
      if (left <= 0) return secondsOf(bucket);
    }
  }
}

/** The value that is off by the same part of either end of its bucket. */
const secondsOf = (bucket: number) => (bucket === 0 ? 0 : (LEAST * GROWTH ** bucket * 2) / (1 + GROWTH));
