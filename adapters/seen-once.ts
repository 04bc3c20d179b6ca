/** Remembers the ids of events, so that one delivered twice is taken once. */
export class SeenOnce {
  readonly #ids = new Set<string>();
  readonly #most: number;

  /** @param most ids that are remembered; the oldest are forgotten first */
  constructor(most: number) {
    this.#most = most;
  }

  isNew(id: string): boolean {
    if (this.#ids.has(id)) return false;
    this.#ids.add(id);
    if (this.#ids.size > this.#most) this.#ids.delete(this.#ids.values().next().value!);
    return true;
  }
}
