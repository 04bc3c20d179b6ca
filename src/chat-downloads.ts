/** `/models add` in chat: off unless the operator lists hosts and owners, and one download at a time. */
import { randomUUID } from 'node:crypto';
import PQueue from 'p-queue';
import type { DownloadsPort } from '../commands/ports.ts';
import type { Settings } from '../config/settings.ts';
import type { Address } from './download/address.ts';
import { describeBytes } from './download/units.ts';
import type { Precision } from './engine/device.ts';
import { DarkroomError } from './errors.ts';
import { downloadFolder } from './installed-models.ts';
import { createDownloads, type Downloads, describePlan } from './model-downloads.ts';
import { sentence } from './sentences.ts';

/** Downloads that wait for the one before them. */
const MOST_WAITING = 10;

/** @param precision what this process makes pictures in; undefined where it makes none, and models would be of no use */
export function createChatDownloads(
  settings: Settings,
  precision: Precision | undefined,
  downloads: Downloads = createDownloads(settings),
): DownloadsPort {
  const allowed = settings.DARKROOM_MODELS_ADD.map((item) => item.toLowerCase());
  const queue = new PQueue({ concurrency: 1 });
  /** What ends each download that waits or runs. */
  const stops = new Map<string, AbortController>();
  const hostOf = (address: Address) =>
    address.kind === 'url'
      ? address.url.host
      : new URL(address.kind === 'hub' ? settings.HF_ENDPOINT : settings.CIVITAI_API_URL).host;
  const refuse = (what: string) => {
    throw new DarkroomError(
      'forbidden',
      sentence('download.not_allowed', { what, allowed: allowed.join(', ') }),
    );
  };

  return {
    async offer(text) {
      if (allowed.length === 0) {
        throw new DarkroomError('forbidden', sentence('download.not_from_chats'));
      }
      if (precision === undefined) {
        throw new DarkroomError('forbidden', sentence('download.draws_nothing'));
      }
      const address = downloads.parse(text);
      const host = hostOf(address).toLowerCase();
      const isListed = allowed.some((item) => item === host || item.startsWith(`${host}/`));
      if (!isListed || (address.kind === 'url' && address.url.protocol !== 'https:')) refuse(host);
      const plan = await downloads.plan(address, async () => precision);
      const owner = `${host}/${plan.owner?.toLowerCase()}`;
      if (!allowed.includes(host) && !allowed.includes(owner)) refuse(owner);
      const id = randomUUID();
      return {
        id,
        name: plan.name,
        facts: describePlan(plan),
        async fetch(onProgress) {
          if (queue.size >= MOST_WAITING) {
            throw new DarkroomError('too_many', sentence('download.queue_full', { count: queue.size }));
          }
          if (queue.pending > 0)
            onProgress(sentence('download.waiting', { count: queue.size + queue.pending }));
          const stop = new AbortController();
          const { signal } = stop;
          stops.set(id, stop);
          const work = async () => {
            const begun = performance.now();
            let since: number | undefined;
            await downloads.fetch(plan, downloadFolder(settings), {
              signal,
              onProgress(bytes, total) {
                since ??= bytes;
                onProgress(
                  describeBytes(bytes, total, { seconds: (performance.now() - begun) / 1000, since }),
                );
              },
            });
          };
          try {
            await queue.add(work, { signal });
          } catch (error) {
            // One that waited has not begun to say so itself.
            if (!signal.aborted) throw error;
            throw new DarkroomError('cancelled', sentence('download.stopped'), { cause: error });
          } finally {
            stops.delete(id);
          }
        },
      };
    },
    cancel(id) {
      const stop = stops.get(id);
      stop?.abort();
      return stop !== undefined;
    },
  };
}
