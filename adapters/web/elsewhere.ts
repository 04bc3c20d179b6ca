/** Messages that other `serve` processes post, edit and remove: shown here as they change there. */

import type { MessageStore } from '../../src/store/messages.ts';
import type { MessageNotice, MessageNotices } from '../../src/store/notices.ts';
import { type MessageRecord, runningJson } from './message.ts';

/** What a conversation does with them. */
export interface Ears {
  /** A job that this process follows itself is told from here already. */
  follows(id: string): boolean;
  posted(message: MessageRecord): void;
  edited(message: MessageRecord): void;
  moved(message: MessageRecord): void;
  removed(id: string, reader: string | undefined): void;
  /** Anything may have been missed. */
  missed(): void;
}

export class Elsewhere {
  readonly #notices: MessageNotices;
  readonly #store: MessageStore<MessageRecord>;
  readonly #ears: Ears;
  readonly #onError: (error: unknown) => void;
  /** Rows are read one after another, so that events keep the notices' order. */
  #last: Promise<void> = Promise.resolve();
  /** Jobs whose numbers will be read: what comes meanwhile is read with them. */
  readonly #moving = new Set<string>();
  #deaf: (() => Promise<void>) | undefined;

  constructor(
    notices: MessageNotices,
    store: MessageStore<MessageRecord>,
    ears: Ears,
    onError: (error: unknown) => void,
  ) {
    this.#notices = notices;
    this.#store = store;
    this.#ears = ears;
    this.#onError = onError;
  }

  async open(): Promise<void> {
    this.#deaf = await this.#notices.hear(
      (notice) => this.#hear(notice),
      () => this.#ears.missed(),
    );
  }

  async close(): Promise<void> {
    await this.#deaf?.();
    await this.#last;
  }

  /** What is not told is read at the next change or load; a message is not refused for it. */
  async tell(notice: MessageNotice): Promise<void> {
    await this.#notices.tell(notice).catch(this.#onError);
  }

  #hear(notice: MessageNotice): void {
    if (notice.kind === 'moved') {
      if (this.#moving.has(notice.id)) return;
      this.#moving.add(notice.id);
    }
    this.#last = this.#last.then(() => this.#take(notice)).catch(this.#onError);
  }

  async #take(notice: MessageNotice): Promise<void> {
    const { kind, id } = notice;
    if (kind === 'removed') return this.#ears.removed(id, notice.reader);
    if (kind === 'moved') this.#moving.delete(id);
    if (kind === 'moved' && this.#ears.follows(id)) return;
    const message = await this.#store.get(id);
    // Removed meanwhile: that is told as well.
    if (message === undefined) return;
    if (kind !== 'moved') return this.#ears[kind](message);
    const { job } = message;
    if (job?.state === 'queued') return this.#ears.moved(message);
    const numbers = job?.state === 'running' ? await this.#notices.running(job.id) : undefined;
    if (job === undefined || numbers === undefined) return;
    this.#ears.moved({ ...message, job: { ...job, ...runningJson(numbers) } });
  }
}
