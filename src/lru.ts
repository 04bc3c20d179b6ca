/** The one cache of the project: least recently used first out. */

interface LruOptions<Value> {
  /** Largest sum of sizes that is kept. */
  readonly limit: number;
  /** Whether an entry may be dropped; one that is in use may not. All may where left out. */
  readonly isIdle?: (value: Value) => boolean;
  /** Called with each value that leaves the cache to make room. */
  readonly onDrop?: (value: Value) => void;
}

export class Lru<Value> {
  readonly #options: LruOptions<Value>;
  /** Least recently used first. */
  readonly #kept = new Map<string, { readonly value: Value; readonly size: number }>();
  #total = 0;

  constructor(options: LruOptions<Value>) {
    this.#options = options;
  }

  /** Counts as a use. */
  get(key: string): Value | undefined {
    const entry = this.#kept.get(key);
    if (entry === undefined) return undefined;
    this.#kept.delete(key);
    this.#kept.set(key, entry);
    return entry.value;
  }

  /** @param size in the unit of the limit: bytes, or 1 where entries are counted */
  set(key: string, value: Value, size = 1): void {
    this.delete(key);
    this.#kept.set(key, { value, size });
    this.#total += size;
    this.trim();
  }

  delete(key: string): void {
    this.#total -= this.#kept.get(key)?.size ?? 0;
    this.#kept.delete(key);
  }

  /** Drops idle entries until the limit holds; to be called when one becomes idle. */
  trim(): void {
    const { limit, isIdle, onDrop } = this.#options;
    for (const [key, { value }] of this.#kept) {
      if (this.#total <= limit) return;
      if (isIdle?.(value) === false) continue;
      this.delete(key);
      onDrop?.(value);
    }
  }

  /** Entries that may be dropped. */
  idle(): Value[] {
    return [...this.#kept.values()]
      .map(({ value }) => value)
      .filter((value) => this.#options.isIdle?.(value) !== false);
  }

  /** Takes out idle entries without calling onDrop. @param isChosen which; all where left out @returns them */
  drop(isChosen: (value: Value) => boolean = () => true): Value[] {
    const chosen = this.idle().filter(isChosen);
    for (const [key, { value }] of this.#kept) if (chosen.includes(value)) this.delete(key);
    return chosen;
  }

  /** Empties the cache without calling onDrop. @returns what it held */
  clear(): Value[] {
    const values = [...this.#kept.values()].map(({ value }) => value);
    this.#kept.clear();
    this.#total = 0;
    return values;
  }
}
