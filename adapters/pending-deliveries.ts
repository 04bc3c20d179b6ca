/** Deliveries that know of posts under way: a platform shows a message, and tells of it, before its post has returned. */
import type { Deliveries, Delivery } from './adapter.ts';
import type { Platform } from './platforms.ts';

/** An adapter's options as the program gives them: with deliveries that are on record. */
export type Recorded<Options> = Omit<Options, 'deliveries'> & { readonly deliveries: Deliveries };

export class PendingDeliveries implements Deliveries {
  readonly #recorded: Deliveries;
  readonly #posts = new Set<Promise<unknown>>();

  /** @param recorded those that are on record */
  constructor(recorded: Deliveries) {
    this.#recorded = recorded;
  }

  /** @param work posts a job's message and puts it on record */
  async post<T>(work: () => Promise<T>): Promise<T> {
    const posted = work();
    this.#posts.add(posted);
    try {
      return await posted;
    } finally {
      this.#posts.delete(posted);
    }
  }

  /** Resolves when the posts that are under way are on record, or have failed. */
  async ofMessage(platform: Platform, message: string): Promise<readonly string[]> {
    await Promise.allSettled(this.#posts);
    return await this.#recorded.ofMessage(platform, message);
  }

  get(job: string): Promise<Delivery | undefined> {
    return this.#recorded.get(job);
  }

  put(delivery: Delivery): Promise<void> {
    return this.#recorded.put(delivery);
  }
}
