/** `darkroom worker`: a GPU that draws for every `darkroom serve` on the same database, until a signal ends it. */
import { loadSettings } from '../../config/settings.ts';
import { createLogger } from '../log.ts';
import { startLoneWorker } from '../worker.ts';
import { stopSignal } from './stop-signal.ts';
import { readNumber, readOptions, UsageError, type Verb } from './verb.ts';

/** Milliseconds that jobs have to end when the worker is told to stop; what has not ended is given back. */
const DRAIN = 25_000;

export const worker: Verb = {
  summary: 'a GPU worker for serve on other machines (needs DATABASE_URL)',
  help: `darkroom worker [--threads N] [--config FILE]

Draws the jobs of every darkroom serve on the same DATABASE_URL, as far as its models can. On SIGTERM it takes no
more, gives what it draws ${DRAIN / 1000} s to end, hands the rest back and ends.
  --threads N    threads of the engine; 0, the default, takes all cores
  --config FILE  settings file instead of darkroom.config.json`,

  async run(args) {
    const { values } = readOptions(args, { threads: { type: 'string' } });
    const threads = readNumber('threads', values.threads) ?? 0;
    const { settings } = loadSettings(process.env, values.config);
    const { DATABASE_URL } = settings;
    if (DATABASE_URL === undefined) {
      throw new UsageError(
        'worker needs DATABASE_URL: it finds its jobs there. Set it, or use darkroom serve, which draws itself.',
      );
    }
    const log = createLogger(settings.DARKROOM_LOG, process.stdout.isTTY === true);
    process.umask(0o077);
    const stopping = stopSignal();
    const running = await startLoneWorker({ settings: { ...settings, DATABASE_URL }, log, threads });
    // Printed whatever the log level, for the one who waits for it.
    process.stdout.write(`ready: ${running.models.join(', ')}\n`);
    await stopping;
    log.info('stopping');
    await running.stop(DRAIN);
    return 0;
  },
};
