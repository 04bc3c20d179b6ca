/** After a restart: unfinished jobs are followed again, and ends that were not shown are shown. */
import type { Reply } from '../adapters/adapter.ts';
import type { Platform } from '../adapters/platforms.ts';
import type { JobRecord } from '../src/store/jobs.ts';
import type { Follower } from './follow.ts';
import type { Ports } from './ports.ts';

/** Milliseconds between two searches for ends that nobody shows. */
const SEARCH = 5000;

/** The message of a job, from the adapter of its platform. */
export type Reopen = (record: JobRecord) => Promise<Reply | undefined>;

export interface Resumption {
  /** How many jobs are followed again. */
  readonly followed: number;
  stop(): void;
}

/**
 * Follows the unfinished jobs of these platforms, shows the ends that their messages do not show, and from then on
 * looks for ends that were left over.
 * @param reopen the message of a job, from the adapter of its platform
 */
export async function resumeJobs(
  { queue, jobs, onError }: Pick<Ports, 'queue' | 'jobs' | 'onError'>,
  follower: Follower,
  reopen: Reopen,
  platforms: readonly Platform[],
): Promise<Resumption> {
  const report = (error: unknown) => onError?.(error);

  /** Shows the ends whose process died, or could not reach the platform, before they were shown. */
  const showLeft = async () => {
    for (const id of await jobs.endsOf(platforms)) {
      if (follower.isFollowed(id)) continue;
      const record = await jobs.get(id);
      const reply = record && (await reopen(record));
      await follower.showEnd(id, reply);
    }
  };

  let followed = 0;
  for (const record of await jobs.alive(platforms)) {
    const reply = await reopen(record);
    if (reply === undefined) {
      // Its message was deleted: nobody waits for it. Or another process has shown its end by now.
      if (await queue.cancel(record.id)) await jobs.remove(record.id);
    } else {
      followed += 1;
      follower.follow(record, reply).catch(report);
    }
  }
  await showLeft();
  const search = setInterval(() => void showLeft().catch(report), SEARCH);
  search.unref();
  return { followed, stop: () => clearInterval(search) };
}
