/** Follows jobs: each event becomes an edit of the job's one message, and its end is shown once. */
import type { Reply, User } from '../adapters/adapter.ts';
import type { Card } from '../adapters/card.ts';
import { refusalCard } from '../adapters/refusal-card.ts';
import { DarkroomError } from '../src/errors.ts';
import { sayIn } from '../src/sentences.ts';
import type { JobRecord } from '../src/store/jobs.ts';
import { endCard, liveCard } from './cards.ts';
import { followJob, type LiveEvent } from './job-card.ts';
import type { Ports } from './ports.ts';
import { postForReview } from './review.ts';
import { redrawSweep, type SweepPorts, watchSweep } from './sweep-run.ts';
import { TimeLeft } from './time-left.ts';

type FollowPorts = SweepPorts &
  Pick<Ports, 'reviews' | 'settings' | 'post' | 'findPosted' | 'awaitedMs' | 'onError'>;

export class Follower {
  readonly #ports: FollowPorts;
  /** The latest event of the jobs that are followed here. */
  readonly #live = new Map<string, LiveEvent>();
  #isReleased = false;

  constructor(ports: FollowPorts) {
    this.#ports = ports;
  }

  /** Resolves when the job has ended and its message shows the end. */
  async follow(record: JobRecord, reply: Reply): Promise<void> {
    const { queue } = this.#ports;
    const post = (card: Card) => reply.post(card);
    let isSeen = true;
    const timeLeft = new TimeLeft();
    const show = async (estimated: LiveEvent) => {
      const event = { ...estimated, etaSeconds: timeLeft.next(estimated.etaSeconds) };
      this.#live.set(record.id, event);
      if (isSeen) await post(liveCard(record, event));
    };
    const onShowError = (error: unknown) => {
      if (!(error instanceof DarkroomError)) return this.#report(error);
      // Nobody can see the result: its GPU time goes to others.
      isSeen = false;
      queue.cancel(record.id).catch((failure) => this.#report(failure));
      this.#sayPrivately(error, record, reply);
    };
    try {
      const isSweep = record.frame?.sweep !== undefined;
      const events = isSweep ? watchSweep(record, this.#ports) : queue.watch(record.id);
      await followJob(events, show, onShowError, reply.pace);
      if (isSeen) await this.showEnd(record.id, reply);
      else await this.showEnd(record.id, undefined);
    } catch (error) {
      // The database was away: the job goes on without its message, and its end is shown later (resume.ts).
      this.#report(error);
    } finally {
      this.#live.delete(record.id);
    }
  }

  isFollowed(job: string): boolean {
    return this.#live.has(job);
  }

  /** A user's queued and running jobs, oldest first, each with its latest event. */
  async jobsOf({ id }: User) {
    const records = await this.#ports.jobs.aliveOf(id);
    return records.map((record) => ({ record, event: this.#live.get(record.id) }));
  }

  /**
   * Shows a job's end, once: the process that takes it shows it, and only then it counts as shown. What is shown is one
   * message edited in place, so that showing it again after a crash in between changes nothing.
   */
  async showEnd(id: string, reply: Reply | undefined): Promise<void> {
    const record = await this.#ports.jobs.takeEnd(id);
    if (record === undefined) return;
    const mention = mentionOf(record, Date.now() - (this.#ports.awaitedMs ?? AWAITED_MS));
    try {
      await reply?.post(endCard(record));
      if (mention !== undefined && reply !== undefined) await this.#mention(record, reply, mention);
    } catch (error) {
      // A DarkroomError: the channel is gone or closed. Others may pass, and the end is shown later.
      if (!(error instanceof DarkroomError)) return this.#report(error);
      this.#sayPrivately(error, record, reply);
    }
    const { review, cell } = record.frame ?? {};
    if (review === 'held') await postForReview(record, this.#ports);
    // What a reviewer has decided about one picture of a sweep is seen in its grid.
    if (review !== undefined && review !== 'held' && cell !== undefined)
      await redrawSweep(cell.sweep, this.#ports).catch((error) => this.#report(error));
    await this.#ports.jobs.endShown(id);
  }

  /** Jobs that have not ended stay as they are, for the next start: what the queue still says is ignored. */
  release(): void {
    this.#isReleased = true;
  }

  /** Where nobody may be mentioned beside the answer, whoever asked is told in private. */
  async #mention({ user, frame }: JobRecord, reply: Reply, text: string): Promise<void> {
    try {
      await reply.mention?.(user, text);
    } catch (error) {
      if (!(error instanceof DarkroomError)) throw error;
      await reply.postEphemeral({ text, locale: frame?.locale ?? 'en' }).catch((failure: unknown) => {
        if (!(failure instanceof DarkroomError)) throw failure;
      });
    }
  }

  /** Where the answer may not stand in its place, whoever asked is told why. */
  #sayPrivately(error: DarkroomError, { frame }: JobRecord, reply: Reply | undefined): void {
    if (error.code !== 'forbidden') return;
    reply?.postEphemeral(refusalCard(error, frame?.locale)).catch((failure: unknown) => {
      // Where they cannot be told in private either, there is no way left.
      if (!(failure instanceof DarkroomError)) this.#report(failure);
    });
  }

  /** At a stop the queue ends its events early, and the database is closed under what goes on. */
  #report(error: unknown): void {
    if (!this.#isReleased) this.#ports.onError?.(error);
  }
}

/** A picture that was there at once is seen without being told. */
const AWAITED_MS = 10_000;

/** What whoever asked is told with a mention, where they want one. @param before milliseconds since 1970: what was asked since is not awaited */
function mentionOf({ at, state, frame }: JobRecord, before: number): string | undefined {
  // What waits for a reviewer is not ready: they are told when it is shown.
  const isWanted = frame?.isMentioned === true && frame.isPrivate !== true && frame.review !== 'held';
  if (!isWanted || at > before || state === 'cancelled') return undefined;
  return sayIn(frame.locale ?? 'en')(state === 'done' ? 'job.ready' : 'job.not_made');
}
