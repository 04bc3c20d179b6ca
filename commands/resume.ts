/** After a restart: unfinished jobs are followed again, and ends that were not shown are shown. */
import type { Reply } from '../adapters/adapter.ts';
import type { Platform } from '../adapters/platforms.ts';
import type { JobRecord } from '../src/store/jobs.ts';
import type { Follower } from './follow.ts';
import type { Ports } from './ports.ts';
import { removeJob } from './retention.ts';
import { settleReviews } from './review.ts';
import { finishSweepIfEnded, type SweepPorts } from './sweep-run.ts';

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
  ports: SweepPorts & Pick<Ports, 'reviews' | 'replace' | 'findPosted' | 'onError'>,
  follower: Follower,
  reopen: Reopen,
  platforms: readonly Platform[],
): Promise<Resumption> {
  const { queue, jobs, onError } = ports;
  let isStopped = false;
  // The database is closed under a search that goes on at a stop: what it has left comes at the next start.
  const report = (error: unknown) => {
    if (!isStopped) onError?.(error);
  };

  /** Shows the ends whose process died, or could not reach the platform, before they were shown. */
  const showLeft = async () => {
    for (const record of await jobs.alive(platforms)) {
      if (record.frame?.sweep !== undefined && !follower.isFollowed(record.id)) {
        await finishSweepIfEnded(record, ports);
      }
    }
    for (const id of await jobs.endsOf(platforms)) {
      if (isStopped) return;
      if (follower.isFollowed(id)) continue;
      const record = await jobs.get(id);
      // A picture of a sweep has no message of its own.
      const hasMessage = record !== undefined && record.frame?.cell === undefined;
      const reply = hasMessage ? await reopen(record) : undefined;
      await follower.showEnd(id, reply);
    }
    await settleReviews(platforms, ports);
  };

  let followed = 0;
  for (const record of await jobs.alive(platforms)) {
    const reply = await reopen(record);
    if (reply === undefined) {
      // Its message was deleted: nobody waits for it. Or another process has shown its end by now.
      if (await queue.cancel(record.id)) await removeJob(record, ports);
    } else {
      followed += 1;
      follower.follow(record, reply).catch(report);
    }
  }
  await showLeft();
  const search = setInterval(() => void showLeft().catch(report), SEARCH);
  search.unref();
  return {
    followed,
    stop() {
      isStopped = true;
      clearInterval(search);
    },
  };
}
