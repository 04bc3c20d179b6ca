/**
 * One process of Darkroom around an engine of arithmetic: `node.ts serve|chat|worker`, settings from the environment.
 * CALL_LIMIT: seconds after which a call of the engine counts as hung.
 */
import { once } from 'node:events';
import { loadSettings } from '../../config/settings.ts';
import { startApp } from '../../src/app.ts';
import { createLogger } from '../../src/log.ts';
import { startLoneWorker } from '../../src/worker.ts';

const [role] = process.argv.slice(2);
const { settings } = loadSettings(process.env);
const log = createLogger('error', false);
const engineFactory = new URL('../engine/stand-in.ts', import.meta.url).href;
const limit = process.env['CALL_LIMIT'];
const callLimit = limit === undefined ? {} : { callLimit: () => Number(limit) };
const stopping = once(process, 'SIGTERM');
if (role === 'worker') {
  const { DATABASE_URL } = settings;
  if (DATABASE_URL === undefined) throw new Error('DATABASE_URL is not set');
  const worker = await startLoneWorker({ settings: { ...settings, DATABASE_URL }, log, engineFactory });
  process.stdout.write('ready\n');
  await stopping;
  await worker.stop(10_000);
} else {
  const app = await startApp({ settings, log, engineFactory, ...callLimit, worker: role === 'serve' });
  process.stdout.write('ready\n');
  await stopping;
  await app.stop();
  process.exit(0);
}
