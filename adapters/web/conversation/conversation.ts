/** The messages of the web chat: posted, edited in place, removed, and published to the open event streams. */
import { randomBytes } from 'node:crypto';
import { DarkroomError } from '../../../src/errors.ts';
import { sentence } from '../../../src/sentences.ts';
import type { MessageRange, MessageStore } from '../../../src/store/messages.ts';
import type { MessageNotices } from '../../../src/store/notices.ts';
import type { EventHub } from './event-hub.ts';
import {
  isMessageId,
  type JobEventJson,
  type MessageJson,
  type MessageRecord,
  messageJson,
} from './message.ts';
import { RemoteChanges, type RemoteListener } from './remote-changes.ts';

export interface ConversationOptions {
  /** Set where other processes serve the same conversation. */
  readonly notices?: MessageNotices;
  readonly onError?: (error: unknown) => void;
  /** The path below which the chat is served, without a slash at its end. */
  readonly basePath?: string;
}

export class Conversation {
  readonly #store: MessageStore<MessageRecord>;
  readonly #hub: EventHub;
  readonly #basePath: string;
  /** Messages of queued and running jobs: their numbers change too often to write each change to the disk. */
  readonly #live = new Map<string, MessageRecord>();
  /** The same for jobs that other processes follow. */
  readonly #remote = new Map<string, MessageRecord>();
  readonly #changes: RemoteChanges | undefined;
  /** Two processes may create an id in the same microsecond. */
  readonly #idSuffix = randomBytes(4).toString('hex');
  #lastTime = 0;
  readonly #onError: (error: unknown) => void;
  #timer: NodeJS.Timeout | undefined;

  constructor(store: MessageStore<MessageRecord>, hub: EventHub, options: ConversationOptions = {}) {
    this.#store = store;
    this.#hub = hub;
    const { notices, onError = () => {}, basePath = '' } = options;
    this.#basePath = basePath;
    this.#onError = onError;
    this.#changes = notices && new RemoteChanges(notices, store, this.#remoteListener(), onError);
  }

  /** Call it before the first message: new ids must follow the stored ones even if the clock was set back. */
  async open(): Promise<void> {
    const last = (await this.#store.lastId()) ?? '0';
    this.#lastTime = Number.parseInt(last.slice(0, TIME_DIGITS), 36);
    await this.#changes?.open();
    await this.#expire();
    this.#timer = setInterval(() => this.#expire().catch(this.#onError), EXPIRY_CHECK_MS);
    this.#timer.unref();
  }

  async close(): Promise<void> {
    clearInterval(this.#timer);
    await this.#changes?.close();
  }

  /** Ids grow with time, so that `after` is a comparison and still works when that message was deleted. */
  newId(): string {
    this.#lastTime = Math.max(Date.now() * 1000, this.#lastTime + 1);
    return this.#lastTime.toString(36).padStart(TIME_DIGITS, '0') + this.#idSuffix;
  }

  /** Messages that a user may see, oldest first. */
  async list(user: string, range: MessageRange): Promise<MessageJson[]> {
    const stored = await this.#store.list(user, range);
    return stored.map((message) => this.toJson(this.#newest(message)));
  }

  /** The message as it is sent. */
  toJson(message: MessageRecord): MessageJson {
    return messageJson(message, this.#basePath);
  }

  /** All messages after an id that a user may see, oldest first, read in parts of the history. */
  async *listAll(user: string, after: string): AsyncGenerator<MessageJson[]> {
    for (let last: string | undefined = after; last !== undefined; ) {
      const part: MessageJson[] = await this.list(user, { after: last, limit: PART });
      yield part;
      last = part.length === PART ? part.at(-1)?.id : undefined;
    }
  }

  /** @throws DarkroomError('not_found'), also for a private message of somebody else */
  async find(id: string, user: string): Promise<MessageRecord> {
    const message = isMessageId(id) ? (this.#live.get(id) ?? (await this.#store.get(id))) : undefined;
    if (message !== undefined && (message.reader ?? user) === user) return message;
    throw new DarkroomError('not_found', sentence('web.message_gone'));
  }

  /** For the program itself, whoever may see it; undefined for one that is gone. */
  get(id: string): Promise<MessageRecord | undefined> {
    return this.#store.get(id);
  }

  /** The message that shows a job. */
  async ofJob(job: string): Promise<MessageRecord | undefined> {
    const message = await this.#store.ofJob(job);
    return message && this.#newest(message);
  }

  /** The bot's answer to a user's message. */
  async answerTo({ answer }: MessageRecord): Promise<MessageRecord | undefined> {
    if (answer === undefined) return undefined;
    return this.#live.get(answer) ?? (await this.#store.get(answer));
  }

  /** A new message, stored before anybody sees it. */
  async post(message: MessageRecord): Promise<void> {
    if (isLive(message)) this.#live.set(message.id, message);
    await this.#store.put(withoutPreview(message));
    this.#publishMessage(message);
    await this.#changes?.publish({ kind: 'posted', id: message.id });
  }

  /**
   * A newer state of a message. It is stored before anybody sees it, except for the numbers of a job.
   * @returns false if the message was deleted in the meantime; it stays deleted
   */
  async edit(message: MessageRecord): Promise<boolean> {
    const { id } = message;
    const before = this.#live.get(id);
    if (isLive(message)) {
      if (!(await this.#exists(message))) return false;
      this.#live.set(id, withLastPreview(message, this.#live.get(id)));
    } else {
      if (!(await this.#store.replace(withoutPreview(message)))) return false;
      this.#live.delete(id);
    }
    this.#publishEdit(message, before);
    await this.#changes?.publish({ kind: isLive(message) ? 'moved' : 'edited', id });
    return true;
  }

  async remove(id: string): Promise<void> {
    this.#live.delete(id);
    const message = await this.#store.remove(id);
    if (message === undefined) return;
    this.#hub.publish({ name: 'removed', data: { id }, ...readerOf(message) });
    await this.#changes?.publish({ kind: 'removed', id, ...readerOf(message) });
    await this.#removeUploads(message);
  }

  /** A job's message, and the user's own message that it answers: the prompt stands in both. */
  async removeWithRequest({ id, reply_to: requestId }: MessageRecord): Promise<void> {
    const request = requestId === undefined ? undefined : await this.#store.get(requestId);
    await this.remove(id);
    if (request?.answer === id) await this.remove(request.id);
  }

  /** The pictures that a user attached belong to the job, and go with it. */
  async #removeUploads({ id, reply_to: requestId }: MessageRecord): Promise<void> {
    const request = requestId === undefined ? undefined : await this.#store.get(requestId);
    if (request?.answer === id && request.pictures.length > 0) await this.edit({ ...request, pictures: [] });
  }

  /** Private answers are for the moment: a recipe, a list. They can be asked for again. */
  async #expire(): Promise<void> {
    for (const message of await this.#store.removePrivate(Date.now() - PRIVATE_MS)) {
      this.#hub.publish({ name: 'removed', data: { id: message.id }, ...readerOf(message) });
      await this.#changes?.publish({ kind: 'removed', id: message.id, ...readerOf(message) });
    }
  }

  #newest(message: MessageRecord): MessageRecord {
    return this.#live.get(message.id) ?? this.#remote.get(message.id) ?? message;
  }

  /**
   * Whether a live message still exists. Other processes read its state, its position in the queue and its finished
   * pictures from the row, so these are stored; the steps of a running job they read from the queue.
   */
  async #exists(message: MessageRecord): Promise<boolean> {
    const before = this.#live.get(message.id);
    const { id: job, state } = message.job!;
    // A message that shows another job from now on is found by it after a restart.
    const isOther = before?.job?.id !== job;
    const isChanged = state === 'queued' || before?.job?.state !== state || hasOther(message, before);
    if (isOther || (this.#changes !== undefined && isChanged)) {
      const exists = await this.#store.replace(withoutPreview(message));
      if (!exists) this.#live.delete(message.id);
      return exists;
    }
    return true;
  }

  #publishEdit(message: MessageRecord, before: MessageRecord | undefined): void {
    const { id, job, text } = message;
    if (job !== undefined) {
      const data: JobEventJson = { ...job, message: id, text };
      this.#hub.publish({ name: 'job', data, ...readerOf(message) });
    }
    if (!isLive(message) || hasOther(message, before)) this.#publishMessage(message);
  }

  #publishMessage(message: MessageRecord): void {
    this.#hub.publish({ name: 'message', data: this.toJson(message), ...readerOf(message) });
  }

  #remoteListener(): RemoteListener {
    return {
      follows: (id) => this.#live.has(id),
      onPosted: (message) => this.#publishMessage(message),
      onEdited: (message) => {
        this.#live.delete(message.id);
        this.#remote.delete(message.id);
        this.#publishEdit(message, undefined);
      },
      onProgress: (message) => {
        const before = this.#remote.get(message.id);
        this.#remote.set(message.id, message);
        this.#publishEdit(message, before);
      },
      onRemoved: (id, reader) => {
        this.#live.delete(id);
        this.#remote.delete(id);
        this.#hub.publish({ name: 'removed', data: { id }, ...(reader !== undefined && { reader }) });
      },
      onGap: () => {
        this.#remote.clear();
        this.#hub.reset();
      },
    };
  }
}

/** Milliseconds for which a private answer stays, and between two looks for older ones. */
const PRIVATE_MS = 3600 * 1000;
const EXPIRY_CHECK_MS = 10 * 60 * 1000;
/** Messages that are read from the store at a time. */
const PART = 500;
/** Characters of an id that hold its time: microseconds since 1970 in base 36. */
const TIME_DIGITS = 12;

const isLive = ({ job }: MessageRecord) => job?.state === 'queued' || job?.state === 'running';
/** Whether other pictures of a running job are finished than before. */
const hasOther = ({ pictures }: MessageRecord, before: MessageRecord | undefined) =>
  pictures.map(({ id }) => id).join() !== (before?.pictures ?? []).map(({ id }) => id).join();
const readerOf = ({ reader }: MessageRecord) => (reader === undefined ? {} : { reader });

function withLastPreview(message: MessageRecord, before: MessageRecord | undefined): MessageRecord {
  const preview = message.job?.preview ?? before?.job?.preview;
  if (message.job === undefined || preview === undefined) return message;
  return { ...message, job: { ...message.job, preview } };
}

function withoutPreview(message: MessageRecord): MessageRecord {
  if (message.job?.preview === undefined) return message;
  const { preview: _preview, ...job } = message.job;
  return { ...message, job };
}
