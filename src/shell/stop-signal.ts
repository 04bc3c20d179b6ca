/** SIGINT and SIGTERM for the verbs that run until they are told to stop. */

/**
 * Milliseconds within which a signal comes several times for one press of Ctrl-C: the terminal signals all processes
 * of a command, and npm, npx and bin/darkroom.js pass on what they got.
 */
const ONE_PRESS = 500;

/**
 * Resolves at the first signal, for a clean stop. A second one ends the process at once.
 * @param exit ends the process
 */
export function stopSignal(exit: (code: number) => void = process.exit): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  let first: number | undefined;
  const stop = (code: number) => {
    if (first === undefined) {
      first = performance.now();
      resolve();
    } else if (performance.now() - first > ONE_PRESS) exit(code);
  };
  process.on('SIGINT', () => stop(130));
  process.on('SIGTERM', () => stop(143));
  return promise;
}
