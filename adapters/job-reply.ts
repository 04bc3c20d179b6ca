/**
 * What the answers on platforms that keep their own messages have in common: one message a job, posted once, edited
 * from then on, and found again by its job after a restart.
 */
import type { PostedCard, Reply, RequestedJob, User } from './adapter.ts';
import type { Card } from './card.ts';
import type { PendingDeliveries } from './pending-deliveries.ts';
import type { Platform } from './platforms.ts';

export interface ReplyPorts {
  readonly pictures: { get(id: string): Promise<Uint8Array | undefined> };
  readonly deliveries: PendingDeliveries;
  /** Called with errors that are not the user's. */
  readonly onError: (error: unknown) => void;
}

/** A message by the platform's ids. */
export interface Address {
  readonly channel: string;
  readonly message: string;
}

/** @typeParam M a posted message as the platform's client has it */
export abstract class JobReply<M> implements Reply {
  abstract readonly pace: NonNullable<Reply['pace']>;
  protected abstract readonly platform: Platform;
  readonly #deliveries: PendingDeliveries;
  #message: M | undefined;
  /** The message was another job's. */
  #isTaken = false;

  /** @param message ours, where it is already posted */
  constructor({ deliveries }: Pick<ReplyPorts, 'deliveries'>, message: M | undefined) {
    this.#deliveries = deliveries;
    this.#message = message;
  }

  /** Where its message is, once it is posted. */
  get address(): Address | undefined {
    return this.#message && this.addressOf(this.#message);
  }

  async post(card: Card): Promise<string> {
    return await this.#deliveries
      .post(() => this.#post(card))
      .catch((error: unknown) => {
        throw this.explain(error);
      });
  }

  async #post(card: Card): Promise<string> {
    const before = this.#message && this.addressOf(this.#message);
    this.#message =
      this.#message === undefined ? await this.open(card) : await this.update(this.#message, card);
    const address = this.addressOf(this.#message);
    // A message that can no longer be edited continues as another one.
    const isOther = this.#isTaken || before?.message !== address.message;
    if (card.job !== undefined && isOther) {
      this.#isTaken = false;
      await this.#deliveries.put({ job: card.job.id, platform: this.platform, ...address });
    }
    return address.message;
  }

  async take(message: string): Promise<void> {
    const pressed = this.pressed(message);
    if (pressed === undefined) return;
    this.#message = pressed;
    this.#isTaken = true;
  }

  async postEphemeral(card: Card): Promise<PostedCard | undefined> {
    return await this.sendEphemeral(card).catch((error: unknown) => {
      throw this.explain(error);
    });
  }

  async mention({ id }: Pick<User, 'id'>, text: string): Promise<void> {
    if (this.#message === undefined) return;
    await this.notify(this.#message, id.slice(this.platform.length + 1), text).catch((error: unknown) => {
      throw this.explain(error);
    });
  }

  async delete(message: string): Promise<void> {
    await this.remove(message).catch((error: unknown) => {
      throw this.explain(error);
    });
  }

  /** Posts the first state of the message, where the card asks for it in a thread or in private. */
  protected abstract open(card: Card): Promise<M>;
  protected abstract update(message: M, card: Card): Promise<M>;
  /** The message whose button was pressed, where it is that one. */
  protected abstract pressed(message: string): M | undefined;
  protected abstract sendEphemeral(card: Card): Promise<PostedCard | undefined>;
  /** @param user by the platform's own id */
  protected abstract notify(message: M, user: string, text: string): Promise<void>;
  protected abstract remove(message: string): Promise<void>;
  protected abstract addressOf(message: M): Address;
  /** A refusal that means something to the commands as a DarkroomError, anything else without its secrets. */
  protected abstract explain(error: unknown): unknown;
}

/**
 * Finds the message of a job that has no delivery on record: the program ended between posting and recording it.
 * @param search the platform's own search: the message, or where it belongs
 * @param home where it belongs when the platform does not let us search
 */
export async function findPosted<M, H>(
  { id: job }: Pick<RequestedJob, 'id'>,
  { deliveries, onError }: Pick<ReplyPorts, 'deliveries' | 'onError'>,
  platform: Platform,
  search: () => Promise<{ readonly message: M; readonly address: Address } | { readonly home: H }>,
  home: H,
): Promise<{ readonly message: M } | { readonly home: H }> {
  const found = await search().catch((error: unknown) => {
    // A second message is better than none.
    onError(error);
    return { home };
  });
  if ('message' in found) await deliveries.put({ job, platform, ...found.address });
  return found;
}
