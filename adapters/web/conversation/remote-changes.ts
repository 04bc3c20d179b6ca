/** Messages that other `serve` processes post, edit and remove, shown here as they change there. */

import type { MessageStore } from '../../../src/store/messages.ts';
import type { MessageNotice, MessageNotices } from '../../../src/store/notices.ts';
import { type MessageRecord, runningJson } from './message.ts';

/** What a conversation does with the changes. */
export interface RemoteListener {
  /** Whether this process follows the job of that message: it then publishes the numbers itself. */
  follows(id: string): boolean;
  onPosted(message: MessageRecord): void;
  onEdited(message: MessageRecord): void;
  /** Newer numbers of a queued or running job. */
  onProgress(message: MessageRecord): void;
  onRemoved(id: string, reader: string | undefined): void;
  /** Changes may have been missed. */
  onGap(): void;
}

export class RemoteChanges {
  readonly #notices: MessageNotices;
  readonly #store: MessageStore<MessageRecord>;
  readonly #listener: RemoteListener;
  readonly #onError: (error: unknown) => void;
  /** Rows are read one after another, so that events keep the order of the notices. */
  #last: Promise<void> = Promise.resolve();
  /** Jobs whose numbers are about to be read: further notices of them add nothing. */
  readonly #pending = new Set<string>();
  #unsubscribe: (() => Promise<void>) | undefined;

  constructor(
    notices: MessageNotices,
    store: MessageStore<MessageRecord>,
    listener: RemoteListener,
    onError: (error: unknown) => void,
  ) {
    this.#notices = notices;
    this.#store = store;
    this.#listener = listener;
    this.#onError = onError;
  }

  async open(): Promise<void> {
    this.#unsubscribe = await this.#notices.subscribe(
      (notice) => this.#onNotice(notice),
      () => this.#listener.onGap(),
    );
  }

  async close(): Promise<void> {
    await this.#unsubscribe?.();
    await this.#last;
  }

  /** Never rejects: a notice that is lost is made up for by the next change or the next load of the page. */
  async publish(notice: MessageNotice): Promise<void> {
    await this.#notices.publish(notice).catch(this.#onError);
  }

  #onNotice(notice: MessageNotice): void {
    if (notice.kind === 'moved') {
      if (this.#pending.has(notice.id)) return;
      this.#pending.add(notice.id);
    }
    this.#last = this.#last.then(() => this.#apply(notice)).catch(this.#onError);
  }

  async #apply(notice: MessageNotice): Promise<void> {
    const { kind, id } = notice;
    const listener = this.#listener;
    if (kind === 'removed') return listener.onRemoved(id, notice.reader);
    if (kind === 'moved') this.#pending.delete(id);
    if (kind === 'moved' && listener.follows(id)) return;
    const message = await this.#store.get(id);
    // Removed in the meantime: there is a notice of that as well.
    if (message === undefined) return;
    if (kind === 'posted') return listener.onPosted(message);
    if (kind === 'edited') return listener.onEdited(message);
    const { job } = message;
    if (job?.state === 'queued') return listener.onProgress(message);
    const numbers = job?.state === 'running' ? await this.#notices.running(job.id) : undefined;
    if (job === undefined || numbers === undefined) return;
    listener.onProgress({ ...message, job: { ...job, ...runningJson(numbers) } });
  }
}
