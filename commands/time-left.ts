/** The time left as a card shows it: it follows the estimate slowly, so that it does not jump from one edit to the next. */

/** Part of the difference to a new estimate that is shown after a second; more after a longer pause. */
const SHARE = 0.5;
/** A time that is shown is at most this many times the one before, or this many for each `STRIDE` seconds between them. */
const MOST = 1.5;
const STRIDE = 2;
/** After however long a pause it is at most this many times the one before, and at least one such part of what was due. */
const FAR = 3;

export class TimeLeft {
  #shown: number | undefined;
  #at = 0;

  /**
   * @param estimate in seconds
   * @param now in milliseconds
   */
  next(estimate: number, now: number = performance.now()): number {
    if (this.#shown === undefined) return this.#show(estimate, now);
    const passed = (now - this.#at) / 1000;
    const due = Math.max(0, this.#shown - passed);
    const followed = due + (1 - (1 - SHARE) ** passed) * (estimate - due);
    const most = Math.min(FAR, MOST ** Math.max(1, passed / STRIDE));
    return this.#show(Math.min(Math.max(followed, due / FAR), Math.max(1, most * this.#shown)), now);
  }

  #show(seconds: number, now: number): number {
    this.#shown = seconds;
    this.#at = now;
    return seconds;
  }
}
