// @ts-check
/** Messages that were deleted here and can be brought back for some seconds: the server is asked when these are over. */

/** Milliseconds in which a deletion can be undone: as long as a deleted picture can be brought back. */
const UNDO_MS = 10_000;

export class Deletions {
  /** @type {Map<string, ReturnType<typeof setTimeout>>} */
  #waiting = new Map();

  /**
   * @param {{ onChange: (id: string) => void, remove: (id: string) => Promise<unknown> }} context `onChange` shows or
   *   hides the message; `remove` asks the server
   */
  constructor(context) {
    this.context = context;
    // Whoever leaves the page meant it.
    addEventListener('pagehide', () => {
      for (const id of [...this.#waiting.keys()]) this.#finish(id);
    });
  }

  /** @param {string | null | undefined} id */
  has(id) {
    return this.#waiting.has(id ?? '');
  }

  /** @param {string} id */
  begin(id) {
    this.#waiting.set(
      id,
      setTimeout(() => this.#finish(id), UNDO_MS),
    );
    this.context.onChange(id);
  }

  /** @param {string} id */
  undo(id) {
    clearTimeout(this.#waiting.get(id));
    this.#waiting.delete(id);
    this.context.onChange(id);
  }

  /** @param {string} id */
  async #finish(id) {
    clearTimeout(this.#waiting.get(id));
    await this.context.remove(id);
    // It was refused, or it is gone by now.
    this.undo(id);
  }
}
