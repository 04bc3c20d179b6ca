/** Token buckets: how often somebody may call. */
import { DarkroomError } from '../../../src/errors.ts';

/** One bucket for each key: `burst` calls at once, refilled at `perSecond`. */
export class RateLimit {
  readonly #burst: number;
  readonly #perSecond: number;
  readonly #buckets = new Map<string, { left: number; at: number }>();

  constructor(burst: number, perSecond: number) {
    this.#burst = burst;
    this.#perSecond = perSecond;
  }

  /** @throws DarkroomError('too_many') for an empty bucket */
  take(key: string, now: number = performance.now()): void {
    const bucket = this.#buckets.get(key) ?? { left: this.#burst, at: now };
    const left = Math.min(this.#burst, bucket.left + ((now - bucket.at) / 1000) * this.#perSecond);
    if (left < 1) {
      const seconds = Math.max(1, Math.ceil((1 - left) / this.#perSecond));
      throw new DarkroomError(
        'too_many',
        `You sent more than ${this.#burst} requests at once. Wait ${seconds} s, then send it again.`,
      );
    }
    this.#buckets.set(key, { left: left - 1, at: now });
    if (this.#buckets.size > 10_000) this.#forgetFull(now);
  }

  #forgetFull(now: number): void {
    for (const [key, { left, at }] of this.#buckets) {
      if (left + ((now - at) / 1000) * this.#perSecond >= this.#burst) this.#buckets.delete(key);
    }
  }
}
