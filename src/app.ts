/** The wiring of `darkroom serve`: store, engine process, queue, commands and the web chat, made and ended here. */

import type { Adapter, Deliveries } from '../adapters/adapter.ts';
import type { Platform } from '../adapters/platforms.ts';
import type { MessageRecord } from '../adapters/web/conversation/message.ts';
import { createWebAdapter } from '../adapters/web/server.ts';
import { formOf } from '../commands/forms.ts';
import { KOREAN } from '../commands/korean.ts';
import type { ModelsPort } from '../commands/ports.ts';
import { COMMANDS, type Commands, createCommands } from '../commands/router.ts';
import type { Settings } from '../config/settings.ts';
import { nameOf } from './engine/device.ts';
import { engineOptions } from './engine-options.ts';
import { type DarkroomError, DiskFull, describeError } from './errors.ts';
import { plainSize } from './image/plain-size.ts';
import { readPngText } from './image/png-text.ts';
import { PictureReader } from './image/reader.ts';
import { drawRegion } from './image/region.ts';
import { shrinkPicture } from './image/shrink.ts';
import { createModels } from './installed-models.ts';
import type { Logger } from './log.ts';
import { formatFigures, readFigures } from './queue/operators.ts';
import { Queue } from './queue/queue.ts';
import { operateConfig } from './shell/config.ts';
import { openDoor, type ShellDoor } from './shell/door.ts';
import { operateQueue } from './shell/queue.ts';
import { openStore, type Store } from './store/store.ts';
import { startUpkeep } from './store/upkeep.ts';
import { createEngine, startWorker } from './worker.ts';

export interface App {
  /** `http://127.0.0.1:3000` */
  readonly url: string;
  /** The first inference process's id, for those who watch its memory; undefined while none runs here. */
  readonly enginePid: number | undefined;
  /** Why it cannot go on: end the process. */
  readonly lost?: Promise<DarkroomError>;
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
  /** False where other processes draw. */
  readonly worker?: boolean;
}

/** Of a picture that somebody attaches on Discord or Slack. */
const MAX_PICTURE_BYTES = 20 * 1024 * 1024;

/** Starts everything, listens, and goes on with what the last process left unfinished. */
export async function startApp(options: AppOptions): Promise<App> {
  const { settings, log, threads, engineFactory: factory, worker: draws = true } = options;
  const onError = createReport(log);
  const all = engineOptions(settings, { threads });
  const models = await createModels(all[0].models);
  const { name } = await models.resolve();
  let ready = !draws;
  // What a start that fails half-way must end again; the app takes it over once it runs.
  await using made = new AsyncDisposableStack();
  const engines = (draws ? all : []).map((options) => ({
    engine: createEngine({ options, log, factory }),
    device: options.device,
  }));
  made.defer(async () => void (await Promise.all(engines.map(({ engine }) => engine.stop()))));
  // The model loads while the database opens.
  for (const { engine, device } of engines) {
    engine.warm(name).then(
      () => {
        ready = true;
        log.info(`model ${name} is ready on ${nameOf(device)}`);
      },
      (error: unknown) => log.error({ err: error }, `model ${name} could not be opened on ${nameOf(device)}`),
    );
  }
  const reader = new PictureReader();
  made.defer(() => reader.stop());
  const { store, queue } = await openStoreAndQueue(settings, onError);
  made.defer(() => store.close());
  made.defer(() => queue.close());
  const upkeep = startUpkeep(store, onError);
  made.defer(() => upkeep.close());
  const commands = createCommands({
    queue,
    models,
    jobs: store.jobs,
    pictures: store.pictures,
    settings: store.settings,
    admins: settings.DARKROOM_ADMINS,
    async post(platform, tenant, channel, card) {
      await adapters.find((one) => one.platform === platform)?.post(tenant, channel, card);
    },
    unpost: async (job) => adapters.find((one) => one.platform === job.platform)?.unpost(job),
    clock: store.clock,
    rolesOf: async (platform, tenant, user) =>
      (await adapters.find((one) => one.platform === platform)?.rolesOf(tenant, user)) ?? [],
    readUpload: (bytes, use) => reader.read(bytes, use),
    sizeOf: plainSize,
    drawRegion,
    readPictureText: readPngText,
    onError,
  });
  const web = createWebAdapter({
    host: settings.DARKROOM_HOST,
    port: settings.DARKROOM_PORT,
    users: settings.DARKROOM_WEB_USERS,
    secret: store.secret,
    ...(settings.DARKROOM_WEB_TOKEN !== undefined && { token: settings.DARKROOM_WEB_TOKEN }),
    ...(settings.DARKROOM_URL !== undefined && { publicUrl: settings.DARKROOM_URL }),
    trustedProxies: settings.DARKROOM_TRUSTED_PROXIES,
    onNotice: (sentence) => log.warn(sentence),
    handle: commands.handle,
    messages: store.messages,
    ...(store.notices && { notices: store.notices }),
    pictures: store.pictures,
    readUpload: (bytes, use) => reader.read(bytes, use),
    describe: () => commands.describe(),
    ready: async () => ready && (await isReachable(store)),
    figures: async () => formatFigures(await readFigures(store.database)),
    onError,
  });
  const adapters: readonly Adapter[] = [
    web,
    ...(await createPlatforms(settings, { commands, store, log, onError })),
  ];
  log.info(await web.start());
  made.defer(async () => void (await Promise.allSettled(adapters.map((one) => one.stop()))));
  // A platform that cannot be reached holds up neither the others nor the start.
  const connected = await Promise.allSettled(
    adapters.slice(1).map(async (one) => log.info(await one.start())),
  );
  for (const result of connected)
    if (result.status === 'rejected') log.error(describeError(result.reason).message);
  await resumeJobs(commands, adapters, log);
  const workers = await Promise.all(
    engines.map((one) =>
      startWorker({
        ...{ ...one, queue, log },
        ...{ database: store.database, pictures: store.pictures, models },
      }),
    ),
  );
  // What is being drawn is given back: the next start, or another worker, goes on with it.
  made.defer(async () => void (await Promise.all(workers.map((worker) => worker.stop(0)))));
  made.defer(() => commands.release());
  const door = await openShellDoor({ folder: settings.DARKROOM_DATA, store, queue, models }).catch(onError);
  made.defer(async () => door?.close());
  const running = made.move();

  return {
    url: web.url,
    get enginePid() {
      return engines[0]?.engine.pid;
    },
    ...(store.lost && { lost: store.lost }),
    stop: () => running.disposeAsync(),
  };
}

/** Milliseconds for which a full disk, once told, is not told again. */
const QUIET = 60_000;

/** All that retries on a full disk would fill the log as well: its trouble is told once, not for each try. */
function createReport(log: Logger): (error: unknown) => void {
  let lastFull = Number.NEGATIVE_INFINITY;
  return (error) => {
    if (!(error instanceof DiskFull)) return log.error({ err: error }, 'internal error');
    const isTold = performance.now() - lastFull < QUIET;
    lastFull = performance.now();
    if (!isTold) log.error({ err: error }, error.message);
  };
}

async function openStoreAndQueue(settings: Settings, onError: (error: unknown) => void) {
  const { DARKROOM_DATA: folder, DATABASE_URL: url, DARKROOM_PICTURES: pictures } = settings;
  const store = await openStore<MessageRecord>({ folder, url, pictures, onError });
  try {
    const queue = await Queue.open({ database: store.database, url, onError });
    // Alone with its database, this process knows that whoever held a job is dead.
    if (store.database.kind === 'embedded') await queue.dispatcher.recover();
    return { store, queue };
  } catch (error) {
    await store.close();
    throw error;
  }
}

interface DoorParts {
  readonly folder: string;
  readonly store: Store<MessageRecord>;
  readonly queue: Queue;
  readonly models: ModelsPort;
}

/** Where nobody else can open the database, the shell asks this process. */
async function openShellDoor({ folder, store, queue, models }: DoorParts): Promise<ShellDoor | undefined> {
  if (store.database.kind !== 'embedded') return undefined;
  const operations = { queue: operateQueue, config: operateConfig };
  return openDoor(folder, async ({ verb, args, asker }, voice, signal) =>
    operations[verb]({
      ...{ ...voice, args, store, asker, signal },
      models: () => models,
      isAlone: false,
      cancel: (job) => queue.cancel(job),
    }),
  );
}

async function isReachable({ database }: Store<MessageRecord>): Promise<boolean> {
  return database.query('select 1').then(
    () => true,
    () => false,
  );
}

async function resumeJobs(commands: Commands, adapters: readonly Adapter[], log: Logger) {
  const again = await commands.resume(
    async (job) => adapters.find(({ platform }) => platform === job.platform)?.reopen(job),
    adapters.map(({ platform }) => platform),
  );
  if (again > 0) log.info(`${again} unfinished jobs of the last run go on`);
}

interface PlatformParts {
  readonly commands: Commands;
  readonly store: Store<MessageRecord>;
  readonly log: Logger;
  readonly onError: (error: unknown) => void;
}

/** Discord and Slack where their tokens are set, their clients loaded only then; the log says which are off. */
async function createPlatforms(
  settings: Settings,
  { commands, store, log, onError }: PlatformParts,
): Promise<Adapter[]> {
  const shared = {
    maxPictureBytes: MAX_PICTURE_BYTES,
    handle: commands.handle,
    formOf,
    pictures: store.pictures,
    deliveries: createDeliveries(store),
    onError,
  };
  const platforms: Adapter[] = [];
  const {
    DISCORD_TOKEN,
    DISCORD_API_URL,
    SLACK_BOT_TOKEN,
    SLACK_APP_TOKEN,
    SLACK_SIGNING_SECRET,
    SLACK_API_URL,
  } = settings;
  if (DISCORD_TOKEN === undefined) log.info('Discord is off: DISCORD_TOKEN is not set');
  else {
    const { createDiscordAdapter } = await import('../adapters/discord/adapter.ts');
    platforms.push(
      createDiscordAdapter({
        ...shared,
        token: DISCORD_TOKEN,
        ...(DISCORD_API_URL !== undefined && { apiUrl: DISCORD_API_URL }),
        mediaHosts: settings.DISCORD_MEDIA_HOSTS,
        commands: COMMANDS,
        korean: KOREAN,
        suggest: commands.suggest,
        shrink: shrinkPicture,
      }),
    );
  }
  if (SLACK_BOT_TOKEN === undefined) log.info('Slack is off: SLACK_BOT_TOKEN is not set');
  else if (SLACK_APP_TOKEN === undefined && SLACK_SIGNING_SECRET === undefined) {
    log.error('Slack is off: set SLACK_APP_TOKEN for Socket Mode, or SLACK_SIGNING_SECRET for HTTP mode');
  } else {
    const { createSlackAdapter } = await import('../adapters/slack/adapter.ts');
    platforms.push(
      createSlackAdapter({
        ...shared,
        botToken: SLACK_BOT_TOKEN,
        ...(SLACK_APP_TOKEN !== undefined && { appToken: SLACK_APP_TOKEN }),
        ...(SLACK_SIGNING_SECRET !== undefined && { signingSecret: SLACK_SIGNING_SECRET }),
        ...(SLACK_API_URL !== undefined && { apiUrl: SLACK_API_URL }),
        host: settings.SLACK_HOST,
        port: settings.SLACK_PORT,
        mediaHosts: settings.SLACK_MEDIA_HOSTS,
      }),
    );
  }
  return platforms;
}

function createDeliveries({ deliveries }: Store<MessageRecord>): Deliveries {
  return {
    async get(job) {
      const kept = await deliveries.get(job);
      return kept && { ...kept, platform: kept.platform as Platform };
    },
    put: (delivery) => deliveries.put(delivery),
  };
}
