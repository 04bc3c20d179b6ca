/**
 * The answer to an interaction on Discord: given within a second whatever the commands do, then edited by its token for 14
 * minutes and by the bot after that.
 */
import {
  type CommandInteraction,
  type Message,
  type MessageComponentInteraction,
  MessageFlags,
  type ModalSubmitInteraction,
} from 'discord.js';
import { DISCORD_LIMITS as LIMITS } from './limits.ts';
import { type Body, DiscordReply, type DiscordReplyPorts, edited, sendTo } from './reply.ts';

export type Interaction = CommandInteraction | MessageComponentInteraction | ModalSubmitInteraction;

/** Discord waits 3 s for a first answer; what is not posted by now is announced. */
const ACKNOWLEDGE_MS = 500;

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
