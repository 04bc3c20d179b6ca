// @ts-check
/**
 * Private answers that are kept up to date while they are on the page: the queue, whenever a job of this user moves.
 * @import { Message } from './types.js'
 */

/** Milliseconds between two refreshes: calls of a user, and of a network, are limited. */
const PACE_MS = 2500;

export class LiveAnswers {
  /** @type {Set<string>} */
  #ids = new Set();
  /** @type {ReturnType<typeof setTimeout> | undefined} */
  #timer;

  /**
   * @param {{
   *   get: (id: string) => Message | undefined, isShown: (id: string) => boolean,
   *   refresh: (message: Message, action: string) => Promise<unknown>,
   * }} context
   */
  constructor(context) {
    this.context = context;
  }

  /** @param {Message} message new or changed @param {boolean} isMine */
  see({ id, job, refresh }, isMine) {
    if (refresh) this.#ids.add(id);
    if (job && isMine) this.#schedule();
  }

  #schedule() {
    if (this.#timer !== undefined || this.#ids.size === 0) return;
    this.#timer = setTimeout(() => {
      this.#timer = undefined;
      this.#refresh();
    }, PACE_MS);
  }

  async #refresh() {
    if (document.visibilityState === 'hidden') return;
    for (const id of this.#ids) {
      const message = this.context.get(id);
      if (message?.refresh === undefined) this.#ids.delete(id);
      else if (this.context.isShown(id)) await this.context.refresh(message, message.refresh);
    }
  }
}
