/** The edits that a workspace allows in a minute, shared by all jobs: a bucket that fills evenly. */
export class UpdateBudget {
  readonly #most: number;
  readonly #perMs: number;
  readonly #clock: () => number;
  #left: number;
  #at: number;

  /** @param clock milliseconds, rising */
  constructor(perMinute: number, clock: () => number = () => performance.now()) {
    // A tenth may come at once; all of it at once would leave a minute without news.
    this.#most = Math.max(1, perMinute / 10);
    this.#perMs = perMinute / 60_000;
    this.#clock = clock;
    this.#left = this.#most;
    this.#at = clock();
  }

  /** @returns whether one more edit may be sent now */
  take(): boolean {
    const now = this.#clock();
    this.#left = Math.min(this.#most, this.#left + (now - this.#at) * this.#perMs);
    this.#at = now;
    if (this.#left < 1) return false;
    this.#left--;
    return true;
  }

  /** Slack said that it was too much: nothing more for so long. */
  pause(seconds: number): void {
    this.#left = Math.min(0, this.#left) - seconds * 1000 * this.#perMs;
  }
}
