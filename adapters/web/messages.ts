/** The conversation of the web chat: posts, edits in place, and the answers that one reader alone sees. */
import { randomBytes } from 'node:crypto';
import { DarkroomError } from '../../src/errors.ts';
import type { MessageStore } from '../../src/store/messages.ts';
import type { MessageNotices } from '../../src/store/notices.ts';
import type { Person, Reply } from '../adapter.ts';
import type { Card } from '../card.ts';
import { type Ears, Elsewhere } from './elsewhere.ts';
import type { EventHub } from './events.ts';
import {
  type Author,
  BOT,
  type JobEventJson,
  type MessageJson,
  type MessageRecord,
  messageJson,
  pictureJson,
  withCard,
} from './message.ts';

/** What a POST is answered with. */
export interface Answer {
  readonly request?: MessageJson;
  readonly message?: MessageJson;
  readonly job?: MessageJson['job'];
}

export interface Others {
  readonly notices?: MessageNotices;
  readonly onError?: (error: unknown) => void;
}

export class Conversation {
  readonly #store: MessageStore<MessageRecord>;
  readonly #hub: EventHub;
  /** Messages of jobs that wait or run: their numbers change too often for the disk. */
  readonly #live = new Map<string, MessageRecord>();
  /** Newest states of jobs that other processes follow. */
  readonly #lent = new Map<string, MessageRecord>();
  readonly #elsewhere: Elsewhere | undefined;
  /** Two processes may make an id in the same microsecond. */
  readonly #mark = randomBytes(4).toString('hex');
  #lastId = 0;

  /** @param others.notices where other processes serve the same conversation */
  constructor(store: MessageStore<MessageRecord>, hub: EventHub, others: Others = {}) {
    this.#store = store;
    this.#hub = hub;
    const { notices, onError = () => {} } = others;
    this.#elsewhere = notices && new Elsewhere(notices, store, this.#ears(), onError);
  }

  /** Also where the clock was set back, new messages come after the old ones. Call it before the first one. */
  async open(): Promise<void> {
    const last = (await this.#store.lastId()) ?? '0';
    this.#lastId = Number.parseInt(last.slice(0, TIME_DIGITS), 36);
    await this.#elsewhere?.open();
  }

  async close(): Promise<void> {
    await this.#elsewhere?.close();
  }

  /** Ids grow with time, so that `after` works by comparison and outlives a deleted message. */
  newId(): string {
    this.#lastId = Math.max(Date.now() * 1000, this.#lastId + 1);
    return this.#lastId.toString(36).padStart(TIME_DIGITS, '0') + this.#mark;
  }

  /** What a user may see, oldest first. */
  async list(user: string, after: string | undefined): Promise<MessageJson[]> {
    const kept = await this.#store.list(user, after);
    return kept.map((message) => messageJson(this.#newest(message)));
  }

  /** @throws DarkroomError('not_found') also for what another one alone may see */
  async find(id: string, user: string): Promise<MessageRecord> {
    const message = this.#live.get(id) ?? (await this.#store.get(id));
    if (message !== undefined && (message.reader ?? user) === user) return message;
    throw new DarkroomError('not_found', 'That message is not here any more. Reply to another one.');
  }

  /** The message that shows a job. */
  async ofJob(job: string): Promise<MessageRecord | undefined> {
    const message = await this.#store.ofJob(job);
    return message && this.#newest(message);
  }

  /** A new message; on the disk before it is seen. */
  async post(message: MessageRecord): Promise<void> {
    if (isAlive(message)) this.#live.set(message.id, message);
    await this.#store.put(withoutPreview(message));
    this.#hub.publish({ name: 'message', data: messageJson(message), ...readerOf(message) });
    await this.#elsewhere?.tell({ kind: 'posted', id: message.id });
  }

  /**
   * A newer state of a message; on the disk before it is seen, except for a job's numbers.
   * @returns false where it was deleted meanwhile: nothing brings it back
   */
  async edit(message: MessageRecord): Promise<boolean> {
    const { id } = message;
    if (isAlive(message)) {
      if (!(await this.#isThere(message))) return false;
      this.#live.set(id, withLastPreview(message, this.#live.get(id)));
    } else {
      if (!(await this.#store.replace(withoutPreview(message)))) return false;
      this.#live.delete(id);
    }
    this.#publishEdit(message);
    await this.#elsewhere?.tell({ kind: isAlive(message) ? 'moved' : 'edited', id });
    return true;
  }

  async remove(id: string): Promise<void> {
    this.#live.delete(id);
    const message = await this.#store.remove(id);
    if (message === undefined) return;
    this.#hub.publish({ name: 'removed', data: { id }, ...readerOf(message) });
    await this.#elsewhere?.tell({ kind: 'removed', id, ...readerOf(message) });
  }

  #newest(message: MessageRecord): MessageRecord {
    return this.#live.get(message.id) ?? this.#lent.get(message.id) ?? message;
  }

  /** Where others read along, the row has a waiting job's place and whether it runs; its steps the queue has. */
  async #isThere(message: MessageRecord): Promise<boolean> {
    const before = this.#live.get(message.id);
    const { state } = message.job!;
    if (this.#elsewhere !== undefined && (state === 'queued' || before?.job?.state !== state)) {
      const isThere = await this.#store.replace(withoutPreview(message));
      if (!isThere) this.#live.delete(message.id);
      return isThere;
    }
    return before !== undefined || (await this.#store.get(message.id)) !== undefined;
  }

  #publishEdit(message: MessageRecord): void {
    const { id, job } = message;
    if (job !== undefined) {
      const data: JobEventJson = { ...job, message: id };
      this.#hub.publish({ name: 'job', data, ...readerOf(message) });
    }
    if (!isAlive(message)) {
      this.#hub.publish({ name: 'message', data: messageJson(message), ...readerOf(message) });
    }
  }

  #ears(): Ears {
    return {
      follows: (id) => this.#live.has(id),
      posted: (message) =>
        this.#hub.publish({ name: 'message', data: messageJson(message), ...readerOf(message) }),
      edited: (message) => {
        this.#live.delete(message.id);
        this.#lent.delete(message.id);
        this.#publishEdit(message);
      },
      moved: (message) => {
        this.#lent.set(message.id, message);
        this.#publishEdit(message);
      },
      removed: (id, reader) => {
        this.#live.delete(id);
        this.#lent.delete(id);
        this.#hub.publish({ name: 'removed', data: { id }, ...(reader !== undefined && { reader }) });
      },
      missed: () => {
        this.#lent.clear();
        this.#hub.reset();
      },
    };
  }
}

/** Digits of an id that are its time, in base 36. */
const TIME_DIGITS = 12;

const isAlive = ({ job }: MessageRecord) => job?.state === 'queued' || job?.state === 'running';
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

export interface Request {
  readonly user: Person;
  /** The user's own words; a pressed button has none. */
  readonly text?: string;
  readonly replyTo?: string;
}

/** Where the answer to one request goes. Nothing is posted where the first answer is a refusal. */
export class WebReply implements Reply {
  readonly #conversation: Conversation;
  readonly #request: Request;
  readonly #first = Promise.withResolvers<Answer>();
  #message: MessageRecord | undefined;
  #isAnswered = false;
  /** Edits keep their order although each waits for the disk. */
  #last: Promise<unknown> = Promise.resolve();

  /** @param message the bot's message where it is there already (after a restart) */
  constructor(conversation: Conversation, request: Request, message?: MessageRecord) {
    this.#conversation = conversation;
    this.#request = request;
    this.#message = message;
    this.#isAnswered = message !== undefined;
    // Whoever does not ask for the first answer need not hear of its refusal.
    this.#first.promise.catch(() => undefined);
  }

  /** @throws DarkroomError where the request was refused */
  get first(): Promise<Answer> {
    return this.#first.promise;
  }

  show(card: Card): Promise<string> {
    return this.#inOrder(async () => {
      if (this.#message !== undefined) {
        this.#message = withCard(this.#message, card);
        await this.#conversation.edit(this.#message);
      } else {
        this.#message = await this.#post(card, card.isPrivate ? this.#request.user.id : undefined).catch(
          (error: unknown) => {
            // Whoever waits for the first answer is told; the job goes on, and its next card is posted.
            this.#first.reject(error);
            throw error;
          },
        );
      }
      return this.#message.id;
    });
  }

  whisper(card: Card): Promise<void> {
    return this.#inOrder(async () => {
      if (card.error !== undefined && !this.#isAnswered) {
        this.#isAnswered = true;
        this.#first.reject(new DarkroomError(card.error.code, card.error.message));
        return;
      }
      await this.#post(card, this.#request.user.id);
    });
  }

  remove(message: string): Promise<void> {
    return this.#conversation.remove(message);
  }

  /** Posts the user's own message and the answer to it, and says so to whoever waits for the first answer. */
  async #post(card: Card, reader?: string): Promise<MessageRecord> {
    const { user, text, replyTo } = this.#request;
    const author: Author = { ...user, bot: false };
    const shared = { ...(reader !== undefined && { reader }), at: new Date().toISOString(), actions: [] };
    const request: MessageRecord | undefined =
      text === undefined || this.#isAnswered
        ? undefined
        : {
            ...shared,
            id: this.#conversation.newId(),
            author,
            text,
            ...(replyTo !== undefined && { reply_to: replyTo }),
            pictures: (card.inputs ?? []).map(pictureJson),
          };
    const answered = request?.id ?? replyTo;
    const message = withCard(
      {
        ...shared,
        id: this.#conversation.newId(),
        author: BOT,
        asker: { id: user.id, name: user.name },
        text: '',
        ...(answered !== undefined && { reply_to: answered }),
        pictures: [],
      },
      card,
    );
    if (request !== undefined) await this.#conversation.post(request);
    await this.#conversation.post(message);
    this.#isAnswered = true;
    this.#first.resolve({
      ...(request && { request: messageJson(request) }),
      message: messageJson(message),
      ...(message.job && { job: message.job }),
    });
    return message;
  }

  #inOrder<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#last.then(work);
    this.#last = result.catch(() => undefined);
    return result;
  }
}
