/** How far a large model is while it is opened, told at a pace that a chat can bear. */
import type { Loading } from '../../job.ts';

/** A smaller model is open before anybody has read that it is being loaded. */
const LEAST_BYTES = 1_000_000_000;
const EVERY_MS = 250;

export class LoadingWatch {
  readonly #bytes: ReadonlyMap<string, number>;
  readonly #shares = new Map<string, number>();
  readonly #total: number;
  readonly #onLoading: ((loading: Loading) => void) | undefined;
  #last = Number.NEGATIVE_INFINITY;

  /** @param bytes of each part that is opened, by its name, as they are stored */
  constructor(bytes: ReadonlyMap<string, number>, onLoading: ((loading: Loading) => void) | undefined) {
    this.#bytes = bytes;
    this.#total = [...bytes.values()].reduce((sum, size) => sum + size, 0);
    this.#onLoading = onLoading;
    this.#tell();
  }

  /** @param share of a part's bytes that has been read; other parts are not counted */
  read(part: string, share: number): void {
    this.#shares.set(part, Math.max(share, this.#shares.get(part) ?? 0));
    this.#tell();
  }

  #tell(): void {
    const now = performance.now();
    if (this.#total < LEAST_BYTES || now - this.#last < EVERY_MS) return;
    this.#last = now;
    let opened = 0;
    for (const [part, size] of this.#bytes) opened += size * (this.#shares.get(part) ?? 0);
    this.#onLoading?.({ opened: Math.round(opened), total: this.#total });
  }
}
