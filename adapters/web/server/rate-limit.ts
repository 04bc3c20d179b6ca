/** Token buckets: how often, or how much, somebody may ask for something. */
import { DarkroomError } from '../../../src/errors.ts';
import type { Sentence } from '../../../src/sentences.ts';

/** Beyond this many buckets, full ones are forgotten, and then those used longest ago. */
const MAX_BUCKETS = 10_000;

export interface Bucket {
  /** What a full bucket holds. */
  readonly burst: number;
  readonly perSecond: number;
}

export class RateLimit {
  readonly #bucket: Bucket;
  readonly #refusal: (seconds: number) => Sentence;
  readonly #buckets = new Map<string, { left: number; at: number }>();

  /** @param refusal the sentence for somebody who must wait that many seconds */
  constructor(bucket: Bucket, refusal: (seconds: number) => Sentence) {
    this.#bucket = bucket;
    this.#refusal = refusal;
  }

  /**
   * @param key whose bucket it is
   * @param amount how much is taken; more than a full bucket can never be taken
   * @param now milliseconds of a monotonic clock
   * @throws DarkroomError('too_many') if the bucket holds less; nothing is taken then
   */
  take(key: string, amount = 1, now: number = performance.now()): void {
    this.require(key, amount, now);
    this.#set(key, this.#leftOf(key, now) - amount, now);
  }

  /** @throws DarkroomError('too_many') if the bucket holds less than `amount`; takes nothing */
  require(key: string, amount = 1, now: number = performance.now()): void {
    const left = this.#leftOf(key, now);
    if (left >= amount) return;
    const seconds = Math.ceil((amount - left) / this.#bucket.perSecond);
    throw new DarkroomError('too_many', this.#refusal(Math.max(1, seconds)));
  }

  #leftOf(key: string, now: number): number {
    const { burst, perSecond } = this.#bucket;
    const found = this.#buckets.get(key);
    return found === undefined ? burst : Math.min(burst, found.left + ((now - found.at) / 1000) * perSecond);
  }

  #set(key: string, left: number, at: number): void {
    // Deleted first, so that the map is in the order of the last use.
    this.#buckets.delete(key);
    this.#buckets.set(key, { left, at });
    if (this.#buckets.size > MAX_BUCKETS) this.#forget(at);
  }

  #forget(now: number): void {
    for (const key of this.#buckets.keys()) {
      if (this.#leftOf(key, now) >= this.#bucket.burst) this.#buckets.delete(key);
    }
    // A tenth more than needed, so that this does not run for every new key.
    const keep = MAX_BUCKETS * 0.9;
    for (const key of this.#buckets.keys()) {
      if (this.#buckets.size <= keep) return;
      this.#buckets.delete(key);
    }
  }
}
