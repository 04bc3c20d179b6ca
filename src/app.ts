/** The wiring of `darkroom serve`: store, engine process, queue, commands and the web chat, made and ended here. */

import type { Adapter } from '../adapters/adapter.ts';
import type { MessageRecord } from '../adapters/web/conversation/message.ts';
import { isLoopback } from '../adapters/web/server/access.ts';
import { createWebAdapter } from '../adapters/web/server.ts';
import type { ModelsPort } from '../commands/ports.ts';
import { createCommands } from '../commands/router.ts';
import type { Settings } from '../config/settings.ts';
import { createChatDownloads } from './chat-downloads.ts';
import { wildcardFolder } from './choices/choices.ts';
import { sweepIncoming } from './download/incoming.ts';
import { detectedKinds } from './engine/detected-kinds.ts';
import { nameOf } from './engine/device.ts';
import { engineOptions } from './engine-options.ts';
import type { DarkroomError } from './errors.ts';
import { arePixelsEqual } from './image/equal-pixels.ts';
import { drawGrid } from './image/labelled-grid.ts';
import { plainSize } from './image/plain-size.ts';
import { plotPicture } from './image/plot-picture.ts';
import { readPngText } from './image/png-text.ts';
import { PictureReader } from './image/reader.ts';
import { drawRegion } from './image/region.ts';
import { createModels, downloadFolder } from './installed-models.ts';
import type { Logger } from './log.ts';
import { describeMachine } from './machine-status.ts';
import { type Connection, connect, createPlatforms } from './platforms.ts';
import { formatFigures, readFigures } from './queue/operators.ts';
import { Queue } from './queue/queue.ts';
import { createReport } from './report.ts';
import { operateBackup } from './shell/backup.ts';
import { operateConfig } from './shell/config.ts';
import { openDoor, type ShellDoor } from './shell/door.ts';
import { operatePeople } from './shell/people.ts';
import { operateQueue } from './shell/queue.ts';
import { shownPictures } from './shown-pictures.ts';
import type { Database } from './store/sql.ts';
import { openStore, type Store } from './store/store.ts';
import { startUpkeep } from './store/upkeep.ts';
import { createEngine, type GpuWorkerOptions, startWorker } from './worker.ts';

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

interface AppOptions {
  readonly settings: Settings;
  readonly log: Logger;
  /** Threads of the engine; 0 takes all cores. */
  readonly threads?: number;
  /** URL of a module that exports createEngine, instead of the diffusion pipeline. */
  readonly engineFactory?: string;
  /** Seconds after which a call of the engine counts as hung. */
  readonly callLimit?: GpuWorkerOptions['callLimit'];
  /** False where other processes draw. */
  readonly worker?: boolean;
}

/** Starts everything, listens, and goes on with what the last process left unfinished. */
export async function startApp(options: AppOptions): Promise<App> {
  const { settings, log, threads, engineFactory: factory, worker: draws = true } = options;
  const onError = createReport(log);
  const all = await engineOptions(settings, {
    threads,
    onSlow: (what) => log.warn(what),
    // Another engine than the pipeline looks for its devices itself.
    ...(factory === undefined && { onLeftOut: (why: string) => log.error(why) }),
  });
  const models = await createModels(all[0].models, {
    index: all[0].index,
    classifier: all[0].classifier,
    detectors: all[0].detectors,
    devices: draws ? all.map(({ device }) => device) : [],
  });
  const { name } = await models.resolve();
  let ready = !draws;
  // What a start that fails half-way must end again; the app takes it over once it runs.
  await using made = new AsyncDisposableStack();
  const engines = (draws ? all : []).map((options) => ({
    engine: createEngine({ options, log, factory }),
    device: options.device,
  }));
  let isStopping = false;
  made.defer(async () => {
    isStopping = true;
    await Promise.all(engines.map(({ engine }) => engine.stop()));
  });
  // The model loads while the database opens.
  for (const { engine, device } of engines) {
    engine.warm(name).then(
      () => {
        ready = true;
        log.info(`model ${name} is ready on ${nameOf(device)}`);
      },
      (error: unknown) => {
        if (!isStopping) log.error({ err: error }, `model ${name} could not be opened on ${nameOf(device)}`);
      },
    );
  }
  const reader = new PictureReader();
  made.defer(() => reader.stop());
  const { store, queue } = await openStoreAndQueue(settings, onError);
  made.defer(() => store.close());
  made.defer(() => queue.close());
  const upkeep = startUpkeep(store, onError);
  void sweepIncoming(downloadFolder(settings), Date.now());
  made.defer(() => upkeep.close());
  const commands = createCommands({
    queue,
    models,
    downloads: createChatDownloads(settings, draws ? all[0].device.precision : undefined),
    jobs: store.jobs,
    pictures: store.pictures,
    settings: store.settings,
    usage: store.usage,
    gallery: store.gallery,
    plotPicture,
    wildcards: wildcardFolder(settings.DARKROOM_WILDCARDS),
    admins: settings.DARKROOM_ADMINS,
    post: async (platform, tenant, channel, card) =>
      adapters.find((one) => one.platform === platform)?.post(tenant, channel, card),
    findPosted: async (platform, sought) =>
      adapters.find((one) => one.platform === platform)?.findPosted(sought),
    replace: async (platform, posted, card) =>
      adapters.find((one) => one.platform === platform)?.replace(posted, card),
    unpost: async (job) => adapters.find((one) => one.platform === job.platform)?.unpost(job),
    clock: store.clock,
    find: async (platform, tenant, kind, typed) =>
      adapters.find((one) => one.platform === platform)?.find(tenant, kind, typed),
    tenantsOf: async (platform, user) =>
      (await adapters.find((one) => one.platform === platform)?.tenantsOf(user)) ?? [],
    rolesOf: async (platform, tenant, user) =>
      (await adapters.find((one) => one.platform === platform)?.rolesOf(tenant, user)) ?? [],
    readUpload: (bytes, use, turned) => reader.read(bytes, use, turned),
    sizeOf: plainSize,
    drawRegion,
    readPictureText: readPngText,
    takenFromPhotos: () => detectedKinds(settings.DARKROOM_DETECTORS),
    arePixelsEqual,
    drawGrid,
    reviews: store.reviews,
    hasClassifier: settings.DARKROOM_CLASSIFIER !== undefined,
    onError,
  });
  const connections: Connection[] = [];
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
    people: store.people,
    admins: settings.DARKROOM_ADMINS,
    ...(store.notices && { notices: store.notices }),
    pictures: shownPictures(store),
    isHeld: (picture) => store.reviews.isHeld(picture),
    readUpload: (bytes, use) => reader.read(bytes, use),
    describe: commands.describe,
    complete: commands.complete,
    ready: async () => ready && connections.every(({ isUp }) => isUp) && (await store.isWritable()),
    figures: async () => formatFigures(await readFigures(store.database)),
    usage: store.usage,
    gallery: store.gallery,
    hasRecipe: (png) => readPngText(png, ['darkroom']).size > 0,
    status: () =>
      describeMachine({
        ...{ settings, models, database: store.database, isWritable: store.isWritable },
        devices: draws ? all.map(({ device }) => device) : [],
        isUp: (platform) => connections[adapters.findIndex((one) => one.platform === platform) - 1]?.isUp,
      }),
    onError,
  });
  const adapters: readonly Adapter[] = [
    web,
    ...(await createPlatforms(settings, { commands, store, log, onError })),
  ];
  // What a platform has left unfinished goes on as soon as it is connected.
  const resume = async (adapter: Adapter) => {
    const again = await commands.resume((job) => adapter.reopen(job), [adapter.platform]);
    if (again > 0) log.info(`${adapter.platform}: ${again} unfinished jobs of the last run go on`);
  };
  log.info(await web.start());
  if (isLoopback(settings.DARKROOM_HOST) && (await isUnused(store.database))) {
    log.info(`first start: ${web.url}/welcome shows what was found, and what is missing`);
  }
  made.defer(() => web.stop());
  await resume(web);
  connections.push(...adapters.slice(1).map((one) => connect(one, log, () => resume(one))));
  made.defer(async () => void (await Promise.allSettled(connections.map((one) => one.stop()))));
  await commands.startRetention();
  const workers = await Promise.all(
    engines.map((one) =>
      startWorker({
        ...{ ...one, queue, log, onError },
        ...(options.callLimit && { callLimit: options.callLimit }),
        ...{ database: store.database, pictures: store.pictures, models },
        ...{ jobs: store.jobs, settings: store.settings },
      }),
    ),
  );
  // Alone with its database, this process knows all models that there are.
  if (draws && store.database.kind === 'embedded' && models.unread() === 0)
    await queue.dispatcher.failGone((model) => !models.names().includes(model)).catch(onError);
  // Running jobs are given back: the next start, or another worker, goes on with them.
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
    stop() {
      isStopping = true;
      return running.disposeAsync();
    },
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

/** Whether nobody has asked for anything yet. */
async function isUnused(database: Database): Promise<boolean> {
  const [row] = await database.query<{ used: boolean }>(
    'select exists (select from darkroom.job) or exists (select from darkroom.message) as used',
  );
  return row?.used === false;
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
  const operations = {
    ...{ queue: operateQueue, config: operateConfig, people: operatePeople, backup: operateBackup },
  };
  return openDoor(folder, async ({ verb, args, asker }, voice, signal) =>
    operations[verb]({
      ...{ ...voice, args, store, asker, signal },
      models: () => models,
      isAlone: false,
      cancel: (job) => queue.cancel(job),
    }),
  );
}
