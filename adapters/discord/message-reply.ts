/** The answer of the bot to a message on Discord. */
import { type Message, RESTJSONErrorCodes, type SendableChannels } from 'discord.js';
import { localeOf, sayIn } from '../../src/sentences.ts';
import { codeOf } from './errors.ts';
import { renderCard } from './render.ts';
import { type Body, DiscordReply, type DiscordReplyPorts, edited, NO_MENTIONS, sendTo } from './reply.ts';

/** Refusals of a direct message. */
const CLOSED: readonly (string | number | undefined)[] = [
  RESTJSONErrorCodes.CannotSendMessagesToThisUser,
  RESTJSONErrorCodes.CannotSendMessagesToThisUserDueToHavingNoMutualGuilds,
];

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
