/** Deletions that can be undone for some seconds. What a stop interrupts is deleted at the next start. */
import type { JobRecord } from '../src/store/jobs.ts';
import type { Ports } from './ports.ts';
import { removeJob } from './retention.ts';

/** Milliseconds in which a deletion can be undone. */
const UNDO = 10_000;

type DeletionPorts = Pick<Ports, 'queue' | 'jobs' | 'unpost' | 'onError' | 'undoMs'>;

export class Deletions {
  readonly #ports: DeletionPorts;
  readonly #waiting = new Map<string, NodeJS.Timeout>();
  #isReleased = false;

  constructor(ports: DeletionPorts) {
    this.#ports = ports;
  }

  /**
   * Call it when the job is marked as deleted, and its message says so.
   * @param removeMessage deletes the message that stands in the picture's place, where the platform lets only its asker
   */
  finishLater(record: JobRecord, removeMessage: () => Promise<void>): void {
    const { undoMs = UNDO } = this.#ports;
    clearTimeout(this.#waiting.get(record.id));
    const finish = () => {
      this.#waiting.delete(record.id);
      this.#finish(record, removeMessage).catch((error: unknown) => this.#report(error));
    };
    this.#waiting.set(record.id, setTimeout(finish, undoMs).unref());
  }

  async undo({ id }: JobRecord): Promise<void> {
    clearTimeout(this.#waiting.get(id));
    this.#waiting.delete(id);
    await this.#ports.jobs.setDeleted(id, false);
  }

  /** What the last process has not finished. */
  async finishLeft(): Promise<void> {
    for (const record of await this.#ports.jobs.deleted()) {
      if (!this.#waiting.has(record.id)) await this.#finish(record, async () => undefined);
    }
  }

  /** They are finished at the next start. */
  release(): void {
    this.#isReleased = true;
    for (const timer of this.#waiting.values()) clearTimeout(timer);
    this.#waiting.clear();
  }

  async #finish(record: JobRecord, removeMessage: () => Promise<void>): Promise<void> {
    const { unpost } = this.#ports;
    // The picture goes even where its message cannot be deleted.
    await removeMessage()
      .catch(() => unpost(record))
      .catch((error: unknown) => this.#report(error));
    await removeJob(record, this.#ports);
  }

  /** At a stop the database and the platforms are closed under what goes on. */
  #report(error: unknown): void {
    if (!this.#isReleased) this.#ports.onError?.(error);
  }
}
