/** How far a large model is while it is opened, told at a pace that a chat can bear. */
import type { Loading } from '../../job.ts';

/** A smaller model is open before anybody has read that it is being loaded. */
const LEAST_BYTES = 1_000_000_000;
const EVERY_MS = 250;

export class LoadingWatch {
  readonly #bytes: readonly number[];
  readonly #shares: number[];
  readonly #total: number;
  readonly #onLoading: ((loading: Loading) => void) | undefined;
  #last = Number.NEGATIVE_INFINITY;

  /** @param bytes of each part that is opened, as they are stored */
  constructor(bytes: readonly number[], onLoading: ((loading: Loading) => void) | undefined) {
    this.#bytes = bytes;
    this.#shares = bytes.map(() => 0);
    this.#total = bytes.reduce((sum, size) => sum + size, 0);
    this.#onLoading = onLoading;
    this.#tell();
  }

  /** @param share of a part's bytes that has been read */
  read(part: number, share: number): void {
    this.#shares[part] = Math.max(share, this.#shares[part]!);
    this.#tell();
  }

  #tell(): void {
    const now = performance.now();
    if (this.#total < LEAST_BYTES || now - this.#last < EVERY_MS) return;
    this.#last = now;
    const opened = this.#bytes.reduce((sum, size, i) => sum + size * this.#shares[i]!, 0);
    this.#onLoading?.({ opened: Math.round(opened), total: this.#total });
  }
}
