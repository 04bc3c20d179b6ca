/** How tests wait for what comes by itself: until it is there. Only a hang ends the wait, not a loaded machine. */
import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds, far more than anything takes that is still going on. */
export const PATIENCE = 120_000;

/**
 * Looks again and again.
 * @param what is waited for, as the end of "it did not come to be: "
 * @returns the first answer that is neither undefined nor false
 */
export async function eventually<T>(
  what: string,
  look: () => T | undefined | false | Promise<T | undefined | false>,
): Promise<T> {
  const deadline = Date.now() + PATIENCE;
  for (;;) {
    const answer = await look();
    if (answer !== undefined && answer !== false) return answer;
    if (Date.now() > deadline) throw new Error(`it did not come to be: ${what}`);
    await sleep(20);
  }
}
