/** The program around an adapter: commands, store and a queue that develops pictures at a test's word. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { Adapter, Deliveries, Delivery } from '../../adapters/adapter.ts';
import type { MessageRecord } from '../../adapters/web/conversation/message.ts';
import { type Commands, createCommands } from '../../commands/router.ts';
import { wildcardFolder } from '../../src/choices/choices.ts';
import { DarkroomError } from '../../src/errors.ts';
import { arePixelsEqual } from '../../src/image/equal-pixels.ts';
import { drawGrid } from '../../src/image/labelled-grid.ts';
import { plainSize } from '../../src/image/plain-size.ts';
import { readPngText } from '../../src/image/png-text.ts';
import { drawRegion } from '../../src/image/region.ts';
import { readUpload } from '../../src/image/upload.ts';
import { openStore, type Store } from '../../src/store/store.ts';
import { ONLY_MINI, StandInQueue } from '../adapters/stand-in.ts';

interface Parts {
  readonly commands: Commands;
  readonly store: Store<MessageRecord>;
  readonly deliveries: Deliveries;
  readonly onError: (error: unknown) => void;
}

interface Program {
  readonly queue: StandInQueue;
  readonly errors: unknown[];
  readonly adapter: Adapter;
  /** Whether this run of it dies, as far as its chat goes, between posting a job's or a review's message and noting where. */
  readonly dying: { beforeNote: boolean; beforeReviewNote: boolean };
  /** How long it takes to note where a job's message is. */
  readonly noting: { ms: number };
  /** How long a deletion can be undone. */
  readonly undo: { ms: number };
  /** Whether a job is in the store. */
  isKnown(job: string): Promise<boolean>;
  restart(): Promise<void>;
  stop(): Promise<void>;
}

/** @param answerMs how long the commands take before their first answer */
export async function startProgram(
  folder: string,
  createAdapter: (parts: Parts) => Adapter,
  answerMs = 0,
): Promise<Program> {
  const errors: unknown[] = [];
  const undo = { ms: 60_000 };
  const noting = { ms: 0 };
  const onError = (error: unknown) => void errors.push(error);
  const kept = new Map<string, Delivery>();
  const open = async () => {
    const dying = { beforeNote: false, beforeReviewNote: false };
    const deliveries: Deliveries = {
      get: async (job) => kept.get(job),
      ofMessage: async (_platform, message) =>
        [...kept.values()].filter((one) => one.message === message).map(({ job }) => job),
      async put(delivery) {
        if (dying.beforeNote) await new Promise(() => {});
        if (noting.ms > 0) await sleep(noting.ms);
        kept.set(delivery.job, delivery);
      },
    };
    const queue = new StandInQueue();
    const store = await openStore<MessageRecord>({ folder });
    await queue.attach(store);
    const commands = createCommands({
      queue,
      jobs: store.jobs,
      pictures: store.pictures,
      settings: store.settings,
      usage: store.usage,
      gallery: store.gallery,
      wildcards: wildcardFolder(undefined),
      admins: ['web:ada', 'slack:U_ADA'],
      post: (_platform, tenant, channel, card) => adapter.post(tenant, channel, card),
      replace: (_platform, posted, card) => adapter.replace(posted, card),
      findPosted: (_platform, sought) => adapter.findPosted(sought),
      unpost: (job) => adapter.unpost(job),
      clock: store.clock,
      find: (_platform, tenant, kind, typed) => adapter.find(tenant, kind, typed),
      tenantsOf: (_platform, user) => adapter.tenantsOf(user),
      rolesOf: (_platform, server, user) => adapter.rolesOf(server, user),
      downloads: {
        offer: async () => {
          throw new DarkroomError('forbidden', 'Models are not fetched here.');
        },
        cancel: () => false,
      },
      models: {
        ...ONLY_MINI,
        async resolve(name) {
          await sleep(answerMs);
          return ONLY_MINI.resolve(name);
        },
      },
      readUpload,
      sizeOf: plainSize,
      drawRegion,
      readPictureText: readPngText,
      takenFromPhotos: () => ['canny', 'openpose'],
      arePixelsEqual,
      drawGrid,
      reviews: {
        ...store.reviews,
        async noteMessage(...noted) {
          if (dying.beforeReviewNote) await new Promise(() => {});
          await store.reviews.noteMessage(...noted);
        },
      },
      awaitedMs: 0,
      get undoMs() {
        return undo.ms;
      },
      onError,
    });
    const adapter = createAdapter({ commands, store, deliveries, onError });
    try {
      await adapter.start();
    } catch (error) {
      await adapter.stop();
      await queue.detach();
      await store.close();
      throw error;
    }
    await commands.resume((job) => adapter.reopen(job), [adapter.platform]);
    await commands.startRetention();
    return { queue, store, commands, adapter, dying };
  };
  let now = await open();
  const stop = async () => {
    now.commands.release();
    await now.adapter.stop();
    await now.queue.detach();
    await now.store.close();
  };
  return {
    get queue() {
      return now.queue;
    },
    get adapter() {
      return now.adapter;
    },
    get dying() {
      return now.dying;
    },
    errors,
    undo,
    noting,
    isKnown: async (job) => (await now.store.jobs.get(job)) !== undefined,
    async restart() {
      await stop();
      now = await open();
    },
    stop,
  };
}
