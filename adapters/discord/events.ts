/** Discord's events as invocations: commands, buttons, forms, message commands, and messages to the bot. */
import {
  type Interaction as AnyInteraction,
  type AutocompleteInteraction,
  type ChatInputCommandInteraction,
  type Client,
  Events,
  type Message,
  type MessageContextMenuCommandInteraction,
  type MessageReaction,
  type ModalSubmitInteraction,
  type PartialMessageReaction,
  PermissionFlagsBits,
  type User,
} from 'discord.js';
import { DarkroomError } from '../../src/errors.ts';
import { loraLabel } from '../../src/request.ts';
import { type Locale, localeOf, sentence } from '../../src/sentences.ts';
import type { FormOf, Handle, Invocation, Reaction, RepliedMessage, Reply } from '../adapter.ts';
import { clip } from '../clip.ts';
import type { Downloads } from '../downloads.ts';
import { refusalCard } from '../refusal-card.ts';
import { SeenOnce } from '../seen-once.ts';
import { shownJob } from '../shown-job.ts';
import { MESSAGE_COMMANDS } from './commands.ts';
import { type Interaction, InteractionReply } from './interaction-reply.ts';
import {
  actionOf,
  calledOf,
  plainWords,
  pressOf,
  userOf,
  whereOfInteraction,
  whereOfMessage,
  wordsOf,
} from './invocation.ts';
import { Languages } from './languages.ts';
import { DISCORD_LIMITS as LIMITS } from './limits.ts';
import { MessageReply } from './message-reply.ts';
import { renderForm } from './modal.ts';
import { attachmentsOf, buttonsOf, filesOf, formValues, otherFilesOf, picturesOf } from './pictures.ts';
import type { DiscordReplyPorts } from './reply.ts';
import { linkedMessage, TargetMessages } from './target-messages.ts';

export interface EventPorts extends DiscordReplyPorts {
  readonly handle: Handle;
  readonly formOf: FormOf;
  /** Removes a job whose message was deleted. */
  readonly forget: (job: string) => Promise<void>;
  readonly react: (reaction: Reaction) => Promise<void>;
  /** Answers to what is typed so far in an option. */
  readonly complete: (
    asked: {
      readonly command: string;
      readonly option: string;
      readonly typed: string;
      readonly user: string;
      readonly tenant: string | undefined;
    },
    locale: Locale,
  ) => Promise<readonly { readonly value: string; readonly words?: readonly string[] }[]>;
}

type Reading = Pick<Invocation, 'attachments' | 'repliedTo' | 'input'>;

/** The reaction that stars a picture. */
const STAR = '\u2b50';
/** Ids of events that are remembered: the gateway sends some again after a reconnect. */
const REMEMBERED = 10_000;
/** Form ids of the message commands: `message:edit:CHANNEL:MESSAGE`. */
const FORM_OF_MESSAGE = /^message:(edit|use):(\d+):(\d+)$/;
const NEEDED = [PermissionFlagsBits.ViewChannel, PermissionFlagsBits.AttachFiles];

export class DiscordEvents {
  readonly #client: Client;
  readonly #ports: EventPorts;
  readonly #downloads: Downloads;
  readonly #seen = new SeenOnce(REMEMBERED);
  readonly #languages = new Languages();
  readonly #targets: TargetMessages;

  constructor(client: Client, ports: EventPorts, downloads: Downloads) {
    this.#client = client;
    this.#ports = ports;
    this.#downloads = downloads;
    this.#targets = new TargetMessages(client, downloads);
  }

  listen(): void {
    this.#client.on(Events.InteractionCreate, (interaction) => {
      this.#receive(interaction.id, () => this.#takeInteraction(interaction));
    });
    this.#client.on(Events.MessageCreate, (message) => {
      if (this.#isForBot(message)) this.#receive(message.id, () => this.#takeMessage(message));
    });
    // A moderator deletes a message: its picture goes too.
    this.#client.on(Events.MessageDelete, ({ id }) => {
      this.#forget([id]).catch(this.#ports.onError);
    });
    this.#client.on(Events.MessageReactionAdd, (reaction, user) => {
      this.#react(reaction, user, true).catch(this.#ports.onError);
    });
    this.#client.on(Events.MessageReactionRemove, (reaction, user) => {
      this.#react(reaction, user, false).catch(this.#ports.onError);
    });
    this.#client.on(Events.MessageBulkDelete, (messages) => {
      this.#forget([...messages.keys()]).catch(this.#ports.onError);
    });
  }

  async #forget(messages: readonly string[]): Promise<void> {
    for (const message of messages) {
      for (const job of await this.#ports.deliveries.ofMessage('discord', message)) {
        await this.#ports.forget(job);
      }
    }
  }

  async #react(
    { emoji, message }: MessageReaction | PartialMessageReaction,
    user: Pick<User, 'id'>,
    isAdded: boolean,
  ): Promise<void> {
    if (emoji.name !== STAR || emoji.id !== null) return;
    const jobs = await this.#ports.deliveries.ofMessage('discord', message.id);
    if (jobs.length === 0) return;
    const tenant = message.guildId === null ? undefined : `discord:${message.guildId}`;
    await this.#ports.react({ jobs, platform: 'discord', user: `discord:${user.id}`, tenant, isAdded });
  }

  #receive(id: string, take: () => Promise<void>): void {
    if (this.#seen.isNew(id)) take().catch(this.#ports.onError);
  }

  #isForBot(message: Message): boolean {
    const bot = this.#client.user;
    if (message.author.bot || message.system || bot === null) return false;
    return message.channel.isDMBased() || message.mentions.users.has(bot.id);
  }

  async #takeMessage(message: Message): Promise<void> {
    const { channel } = message;
    if (!channel.isSendable()) return;
    const locale = this.#languages.of(message);
    const reply = new MessageReply(channel, this.#ports, message, undefined, locale);
    await this.#serve(
      reply,
      async () => {
        this.#requirePermissions(message);
        const { author, guildId } = message;
        const { text: typed, link } = linkedMessage(wordsOf(message, this.#client.user!.id));
        const { text: words, attachments: pasted } = this.#downloads.pasted(typed);
        const attachments = [...filesOf(message, this.#downloads), ...pasted];
        const replied = await this.#targets.repliedTo(message);
        const linked =
          link && replied === undefined ? await this.#targets.linked(link, author, guildId) : undefined;
        const target = replied ?? linked ?? (await this.#targets.inThread(message, words));
        const otherFiles = otherFilesOf(message);
        return {
          id: `discord:${message.id}`,
          user: userOf(message.author, message.member),
          channel: `discord:${message.channelId}`,
          where: whereOfMessage(message, locale),
          attachments,
          ...(otherFiles.length > 0 && { otherFiles }),
          ...(target !== undefined && { repliedTo: this.#repliedMessage(target) }),
          input: { kind: 'line', text: words },
        };
      },
      locale,
    );
  }

  async #takeInteraction(interaction: AnyInteraction): Promise<void> {
    this.#languages.learn(interaction);
    if (interaction.isAutocomplete()) return this.#suggest(interaction);
    if (interaction.isMessageContextMenuCommand()) return this.#askAboutMessage(interaction);
    if (interaction.isMessageComponent()) {
      const action = actionOf(interaction);
      const form = await this.#formOf(action, interaction);
      if (form !== undefined) return interaction.showModal(renderForm(action, form));
      return this.#serveInteraction(interaction, async () => pressOf(interaction));
    }
    if (interaction.isModalSubmit()) {
      return this.#serveInteraction(interaction, () => this.#readForm(interaction));
    }
    if (interaction.isChatInputCommand()) {
      return this.#serveInteraction(interaction, () => this.#readCommand(interaction));
    }
  }

  async #readCommand(interaction: ChatInputCommandInteraction): Promise<Reading> {
    const { name, values } = calledOf(interaction);
    const { prompt } = values;
    const { text, link } = linkedMessage(typeof prompt === 'string' ? plainWords(prompt) : '');
    const read = typeof prompt === 'string' ? this.#downloads.pasted(text) : undefined;
    const linked = link && (await this.#targets.linked(link, interaction.user, interaction.guildId));
    return {
      ...(linked && { repliedTo: this.#repliedMessage(linked) }),
      attachments: [...attachmentsOf(interaction, this.#downloads), ...(read?.attachments ?? [])],
      input: { kind: 'command', name, values: { ...values, ...(read && { prompt: read.text }) } },
    };
  }

  async #askAboutMessage(interaction: MessageContextMenuCommandInteraction): Promise<void> {
    const { commandName, targetMessage } = interaction;
    const verb = commandName === MESSAGE_COMMANDS.edit.name ? 'edit' : 'use';
    const shown =
      targetMessage.author.id === this.#client.user?.id ? shownJob(buttonsOf(targetMessage)) : undefined;
    const form = await this.#formOf(verb, interaction, shown?.id);
    if (form === undefined) throw new Error(`there is no form for ${verb}`);
    const id = `message:${verb}:${targetMessage.channelId}:${targetMessage.id}`;
    await interaction.showModal(renderForm(id, form));
  }

  #formOf(action: string, { user, guildId, locale }: AnyInteraction, job?: string): ReturnType<FormOf> {
    return this.#ports.formOf({
      ...{ action, platform: 'discord', user: `discord:${user.id}`, locale },
      ...(job !== undefined && { job }),
      ...(guildId !== null && { tenant: `discord:${guildId}` }),
    });
  }

  async #readForm(interaction: ModalSubmitInteraction): Promise<Reading> {
    const [, verb, channelId, messageId] = FORM_OF_MESSAGE.exec(interaction.customId) ?? [];
    const action = verb ?? interaction.customId;
    const form = await this.#formOf(action, interaction);
    if (form === undefined) throw new DarkroomError('bad_request', sentence('platform.old_form'));
    const { values, attachments } = formValues(form, interaction, this.#downloads);
    if (verb === undefined || channelId === undefined || messageId === undefined) {
      const message = interaction.message?.id ?? '';
      return { attachments, input: { kind: 'action', action, values, message } };
    }
    const { user, guildId } = interaction;
    const target = await this.#targets.fetchForUser(channelId, messageId, user, guildId);
    const repliedTo = this.#repliedMessage(target);
    if (repliedTo.attachments?.length === 0) {
      throw new DarkroomError('bad_request', sentence('platform.no_picture'));
    }
    return {
      ...{ attachments, repliedTo },
      input: { kind: 'command', name: verb === 'use' ? 'imagine' : 'edit', values },
    };
  }

  #repliedMessage(target: Message): RepliedMessage {
    const shows = target.author.id === this.#client.user?.id ? shownJob(buttonsOf(target)) : undefined;
    return {
      ...{ id: target.id, pictureIds: [], attachments: picturesOf(target, this.#downloads) },
      ...(shows && { shows }),
    };
  }

  async #serveInteraction(interaction: Interaction, read: () => Promise<Reading>): Promise<void> {
    const reply = new InteractionReply(interaction, this.#ports);
    await this.#serve(
      reply,
      async () => {
        if (interaction.guildId !== null && !interaction.appPermissions.has(NEEDED))
          throw missingPermissions();
        return {
          id: `discord:${interaction.id}`,
          user: userOf(interaction.user, interaction.inCachedGuild() ? interaction.member : null),
          channel: `discord:${interaction.channelId ?? interaction.user.id}`,
          where: whereOfInteraction(interaction),
          ...(await read()),
        };
      },
      interaction.locale,
    );
    await reply.finish();
  }

  /** Hands over what was read; what could not be read is refused in private. */
  async #serve(
    reply: Reply,
    read: () => Promise<Omit<Invocation, 'platform'>>,
    locale: string | undefined,
  ): Promise<void> {
    let invocation: Omit<Invocation, 'platform'>;
    try {
      invocation = await read();
    } catch (error) {
      if (!(error instanceof DarkroomError)) this.#ports.onError(error);
      return void (await reply.postEphemeral(refusalCard(error, locale)));
    }
    await this.#ports.handle({ ...invocation, platform: 'discord' }, reply);
  }

  #requirePermissions({ channel }: Message): void {
    if (channel.isDMBased()) return;
    const send = channel.isThread()
      ? PermissionFlagsBits.SendMessagesInThreads
      : PermissionFlagsBits.SendMessages;
    const allowed = channel.permissionsFor(this.#client.user!);
    if (!allowed?.has([...NEEDED, send])) throw missingPermissions();
  }

  async #suggest(interaction: AutocompleteInteraction): Promise<void> {
    const { name, value } = interaction.options.getFocused(true);
    const sub = interaction.options.getSubcommand(false);
    const command = sub === null ? interaction.commandName : `${interaction.commandName} ${sub}`;
    const answers = await this.#ports.complete(
      {
        command,
        option: name,
        typed: String(value),
        user: `discord:${interaction.user.id}`,
        tenant: interaction.guildId === null ? undefined : `discord:${interaction.guildId}`,
      },
      localeOf(interaction.locale),
    );
    await interaction.respond(
      answers
        .filter(({ value }) => value.length <= LIMITS.choiceName)
        .slice(0, LIMITS.choices)
        .map(({ value, words }) => ({ name: clip(loraLabel(value, words), LIMITS.choiceName), value })),
    );
  }
}

const missingPermissions = () => new DarkroomError('forbidden', sentence('discord.may_not_see_and_post'));
