/** The wiring of `darkroom serve`: store, engine process, queue, commands and the web chat, made and ended here. */

import type { MessageRecord } from '../adapters/web/message.ts';
import { createWebAdapter } from '../adapters/web/server.ts';
import { type Commands, createCommands } from '../commands/router.ts';
import type { Settings } from '../config/settings.ts';
import { EngineProcess } from './engine/process.ts';
import { checkPicture } from './image/inspect.ts';
import { readPngText } from './image/png-text.ts';
import { createModels, modelFolders } from './installed-models.ts';
import type { Logger } from './log.ts';
import { createQueue } from './queue/queue.ts';
import { openStore } from './store/store.ts';

export interface App {
  /** `http://127.0.0.1:3000` */
  readonly url: string;
  /** The inference process's id, for those who watch its memory; undefined while none runs. */
  readonly enginePid: number | undefined;
  /** Stops taking work; what has not ended is kept and runs again at the next start. */
  stop(): Promise<void>;
}

export interface AppOptions {
  readonly settings: Settings;
  readonly log: Logger;
  /** Threads of the engine; 0 takes all cores. */
  readonly threads?: number;
  /** URL of a module that exports createEngine, in place of the diffusion pipeline. */
  readonly engineFactory?: string;
}

/** Jobs whose latents are in memory at once. */
const SEATS = 3;

/** Starts everything, listens, and runs again what the last process left unfinished. */
export async function startApp({ settings, log, threads = 0, engineFactory }: AppOptions): Promise<App> {
  const onError = (error: unknown) => log.error({ err: error }, 'internal error');
  const folders = modelFolders(settings.DARKROOM_MODELS);
  const models = await createModels(folders);
  const store = await openStore<MessageRecord>(settings.DARKROOM_DATA);
  const engine = new EngineProcess({
    models: folders,
    threads,
    log: (line) => log.warn({ part: 'engine' }, line),
    ...(engineFactory !== undefined && { factory: engineFactory }),
  });
  const queue = createQueue({
    engine,
    seats: SEATS,
    // The prompt stays out: a job is known by its id.
    onFailure: (job, error) => log.error({ err: error, job: job.id, model: job.request.model }, 'job failed'),
  });
  const commands = createCommands({
    queue,
    models,
    jobs: store.jobs,
    pictures: store.pictures,
    checkPicture,
    readPictureText: readPngText,
    onError,
  });
  let ready = false;
  const web = createWebAdapter({
    host: settings.DARKROOM_HOST,
    port: settings.DARKROOM_PORT,
    users: settings.DARKROOM_WEB_USERS,
    admins: settings.DARKROOM_WEB_ADMINS.map((id) => (id.startsWith('web:') ? id : `web:${id}`)),
    secret: store.secret,
    ...(settings.DARKROOM_WEB_TOKEN !== undefined && { token: settings.DARKROOM_WEB_TOKEN }),
    handle: commands.handle,
    messages: store.messages,
    pictures: store.pictures,
    describe: () => commands.describe(),
    ready: () => ready,
    onError,
  });
  sayWhatIsOff(settings, log);
  log.info(await web.start());
  await resumeJobs(commands, web, log);
  const { name } = await models.resolve();
  engine.warm(name).then(
    () => {
      ready = true;
      log.info(`model ${name} is ready`);
    },
    (error: unknown) => log.error({ err: error }, `model ${name} could not be opened`),
  );

  return {
    url: web.url,
    get enginePid() {
      return engine.pid;
    },
    async stop() {
      commands.release();
      await web.stop();
      await engine.stop();
      await queue.close();
      await store.close();
    },
  };
}

async function resumeJobs(commands: Commands, web: ReturnType<typeof createWebAdapter>, log: Logger) {
  const again = await commands.resume((record) => web.reopen(record.id));
  if (again > 0) log.info(`${again} unfinished jobs of the last run are queued again`);
}

function sayWhatIsOff(settings: Settings, log: Logger): void {
  const discord = settings.DISCORD_TOKEN !== undefined;
  const slack = settings.SLACK_BOT_TOKEN !== undefined;
  log.info(
    discord
      ? 'Discord is off: this version has no adapter for it yet'
      : 'Discord is off: DISCORD_TOKEN is not set',
  );
  log.info(
    slack
      ? 'Slack is off: this version has no adapter for it yet'
      : 'Slack is off: SLACK_BOT_TOKEN is not set',
  );
  if (settings.DATABASE_URL !== undefined) {
    log.warn('DATABASE_URL is set, but this version keeps its data in DARKROOM_DATA alone');
  }
}
