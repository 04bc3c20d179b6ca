/** The time left as a card shows it: it follows the estimate slowly, so that it does not jump from one edit to the next. */

/** Part of the difference to a new estimate that is shown at once. */
const SHARE = 0.3;
/** A time that is shown is at most this many times the one before. */
const MOST = 1.5;

export class TimeLeft {
  #shown: number | undefined;
  #at = 0;

  /**
   * @param estimate in seconds
   * @param now in milliseconds
   */
  next(estimate: number, now: number = performance.now()): number {
    if (this.#shown === undefined) return this.#show(estimate, now);
    const expected = Math.max(0, this.#shown - (now - this.#at) / 1000);
    const followed = expected + SHARE * (estimate - expected);
    return this.#show(Math.min(followed, Math.max(1, MOST * this.#shown)), now);
  }

  #show(seconds: number, now: number): number {
    this.#shown = seconds;
    this.#at = now;
    return seconds;
  }
}
