/** Errors for the operator's log. What comes again and again while something is away is logged once, then counted. */
import { DatabaseAway, DiskFull } from './errors.ts';
import type { Logger } from './log.ts';

/** Milliseconds without another such error after which it counts as over. */
const OVER = 10_000;

interface Trouble {
  readonly since: number;
  count: number;
  over: NodeJS.Timeout;
}

export function createReport(log: Logger, overAfter: number = OVER): (error: unknown) => void {
  const troubles = new Map<string, Trouble>();
  return (error) => {
    if (!(error instanceof DatabaseAway || error instanceof DiskFull)) {
      return log.error({ err: error }, 'internal error');
    }
    const { name, message } = error;
    const wait = () =>
      setTimeout(() => {
        const { count, since } = troubles.get(name)!;
        troubles.delete(name);
        const seconds = Math.round((performance.now() - since - overAfter) / 1000);
        log.info(`That is over after ${seconds} s and ${count} errors: ${message}`);
      }, overAfter).unref();
    const trouble = troubles.get(name);
    if (trouble === undefined) {
      troubles.set(name, { since: performance.now(), count: 1, over: wait() });
      return log.error({ err: error }, message);
    }
    trouble.count += 1;
    clearTimeout(trouble.over);
    trouble.over = wait();
  };
}
