/** `darkroom serve`: the chat and the engine behind it, until a signal ends it. */
import { flushCompileCache } from 'node:module';
import { loadSettings } from '../../config/settings.ts';
import { startApp } from '../app.ts';
import { DarkroomError } from '../errors.ts';
import { createLogger } from '../log.ts';
import { stopSignal } from './stop-signal.ts';
import { readNumber, readOptions, UsageError, type Verb } from './verb.ts';

export const serve: Verb = {
  summary: 'the chat, with the engine behind it (npm start)',
  help: `darkroom serve [--no-worker] [--threads N] [--config FILE]

Opens the web chat and prints its address. Settings: darkroom doctor lists them.
  --no-worker    draw nothing here; darkroom worker does, on the same DATABASE_URL
  --threads N    threads of the engine; 0, the default, takes all cores
  --config FILE  settings file instead of darkroom.config.json`,

  async run(args) {
    const { values } = readOptions(args, { threads: { type: 'string' }, 'no-worker': { type: 'boolean' } });
    const threads = readNumber('threads', values.threads) ?? 0;
    const { settings } = loadSettings(process.env, values.config);
    const log = createLogger(settings.DARKROOM_LOG, process.stdout.isTTY === true);
    const worker = values['no-worker'] !== true;
    if (!worker && settings.DATABASE_URL === undefined) {
      throw new UsageError(
        '--no-worker needs DATABASE_URL: only there can a worker find the jobs. Set it, or leave --no-worker out.',
      );
    }
    // People's photos and words: for this user only, whatever the shell's own mask is.
    process.umask(0o077);
    const stopped = stopSignal();
    const app = await startApp({ settings, log, threads, worker });
    // Now, since it may be killed.
    flushCompileCache();
    // Printed whatever the log level, for the one who wants to open it.
    process.stdout.write(`${app.url}\n`);
    const lost = app.lost ? [app.lost] : [];
    const reason = await Promise.race([stopped, ...lost]);
    if (reason instanceof DarkroomError) {
      // Nothing can be given back to a database that has stopped: the next start finds it as it was.
      process.stderr.write(`darkroom: ${reason.message}\n`);
      process.exit(1);
    }
    log.info('stopping');
    await app.stop();
    // A platform that does not answer may still hold a connection open.
    process.exit(0);
  },
};
