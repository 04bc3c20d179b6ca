/**
 * Answers on Discord. An interaction is answered within a second whatever the commands do, then edited by its
 * token for 14 minutes and by the bot after that; a message is answered as the bot from the start.
 */
import {
  type CommandInteraction,
  type Message,
  type MessageComponentInteraction,
  MessageFlags,
  type ModalSubmitInteraction,
  RESTJSONErrorCodes,
  type SendableChannels,
  ThreadAutoArchiveDuration,
} from 'discord.js';
import { localeOf, sayIn } from '../../src/sentences.ts';
import type { Card } from '../card.ts';
import { clip } from '../clip.ts';
import { type Address, JobReply, type ReplyPorts } from '../job-reply.ts';
import { codeOf, explainError, isRefusal } from './errors.ts';
import { DISCORD_LIMITS as LIMITS } from './limits.ts';
import { type Rendered, renderCard } from './render.ts';

export type Interaction = CommandInteraction | MessageComponentInteraction | ModalSubmitInteraction;

/** Discord publishes no rate for edits; this is what it takes for many jobs at once. */
const PACE = { edit: 3000, preview: 3000 } as const;
/** Discord waits 3 s for a first answer; what is not posted by now is announced. */
const ACKNOWLEDGE_MS = 500;
const NO_MENTIONS = { parse: [], repliedUser: false };
/** Refusals of a direct message. */
const CLOSED: readonly (string | number | undefined)[] = [
  RESTJSONErrorCodes.CannotSendMessagesToThisUser,
  RESTJSONErrorCodes.CannotSendMessagesToThisUserDueToHavingNoMutualGuilds,
];

export interface DiscordReplyPorts extends ReplyPorts {
  /** The picture, or a smaller file of it where it has more bytes; undefined where none is small enough. */
  readonly shrink: (picture: Uint8Array, maxBytes: number) => Promise<Uint8Array | undefined>;
}

type Body = Rendered & { readonly allowedMentions: typeof NO_MENTIONS };

abstract class DiscordReply extends JobReply<Message> {
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

type First = 'announced' | 'answered' | 'updated';

/** The answer to a command, a button or a form. */
export class InteractionReply extends DiscordReply {
  readonly #interaction: Interaction;
  readonly #timer: NodeJS.Timeout;
  /**
   * Settled by whoever answers first: the commands, or the timer that announces an answer. `updated`: the answer is the
   * message whose button was pressed.
   */
  #acknowledged: Promise<First> | undefined;

  constructor(interaction: Interaction, ports: DiscordReplyPorts) {
    super(ports);
    this.#interaction = interaction;
    this.#timer = setTimeout(() => this.announce().catch(ports.onError), ACKNOWLEDGE_MS);
  }

  protected override get fileBytes(): number {
    return this.#interaction.attachmentSizeLimit;
  }

  protected get guild(): string | null {
    return this.#interaction.guildId;
  }

  /** Shows "Darkroom is thinking". */
  async announce(): Promise<void> {
    await this.#acknowledge(async () => {
      await this.#interaction.deferReply();
      return 'announced';
    });
  }

  /** Nothing was posted and nothing will be: a button that only deletes or cancels. */
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

  protected async remove(message: string): Promise<void> {
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
  #acknowledge(answer: () => Promise<First>): Promise<First> {
    clearTimeout(this.#timer);
    this.#acknowledged ??= answer();
    return this.#acknowledged;
  }

  protected async send(body: Body, isPrivate: boolean, _nonce: string | undefined): Promise<Message> {
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
    // The announcement was public, and a message cannot be made private later.
    if (first === 'announced' && !isUsed) await interaction.deleteReply();
    return interaction.followUp({ ...body, flags: MessageFlags.IsComponentsV2 | ephemeral });
  }

  protected async edit(message: Message, body: Body): Promise<Message> {
    const interaction = this.#interaction;
    const isOwn = message.channelId === interaction.channelId;
    if (this.pressed(message.id) !== undefined) {
      const first = await this.#acknowledge(async () => {
        if (interaction.isMessageComponent()) await interaction.deferUpdate();
        return 'updated';
      });
      const isFresh = Date.now() - interaction.createdTimestamp < LIMITS.tokenMs;
      // Where the answer was announced as a new message, that one is not the pressed one.
      if (first === 'updated' && isFresh) return interaction.editReply(edited(body));
      return message.edit(edited(body));
    }
    if (isOwn && Date.now() - interaction.createdTimestamp < LIMITS.tokenMs) {
      return interaction.editReply({ message, ...edited(body) });
    }
    // Without its token nobody can edit an ephemeral message: the rest is a direct message.
    if (message.flags.has(MessageFlags.Ephemeral))
      return sendTo(await interaction.user.createDM(), body, undefined);
    return message.edit(edited(body));
  }

  protected async sendPrivately(body: Body): Promise<void> {
    await this.send(body, true, undefined);
  }

  protected pressed(id: string): Message | undefined {
    const interaction = this.#interaction;
    const isPressed =
      interaction.isMessageComponent() || (interaction.isModalSubmit() && interaction.isFromMessage());
    return isPressed && interaction.message.id === id ? interaction.message : undefined;
  }
}

/** The answer to a message that mentions the bot, and any message after a restart. */
export class MessageReply extends DiscordReply {
  readonly #request: Message | undefined;
  readonly #channel: SendableChannels;
  readonly #locale: string | undefined;

  /**
   * @param request the message that is answered
   * @param message ours, where it is already posted
   * @param locale of whoever asked
   */
  constructor(
    channel: SendableChannels,
    ports: DiscordReplyPorts,
    request: Message | undefined,
    message?: Message,
    locale?: string,
  ) {
    super(ports, message);
    this.#channel = channel;
    this.#request = request;
    this.#locale = locale;
  }

  protected get guild(): string | null {
    return this.#channel.isDMBased() ? null : this.#channel.guildId;
  }

  protected override get isInThread(): boolean {
    return this.#channel.isThread();
  }

  protected async remove(message: string): Promise<void> {
    await this.#channel.messages.delete(message);
  }

  protected pressed(): undefined {
    return undefined;
  }

  /** Discord hides answers only to interactions: a private answer to a message is a direct message. */
  protected async send(body: Body, isPrivate: boolean, nonce: string | undefined): Promise<Message> {
    const request = this.#request;
    if (!isPrivate || request === undefined || this.#channel.isDMBased())
      return sendTo(this.#channel, body, nonce, request);
    return sendTo(await request.author.createDM(), body, nonce);
  }

  protected edit(message: Message, body: Body): Promise<Message> {
    return message.edit(edited(body));
  }

  protected async sendPrivately(body: Body): Promise<void> {
    await this.send(body, true, undefined).catch(async (error: unknown) => {
      if (!CLOSED.includes(codeOf(error))) throw error;
      // What was private stays unsaid: everybody can read the reply.
      const text = sayIn(localeOf(this.#locale))('discord.private_needs_direct');
      const { components, files } = renderCard({ text }, []);
      await sendTo(
        this.#channel,
        { components, files, allowedMentions: NO_MENTIONS },
        undefined,
        this.#request,
      );
    });
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
