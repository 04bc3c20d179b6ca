// @ts-check
/**
 * Calls that the page makes by itself, as it comes and whenever its server is back. They leave alone what a person has
 * yet to read at the prompt line, except that no server answered: that is over when one does.
 */
import { ApiError } from './api.js';
import { say } from './say.js';

export class Background {
  /** Sentences that say that the server is away. */
  #outages = new Set([say('page.offline')]);

  /** @param {{ refusal: string, refuse: (sentence: string) => void }} composer */
  constructor(composer) {
    this.composer = composer;
  }

  /**
   * @param {() => Promise<unknown>} call
   * @returns {Promise<boolean>} whether it succeeded
   */
  async run(call) {
    try {
      await call();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      this.#outages.add(error.message);
      this.composer.refuse(error.message);
      return false;
    }
    if (this.#outages.has(this.composer.refusal)) this.composer.refuse('');
    return true;
  }
}

/**
 * Carries a call out until it has succeeded, and not again.
 * @param {() => Promise<void>} call
 */
export function once(call) {
  /** @type {Promise<void> | undefined} */
  let done;
  return () => {
    done ??= call().catch((error) => {
      done = undefined;
      throw error;
    });
    return done;
  };
}
