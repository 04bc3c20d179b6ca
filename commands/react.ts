/** A star given as a reaction to a message of ours: as with the Star button, it is the star of whoever reacts. */
import type { Reaction } from '../adapters/adapter.ts';
import type { JobState } from '../src/job.ts';
import type { JobRecord } from '../src/store/jobs.ts';
import { isVisible } from './job-access.ts';
import type { Ports } from './ports.ts';

/** Nobody is answered: what a reaction cannot star stays as it is. */
export class Reactions {
  readonly #ports: Pick<Ports, 'jobs' | 'gallery' | 'queue'>;
  /** Whether they star it, by job and person: reactions to pictures that are not done yet. */
  readonly #early = new Map<string, boolean>();

  constructor(ports: Pick<Ports, 'jobs' | 'gallery' | 'queue'>) {
    this.#ports = ports;
  }

  /** Resolves when the star is there; for a picture that is not done yet, when its job has ended. */
  async take(reaction: Reaction): Promise<void> {
    const { jobs } = this.#ports;
    const [latest] = (await jobs.getAll(reaction.jobs)).toSorted((a, b) => b.at - a.at);
    if (latest === undefined) return;
    if (latest.state !== 'queued' && latest.state !== 'running') return this.#star(latest, reaction);
    const key = `${latest.id} ${reaction.user}`;
    const isAwaited = this.#early.has(key);
    this.#early.set(key, reaction.isAdded);
    if (isAwaited) return;
    const end = await this.#endOf(latest.id);
    const isAdded = this.#early.get(key) ?? reaction.isAdded;
    this.#early.delete(key);
    const done = end === 'done' ? await jobs.get(latest.id) : undefined;
    if (done !== undefined) await this.#star(done, { ...reaction, isAdded });
  }

  /** @returns the last state that was heard of: at a stop of the program no job has ended */
  async #endOf(job: string): Promise<JobState | undefined> {
    let last: JobState | undefined;
    for await (const { state } of this.#ports.queue.watch(job)) last = state;
    return last;
  }

  async #star(job: JobRecord, { platform, user, tenant, isAdded }: Reaction): Promise<void> {
    // Of a grid nobody knows which picture is meant; of several pictures it is the first.
    if (job.frame?.isDeleted === true || job.frame?.sweep !== undefined) return;
    const [picture] = job.pictures;
    if (picture === undefined || !isVisible(job, { platform, user: { id: user }, where: { tenant } })) return;
    await this.#ports.gallery.setStar(picture.id, user, isAdded);
  }
}
