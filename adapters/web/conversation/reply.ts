/** The answer to one request of the web chat: its first card is what the call returns, later ones edit it. */
import { DarkroomError } from '../../../src/errors.ts';
import type { PostedCard, Reply, User } from '../../adapter.ts';
import type { Card } from '../../card.ts';
import type { Conversation } from './conversation.ts';
import { type Author, BOT, type MessageJson, type MessageRecord, pictureJson, withCard } from './message.ts';

/** What a POST is answered with. */
interface Answer {
  readonly request?: MessageJson;
  readonly message?: MessageJson;
  readonly job?: MessageJson['job'];
}

/** What somebody sent or pressed. */
export interface Request {
  readonly user: User;
  /** The user's own words; a pressed button has none. */
  readonly text?: string;
  readonly replyTo?: string;
}

/** Posts and edits the answer to one request. Nothing is posted if the first answer is a refusal. */
export class WebReply implements Reply {
  readonly #conversation: Conversation;
  readonly #request: Request;
  readonly #first = Promise.withResolvers<Answer>();
  #message: MessageRecord | undefined;
  #isAnswered = false;
  /** Edits keep their order although each waits for the disk. */
  #last: Promise<unknown> = Promise.resolve();

  readonly #refreshed: MessageRecord | undefined;

  /**
   * @param message the bot's message where it exists already (after a restart)
   * @param refreshed a private answer that the next one replaces
   */
  constructor(
    conversation: Conversation,
    request: Request,
    message?: MessageRecord,
    refreshed?: MessageRecord,
  ) {
    this.#refreshed = refreshed;
    this.#conversation = conversation;
    this.#request = request;
    this.#message = message;
    this.#isAnswered = message !== undefined;
    // A caller that does not read the first answer must not cause an unhandled rejection.
    this.#first.promise.catch(() => undefined);
  }

  /** @throws DarkroomError if the request was refused */
  get first(): Promise<Answer> {
    return this.#first.promise;
  }

  post(card: Card): Promise<string> {
    return this.#inOrder(async () => {
      if (this.#message !== undefined) {
        this.#message = withCard(this.#message, card);
        await this.#conversation.edit(this.#message);
        this.#answer(this.#message);
      } else {
        this.#message = await this.#post(card, card.isPrivate ? this.#request.user.id : undefined).catch(
          (error: unknown) => {
            // The call fails; the job goes on, and its next card is posted.
            this.#first.reject(error);
            throw error;
          },
        );
      }
      return this.#message.id;
    });
  }

  async take(message: string): Promise<void> {
    this.#message = await this.#conversation.find(message, this.#request.user.id);
  }

  /** The first answer, where it is a message that exists already. */
  #answer(message: MessageRecord): void {
    if (this.#isAnswered) return;
    this.#isAnswered = true;
    this.#first.resolve({
      message: this.#conversation.toJson(message),
      ...(message.job && { job: message.job }),
    });
  }

  postEphemeral(card: Card): Promise<PostedCard | undefined> {
    return this.#inOrder(async () => {
      if (card.error !== undefined && !this.#isAnswered) {
        this.#isAnswered = true;
        this.#first.reject(new DarkroomError(card.error.code, card.error.message));
        return undefined;
      }
      const { id } =
        this.#refreshed === undefined
          ? await this.#post(card, this.#request.user.id)
          : await this.#refresh(this.#refreshed, card);
      return { channel: '', message: id };
    });
  }

  async #refresh(before: MessageRecord, card: Card): Promise<MessageRecord> {
    const message = withCard(before, card);
    await this.#conversation.edit(message);
    this.#isAnswered = true;
    this.#first.resolve({ message: this.#conversation.toJson(message) });
    return message;
  }

  delete(message: string): Promise<void> {
    return this.#conversation.remove(message);
  }

  /** Posts the user's own message and the answer to it, then resolves `first`. */
  async #post(card: Card, reader?: string): Promise<MessageRecord> {
    const { user, text, replyTo } = this.#request;
    const author: Author = { ...user, bot: false };
    const requestId = this.#conversation.newId();
    const id = this.#conversation.newId();
    const shared = { ...(reader !== undefined && { reader }), at: new Date().toISOString(), actions: [] };
    const request: MessageRecord | undefined =
      text === undefined || this.#isAnswered
        ? undefined
        : {
            ...shared,
            id: requestId,
            answer: id,
            author,
            text,
            ...(replyTo !== undefined && { reply_to: replyTo }),
            pictures: (card.inputs ?? []).map(pictureJson),
          };
    const answered = request?.id ?? replyTo;
    const message = withCard(
      {
        ...shared,
        id,
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
      ...(request && { request: this.#conversation.toJson(request) }),
      message: this.#conversation.toJson(message),
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
