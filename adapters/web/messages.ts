/** The conversation of the web chat: posts, edits in place, and the answers that one reader alone sees. */
import { DarkroomError } from '../../src/errors.ts';
import type { Journal } from '../../src/store/journal.ts';
import type { Person, Reply } from '../adapter.ts';
import type { Card } from '../card.ts';
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

export class Conversation {
  readonly #journal: Journal<MessageRecord>;
  readonly #hub: EventHub;
  /** Messages of jobs that wait or run: their numbers change too often for the disk. */
  readonly #live = new Map<string, MessageRecord>();
  /** The message that shows a job, by the job's id. */
  readonly #ofJob = new Map<string, string>();
  #lastId: number;

  constructor(journal: Journal<MessageRecord>, hub: EventHub) {
    this.#journal = journal;
    this.#hub = hub;
    const kept = journal.all();
    for (const message of kept) this.#index(message);
    // Also where the clock was set back, new messages come after the old ones.
    this.#lastId = Number.parseInt(kept.at(-1)?.id ?? '0', 36);
  }

  /** Ids grow with time, so that `after` works by comparison and outlives a deleted message. */
  newId(): string {
    this.#lastId = Math.max(Date.now() * 1000, this.#lastId + 1);
    return this.#lastId.toString(36).padStart(12, '0');
  }

  /** What a user may see, oldest first. */
  list(user: string, after: string | undefined): MessageJson[] {
    return this.#journal
      .all()
      .filter(({ id, reader }) => (after === undefined || id > after) && (reader ?? user) === user)
      .map(({ id }) => messageJson(this.#get(id)!));
  }

  /** @throws DarkroomError('not_found') also for what another one alone may see */
  find(id: string, user: string): MessageRecord {
    const message = this.#get(id);
    if (message !== undefined && (message.reader ?? user) === user) return message;
    throw new DarkroomError('not_found', 'That message is not here any more. Reply to another one.');
  }

  /** The message that shows a job. */
  ofJob(job: string): MessageRecord | undefined {
    return this.#get(this.#ofJob.get(job) ?? '');
  }

  /** New, or a newer state of one that is there; on the disk before it is seen, except for a job's numbers. */
  async put(message: MessageRecord): Promise<void> {
    const isNew = this.#journal.get(message.id) === undefined;
    const isLive = message.job?.state === 'queued' || message.job?.state === 'running';
    this.#index(message);
    if (isLive) this.#live.set(message.id, withLastPreview(message, this.#live.get(message.id)));
    else this.#live.delete(message.id);
    if (isNew || !isLive) await this.#journal.put(withoutPreview(message), { durable: true });
    const reader = message.reader === undefined ? {} : { reader: message.reader };
    if (message.job !== undefined) {
      const data: JobEventJson = { ...message.job, message: message.id };
      if (!isNew) this.#hub.publish({ name: 'job', data, ...reader });
    }
    if (isNew || !isLive) this.#hub.publish({ name: 'message', data: messageJson(message), ...reader });
  }

  async remove(id: string): Promise<void> {
    const message = this.#journal.get(id);
    if (message === undefined) return;
    this.#live.delete(id);
    if (message.job) this.#ofJob.delete(message.job.id);
    await this.#journal.remove(id);
    const reader = message.reader === undefined ? {} : { reader: message.reader };
    this.#hub.publish({ name: 'removed', data: { id }, ...reader });
  }

  isThere(id: string): boolean {
    return this.#journal.get(id) !== undefined;
  }

  #index({ id, job }: MessageRecord): void {
    if (job !== undefined) this.#ofJob.set(job.id, id);
  }

  #get(id: string): MessageRecord | undefined {
    return this.#live.get(id) ?? this.#journal.get(id);
  }
}

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
        // Deleted meanwhile: nothing brings it back.
        if (!this.#conversation.isThere(this.#message.id)) return this.#message.id;
        this.#message = withCard(this.#message, card);
        await this.#conversation.put(this.#message);
      } else {
        this.#message = await this.#post(card, card.isPrivate ? this.#request.user.id : undefined);
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
    if (request !== undefined) await this.#conversation.put(request);
    await this.#conversation.put(message);
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
