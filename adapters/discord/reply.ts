/** What the answers on Discord have in common: interaction-reply.ts, message-reply.ts. */
import { type Message, MessageFlags, type SendableChannels, ThreadAutoArchiveDuration } from 'discord.js';
import type { Card } from '../card.ts';
import { clip } from '../clip.ts';
import { type Address, JobReply, type ReplyPorts } from '../job-reply.ts';
import { explainError, isRefusal } from './errors.ts';
import { DISCORD_LIMITS as LIMITS } from './limits.ts';
import { type Rendered, renderCard } from './render.ts';

/** Discord publishes no rate for edits; this is what it takes for many jobs at once. */
const PACE = { edit: 3000, preview: 3000 } as const;
export const NO_MENTIONS = { parse: [], repliedUser: false };

export interface DiscordReplyPorts extends ReplyPorts {
  /** The picture, or a smaller file of it where it has more bytes; undefined where none is small enough. */
  readonly shrink: (picture: Uint8Array, maxBytes: number) => Promise<Uint8Array | undefined>;
}

export type Body = Rendered & { readonly allowedMentions: typeof NO_MENTIONS };

export abstract class DiscordReply extends JobReply<Message> {
  readonly pace = PACE;
  protected readonly platform = 'discord';
  readonly #ports: DiscordReplyPorts;

  constructor(ports: DiscordReplyPorts, message?: Message) {
    super(ports, message);
    this.#ports = ports;
  }

  /** Most bytes of a file; an interaction says more where a server is boosted. */
  protected get fileBytes(): number {
    return LIMITS.fileBytes;
  }

  /** The server that it is in. */
  protected abstract get guild(): string | null;

  /** Whether the answer goes into a thread, which can have no threads of its own. */
  protected get isInThread(): boolean {
    return false;
  }

  /** Posts the first state of the message. */
  protected abstract send(body: Body, isPrivate: boolean, nonce: string | undefined): Promise<Message>;
  protected abstract edit(message: Message, body: Body): Promise<Message>;
  /** Posts something that only the user sees. */
  protected abstract sendPrivately(body: Body): Promise<void>;

  protected async open(card: Card): Promise<Message> {
    const { thread, job, isPrivate = false } = card;
    const body = await this.#render(card);
    if (thread === undefined || isPrivate || this.isInThread)
      return this.send(body, isPrivate, nonceOf(job?.id));
    const name = clip(thread, LIMITS.threadName);
    const head = await this.send(await this.#render({ text: name }), false, undefined);
    const channel = await openThread(head, name);
    // Where there can be no thread, the head becomes the answer.
    if (channel === undefined) return this.edit(head, body);
    return sendTo(channel, body, nonceOf(job?.id));
  }

  protected async update(message: Message, card: Card): Promise<Message> {
    return this.edit(message, await this.#render(card));
  }

  /** Only its own interaction can change it, for some minutes. */
  protected async sendEphemeral(card: Card): Promise<undefined> {
    await this.sendPrivately(await this.#render(card));
  }

  protected async notify(message: Message, user: string, text: string): Promise<void> {
    await message.reply({
      content: `<@${user}> ${text}`,
      allowedMentions: { users: [user], repliedUser: false },
      failIfNotExists: false,
    });
  }

  protected addressOf({ id, channelId }: Message): Address {
    return { channel: channelId, message: id };
  }

  protected explain(error: unknown): unknown {
    return explainError(error);
  }

  /** The message of the picture that a card's picture was made from. */
  async #linkTo({ about }: Card): Promise<string | undefined> {
    const job = about?.origin?.job;
    const delivery = job === undefined ? undefined : await this.#ports.deliveries.get(job);
    if (delivery?.platform !== 'discord') return undefined;
    return `https://discord.com/channels/${this.guild ?? '@me'}/${delivery.channel}/${delivery.message}`;
  }

  async #render(card: Card): Promise<Body> {
    const shown = card.preview === undefined ? (card.pictures ?? []) : [];
    const bytes = await Promise.all(
      shown.map(async ({ id }) => {
        const picture = await this.#ports.pictures.get(id);
        return picture && this.#ports.shrink(picture, this.fileBytes);
      }),
    );
    return { ...renderCard(card, bytes, await this.#linkTo(card)), allowedMentions: NO_MENTIONS };
  }
}

/** @returns undefined where there can be no thread: in threads, direct messages and voice channels, or where Discord refuses one */
async function openThread(head: Message, name: string): Promise<SendableChannels | undefined> {
  if (!head.inGuild() || head.channel.isThread()) return undefined;
  try {
    return await head.startThread({ name, autoArchiveDuration: ThreadAutoArchiveDuration.OneDay });
  } catch (error) {
    // Asking again would be refused again; a head that is gone is noticed when it is edited.
    if (isRefusal(error) && error.status !== 429) return undefined;
    throw error;
  }
}

/** A card may have lost its files: what was attached before goes. */
export const edited = (body: Body) => ({
  ...body,
  attachments: [],
  flags: MessageFlags.IsComponentsV2 as const,
});

/** A nonce that is enforced keeps a retry from posting twice. */
export function sendTo(channel: SendableChannels, body: Body, nonce: string | undefined, request?: Message) {
  return channel.send({
    ...body,
    flags: MessageFlags.IsComponentsV2,
    ...(nonce !== undefined && { nonce, enforceNonce: true }),
    ...(request !== undefined && { reply: { messageReference: request.id, failIfNotExists: false } }),
  });
}

/** Discord takes 25 characters: enough of a job's id to be its own. */
const nonceOf = (job: string | undefined) => job?.replaceAll('-', '').slice(0, 25);
