// @ts-check
/**
 * Calls that the page makes by itself, as it comes and whenever its server is back. They leave alone what a person has
 * yet to read at the prompt line; what they said there themselves goes when they succeed, as does that no server answered.
 */
import { ApiError } from './api.js';
import { say } from './say.js';

export class Background {
  /** Sentences that are no longer true once a call succeeds. */
  #outages = new Set([say('page.offline')]);

  /** @param {{ refusal: string, refuse: (sentence: string) => void }} composer */
  constructor(composer) {
    this.composer = composer;
  }

  /** @param {() => Promise<unknown>} call all that is missing: where a part of it fails, the sentence is still true */
  async run(call) {
    let sentence = '';
    try {
      await call();
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      sentence = error.message;
      this.#outages.add(sentence);
    }
    const { refusal } = this.composer;
    if (refusal === '' || this.#outages.has(refusal)) this.composer.refuse(sentence);
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
