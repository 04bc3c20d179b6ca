/** The wiring of a GPU worker: an engine process that runs the jobs of the queue, in `serve` or on its own. */
import { randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import { refusalOf } from '../commands/licences.ts';
import type { Settings } from '../config/settings.ts';
import { type Device, nameOf } from './engine/device.ts';
import { type EngineOptions, EngineProcess } from './engine/process/process.ts';
import { engineOptions } from './engine-options.ts';
import { DarkroomError, type ErrorCode } from './errors.ts';
import { createModels, type InstalledModels } from './installed-models.ts';
import type { Logger } from './log.ts';
import { Queue } from './queue/queue.ts';
import { Worker } from './queue/worker.ts';
import type { WorkerOptions } from './queue/worker-options.ts';
import { readWorkers, registerWorker, unregisterWorker } from './queue/worker-registry.ts';
import { createReport } from './report.ts';
import type { SettingsStore } from './settings/store.ts';
import type { JobStore } from './store/jobs.ts';
import type { PictureStore } from './store/pictures.ts';
import type { Database } from './store/sql.ts';
import { openStore } from './store/store.ts';

/** Jobs whose latents are in memory at the same time. */
const SLOTS = 3;
/** Milliseconds between two registrations. */
const PRESENCE = 10_000;
/** Milliseconds that a stop waits for a denoiser call before the engine is ended under it. */
const PATIENCE = 3000;

interface EngineSettings {
  readonly options: EngineOptions;
  readonly log: Logger;
  /** URL of a module that exports createEngine, instead of the diffusion pipeline. */
  readonly factory?: string | undefined;
}

export function createEngine({ options, log, factory }: EngineSettings): EngineProcess {
  return new EngineProcess({
    ...options,
    log: (line) => log.warn({ part: 'engine' }, line),
    ...(factory !== undefined && { factory }),
  });
}

export interface GpuWorkerOptions {
  readonly engine: EngineProcess;
  /** Of the engine. */
  readonly device: Device;
  readonly queue: Queue;
  readonly database: Database;
  readonly pictures: PictureStore;
  readonly jobs: JobStore;
  readonly settings: SettingsStore;
  /** Those of them that its memory can hold are run. */
  readonly models: InstalledModels;
  readonly log: Logger;
  /** Called with errors that are no job's. */
  readonly onError: (error: unknown) => void;
  /** Seconds after which a call of the engine counts as hung. */
  readonly callLimit?: WorkerOptions['callLimit'];
}

/** What a request asked for cannot be done: nobody has to mend anything. */
const REFUSALS: readonly ErrorCode[] = [
  ...(['bad_request', 'bad_picture', 'unsupported', 'not_found', 'forbidden'] as const),
  ...(['too_large', 'too_many', 'cancelled'] as const),
];

const isRefusal = (error: unknown): error is DarkroomError =>
  error instanceof DarkroomError && REFUSALS.includes(error.code);

interface GpuWorker {
  /** Names of the models that it runs. */
  readonly models: readonly string[];
  /** @param grace milliseconds that running jobs have to end; the rest goes back to the queue */
  stop(grace: number): Promise<void>;
}

/** Takes jobs from now on. */
export async function startWorker(options: GpuWorkerOptions): Promise<GpuWorker> {
  const { engine, queue, database, pictures, jobs, settings, log, onError } = options;
  const id = `${hostname()}:${process.pid}:${randomUUID().slice(0, 8)}`;
  const { limit, memory } = options.device;
  let models: readonly string[] = [];
  const warned = new Set<string>();
  const look = async () => {
    const { names, tooLarge } = await options.models.fitting(options.device);
    models = names;
    for (const { name, bytes } of tooLarge) {
      if (warned.has(name)) continue;
      warned.add(name);
      log.warn(
        `model ${name} is not run on ${nameOf(options.device)}: its largest part takes ${gib(bytes)}, the device has ${gib(limit ?? memory)}`,
      );
    }
  };
  await look();
  const worker = new Worker({
    id,
    ...{ queue: queue.dispatcher, events: queue.events, costs: queue.costs },
    ...{ engine, pictures, onError },
    models: () => models,
    fits: async (request, isModerated) =>
      (await options.models.plan(request, options.device, isModerated)).fits,
    refusal: (job) => refusalOf(job, { jobs, settings, pictures, models: options.models }),
    slots: SLOTS,
    device: nameOf(options.device),
    canRunElsewhere: async ({ model }) =>
      (await readWorkers(database)).some((other) => other.id !== id && other.models.includes(model)),
    ...(options.callLimit && { callLimit: options.callLimit }),
    // The prompt stays out: a job is known by its id.
    onFailure(job, error) {
      const about = { job: job.id, model: job.model };
      if (isRefusal(error)) log.info({ ...about, code: error.code }, 'job refused');
      else log.error({ err: error, ...about }, 'job failed');
    },
  });
  const register = (isDraining: boolean) =>
    registerWorker(database, { id, models, slots: SLOTS, isDraining }).catch(onError);
  await register(false);
  const presence = setInterval(() => void register(false), PRESENCE);
  presence.unref();
  const forget = options.models.onChange(async () => {
    const before = models;
    await look();
    await register(false);
    const gone = before.filter((model) => !options.models.names().includes(model));
    if (gone.length > 0) await queue.dispatcher.failGone((model) => gone.includes(model)).catch(onError);
  });
  return {
    get models() {
      return models;
    },
    async stop(grace) {
      clearInterval(presence);
      forget();
      await register(true);
      const stopped = worker.stop(grace);
      const patience = setTimeout(() => void engine.stop(), grace + PATIENCE);
      await stopped;
      clearTimeout(patience);
      await engine.stop();
      await unregisterWorker(database, id).catch(onError);
    },
  };
}

const gib = (bytes: number) => `${(bytes / 2 ** 30).toFixed(1)} GiB`;

interface LoneWorkerOptions {
  readonly settings: Settings & { readonly DATABASE_URL: string };
  readonly log: Logger;
  readonly threads?: number;
  /** URL of a module that exports createEngine, instead of the diffusion pipeline. */
  readonly engineFactory?: string | undefined;
}

/** A worker without a chat, one engine for each device: it draws for every `darkroom serve` on the same database. */
export async function startLoneWorker(options: LoneWorkerOptions): Promise<GpuWorker> {
  const { settings, log, threads, engineFactory: factory } = options;
  const { DARKROOM_DATA: folder, DATABASE_URL: url, DARKROOM_PICTURES: pictures } = settings;
  const onError = createReport(log);
  const engines = await engineOptions(settings, {
    threads,
    onSlow: (what) => log.warn(what),
    // Another engine than the pipeline looks for its devices itself.
    ...(factory === undefined && { onLeftOut: (why: string) => log.error(why) }),
  });
  const models = await createModels(engines[0].models, {
    index: engines[0].index,
    classifier: engines[0].classifier,
    detectors: engines[0].detectors,
  });
  const store = await openStore({ folder, url, pictures, onError });
  const queue = await Queue.open({ database: store.database, url, onError });
  const { name } = await models.resolve();
  const workers = await Promise.all(
    engines.map(async (engineOptions) => {
      const engine = createEngine({ options: engineOptions, log, factory });
      await engine.warm(name);
      return startWorker({
        ...{ engine, device: engineOptions.device, queue, log, onError },
        ...{ database: store.database, pictures: store.pictures, models },
        ...{ jobs: store.jobs, settings: store.settings },
      });
    }),
  );
  return {
    models: [...new Set(workers.flatMap((worker) => worker.models))],
    async stop(grace) {
      await Promise.all(workers.map((worker) => worker.stop(grace)));
      await queue.close();
      await store.close();
    },
  };
}
