// @ts-check
/**
 * Values of options, as the server completes them: asked for once, and kept while the page is open.
 * @import { Completion } from './types.js'
 */
import { complete } from './api.js';

const MOST_KEPT = 200;
/** Milliseconds for which an answer is good: an admin may add a style, or the operator a model. */
const FRESH_MS = 60_000;

export class Completions {
  /** @type {Map<string, { at: number, values: Completion[] | undefined }>} */
  #kept = new Map();

  /** @param {() => void} onAnswer */
  constructor(onAnswer) {
    this.onAnswer = onAnswer;
  }

  /**
   * @param {string} command @param {string} option @param {string} typed
   * @returns {Completion[] | undefined} undefined until the server has answered
   */
  of(command, option, typed) {
    const key = `${command} ${option} ${typed}`;
    const found = this.#kept.get(key);
    if (found && Date.now() - found.at < FRESH_MS) return found.values;
    if (this.#kept.size >= MOST_KEPT) this.#kept.clear();
    const entry = { at: Date.now(), values: found?.values };
    this.#kept.set(key, entry);
    complete(command, option, typed).then(
      (values) => {
        entry.values = values;
        this.onAnswer();
      },
      () => undefined, // without the server, the values that the page knows are offered
    );
    return entry.values;
  }
}
