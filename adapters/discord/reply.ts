/**
 * Answers on Discord. An interaction is answered within a second whatever the commands do, then edited by its
 * token for 14 minutes and by the bot after that; a message is answered as the bot from the start.
 */
import {
  type CommandInteraction,
  DiscordAPIError,
  type Message,
  type MessageComponentInteraction,
  MessageFlags,
  type ModalSubmitInteraction,
  RESTJSONErrorCodes,
  type SendableChannels,
  ThreadAutoArchiveDuration,
} from 'discord.js';
import { DarkroomError } from '../../src/errors.ts';
import type { Deliveries, Reply } from '../adapter.ts';
import type { Card } from '../card.ts';
import { clip } from '../clip.ts';
import { DISCORD_LIMITS as LIMITS } from './limits.ts';
import { type Rendered, renderCard } from './render.ts';

export type Interaction = CommandInteraction | MessageComponentInteraction | ModalSubmitInteraction;

/** Discord publishes no rate for edits; this is what it bears for many jobs at once. */
const PACE = { edit: 3000, preview: 3000 } as const;
/** Discord waits 3 s for a first answer; what is not said by now is announced. */
const ACKNOWLEDGE_MS = 500;
const NO_MENTIONS = { parse: [], repliedUser: false };

export interface ReplyPorts {
  readonly pictures: { get(id: string): Promise<Uint8Array | undefined> };
  /** The picture, or a smaller file of it where it has more bytes; undefined where none is small enough. */
  readonly shrink: (picture: Uint8Array, maxBytes: number) => Promise<Uint8Array | undefined>;
  readonly deliveries: Deliveries;
}

type Body = Rendered & { readonly allowedMentions: typeof NO_MENTIONS };

/** What the answers have in common: one message, found again by its job. */
abstract class DiscordReply implements Reply {
  readonly pace = PACE;
  readonly #ports: ReplyPorts;
  #message: Message | undefined;

  constructor(ports: ReplyPorts, message?: Message) {
    this.#ports = ports;
    this.#message = message;
  }

  async post(card: Card): Promise<string> {
    const body = await this.#lower(card);
    try {
      const isFirst = this.#message === undefined;
      this.#message =
        this.#message === undefined ? await this.#open(card, body) : await this.edit(this.#message, body);
      if (isFirst && card.job !== undefined) await this.#remember(card.job.id, this.#message);
      return this.#message.id;
    } catch (error) {
      throw understood(error);
    }
  }

  async postEphemeral(card: Card): Promise<void> {
    const body = await this.#lower(card);
    await this.tell(body, this.#message !== undefined);
  }

  abstract delete(message: string): Promise<void>;

  /** What a file may have at most; an interaction tells more where a server is boosted. */
  protected get fileBytes(): number {
    return LIMITS.fileBytes;
  }

  /** Whether it is known before the first message that no thread can be opened for it. */
  protected get isInThread(): boolean {
    return false;
  }

  /** Posts the first state of the message. */
  protected abstract send(body: Body, isPrivate: boolean, nonce: string | undefined): Promise<Message>;
  protected abstract edit(message: Message, body: Body): Promise<Message>;
  /** Says something to the asker alone. */
  protected abstract tell(body: Body, isAnswered: boolean): Promise<void>;

  async #open(card: Card, body: Body): Promise<Message> {
    const { thread, job, isPrivate = false } = card;
    if (thread === undefined || isPrivate || this.isInThread)
      return this.send(body, isPrivate, nonceOf(job?.id));
    const name = clip(thread, LIMITS.threadName);
    const head = await this.send(await this.#lower({ text: name }), false, undefined);
    // A thread has no threads, and a direct message has none either.
    if (!head.inGuild() || head.channel.isThread()) return this.edit(head, body);
    const channel = await head.startThread({ name, autoArchiveDuration: ThreadAutoArchiveDuration.OneDay });
    return sendTo(channel, body, nonceOf(job?.id));
  }

  async #lower(card: Card): Promise<Body> {
    const shown = card.preview === undefined ? (card.pictures ?? []) : [];
    const bytes = await Promise.all(
      shown.map(async ({ id }) => {
        const picture = await this.#ports.pictures.get(id);
        return picture && this.#ports.shrink(picture, this.fileBytes);
      }),
    );
    return { ...renderCard(card, bytes), allowedMentions: NO_MENTIONS };
  }

  async #remember(job: string, { id, channelId }: Message): Promise<void> {
    await this.#ports.deliveries.put({ job, platform: 'discord', channel: channelId, message: id });
  }
}

/** The answer to a command, a button or a form. */
export class InteractionReply extends DiscordReply {
  readonly #interaction: Interaction;
  readonly #timer: NodeJS.Timeout;
  /** Settled by whoever answers first: the commands, or the timer that announces an answer. */
  #acknowledged: Promise<'announced' | 'answered'> | undefined;

  constructor(interaction: Interaction, ports: ReplyPorts, onError: (error: unknown) => void) {
    super(ports);
    this.#interaction = interaction;
    this.#timer = setTimeout(() => this.announce().catch(onError), ACKNOWLEDGE_MS);
  }

  protected override get fileBytes(): number {
    return this.#interaction.attachmentSizeLimit;
  }

  /** Tells Discord that an answer comes: "Darkroom is thinking". */
  async announce(): Promise<void> {
    await this.#acknowledge(async () => {
      await this.#interaction.deferReply();
      return 'announced';
    });
  }

  /** Nothing was said and nothing will be: a button that only removes or cancels. */
  async finish(): Promise<void> {
    clearTimeout(this.#timer);
    const interaction = this.#interaction;
    const before = this.#acknowledged;
    const first = await this.#acknowledge(async () => {
      if (interaction.isMessageComponent()) await interaction.deferUpdate();
      return 'answered';
    });
    if (before !== undefined && first === 'announced' && !this.#isUsed) await interaction.deleteReply();
  }

  async delete(message: string): Promise<void> {
    const interaction = this.#interaction;
    if (!interaction.isMessageComponent()) return;
    await this.#acknowledge(async () => {
      await interaction.deferUpdate();
      return 'answered';
    });
    if (interaction.message.id === message)
      await interaction.message.delete().catch(() => interaction.deleteReply(message));
  }

  #isUsed = false;

  /** @param answer run only where nothing was answered yet */
  #acknowledge(answer: () => Promise<'announced' | 'answered'>): Promise<'announced' | 'answered'> {
    clearTimeout(this.#timer);
    this.#acknowledged ??= answer();
    return this.#acknowledged;
  }

  protected async send(body: Body, isPrivate: boolean): Promise<Message> {
    const interaction = this.#interaction;
    let sent: Message | undefined;
    const ephemeral = isPrivate ? MessageFlags.Ephemeral : 0;
    const first = await this.#acknowledge(async () => {
      const response = await interaction.reply({
        ...body,
        flags: MessageFlags.IsComponentsV2 | ephemeral,
        withResponse: true,
      });
      sent = response.resource?.message ?? (await interaction.fetchReply());
      return 'answered';
    });
    const isUsed = this.#isUsed;
    this.#isUsed = true;
    if (sent !== undefined) return sent;
    if (first === 'announced' && !isUsed && !isPrivate) {
      return interaction.editReply({ ...body, flags: MessageFlags.IsComponentsV2 });
    }
    // The announcement was for all to see; its place cannot be made private.
    if (first === 'announced' && !isUsed) await interaction.deleteReply();
    return interaction.followUp({ ...body, flags: MessageFlags.IsComponentsV2 | ephemeral });
  }

  protected async edit(message: Message, body: Body): Promise<Message> {
    const interaction = this.#interaction;
    const isOwn = message.channelId === interaction.channelId;
    if (isOwn && Date.now() - interaction.createdTimestamp < LIMITS.tokenMs) {
      return interaction.editReply({ message, ...edited(body) });
    }
    return message.edit(edited(body));
  }

  protected async tell(body: Body): Promise<void> {
    await this.send(body, true);
  }
}

/** The answer to a message that names the bot, and any message after a restart. */
export class MessageReply extends DiscordReply {
  readonly #request: Message | undefined;
  readonly #channel: SendableChannels;

  /** @param request the message that is answered; @param message ours, where it is there already */
  constructor(channel: SendableChannels, ports: ReplyPorts, request: Message | undefined, message?: Message) {
    super(ports, message);
    this.#channel = channel;
    this.#request = request;
  }

  protected override get isInThread(): boolean {
    return this.#channel.isThread();
  }

  async delete(message: string): Promise<void> {
    await this.#channel.messages.delete(message);
  }

  protected send(body: Body, _isPrivate: boolean, nonce: string | undefined): Promise<Message> {
    return sendTo(this.#channel, body, nonce, this.#request);
  }

  protected edit(message: Message, body: Body): Promise<Message> {
    return message.edit(edited(body));
  }

  /** A message has no private answers: it is said in a direct message, or, where those are closed, in reply. */
  protected async tell(body: Body): Promise<void> {
    const author = this.#request?.author;
    if (author === undefined || this.#request?.channel.isDMBased()) {
      await sendTo(this.#channel, body, undefined, this.#request);
      return;
    }
    try {
      await author.send({ ...body, flags: MessageFlags.IsComponentsV2 });
    } catch {
      await sendTo(this.#channel, body, undefined, this.#request);
    }
  }
}

/** A card may have lost its files: what was attached before goes. */
const edited = (body: Body) => ({ ...body, attachments: [], flags: MessageFlags.IsComponentsV2 as const });

/** A nonce that is enforced keeps a retry from posting twice. */
function sendTo(channel: SendableChannels, body: Body, nonce: string | undefined, request?: Message) {
  return channel.send({
    ...body,
    flags: MessageFlags.IsComponentsV2,
    ...(nonce !== undefined && { nonce, enforceNonce: true }),
    ...(request !== undefined && { reply: { messageReference: request.id, failIfNotExists: false } }),
  });
}

/** Discord takes 25 characters: enough of a job's id to be its own. */
const nonceOf = (job: string | undefined) => job?.replaceAll('-', '').slice(0, 25);

/** Discord's refusals that mean something to the commands. */
function understood(error: unknown): unknown {
  if (!(error instanceof DiscordAPIError)) return error;
  switch (error.code) {
    case RESTJSONErrorCodes.UnknownMessage:
    case RESTJSONErrorCodes.UnknownChannel:
      return new DarkroomError('not_found', 'The message of this job was deleted.', { cause: error });
    case RESTJSONErrorCodes.MissingPermissions:
    case RESTJSONErrorCodes.MissingAccess:
      return new DarkroomError(
        'forbidden',
        'I may not post pictures in this channel. An admin of this server can allow me Send Messages and Attach Files here.',
        { cause: error },
      );
    default:
      return error;
  }
}
