/** Discord's events as invocations: commands, buttons, forms, message commands, and messages to the bot. */
import {
  type Interaction as AnyInteraction,
  type AutocompleteInteraction,
  ChannelType,
  type ChatInputCommandInteraction,
  type Client,
  Events,
  type Message,
  type MessageContextMenuCommandInteraction,
  type MessageReaction,
  MessageReferenceType,
  type ModalSubmitInteraction,
  type PartialMessageReaction,
  PermissionFlagsBits,
  type TextBasedChannel,
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
import { NEW_PICTURE, shownJob } from '../shown-job.ts';
import { MESSAGE_COMMANDS } from './commands.ts';
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
import { renderForm } from './modal.ts';
import { attachmentsOf, buttonsOf, filesOf, formValues, otherFilesOf, picturesOf } from './pictures.ts';
import { type DiscordReplyPorts, type Interaction, InteractionReply, MessageReply } from './reply.ts';

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
/** Messages of a thread among which pictures are looked for. */
const THREAD_MESSAGES = 50;
/** Ids of events that are remembered: the gateway sends some again after a reconnect. */
const REMEMBERED = 10_000;
/** Form ids of the message commands: `message:edit:CHANNEL:MESSAGE`. */
const FORM_OF_MESSAGE = /^message:(edit|use):(\d+):(\d+)$/;
/** Address of a message, as Discord's client copies it. */
const MESSAGE_LINK =
  /<?https:\/\/(?:(?:ptb|canary)\.)?discord(?:app)?\.com\/channels\/(?:\d{5,20}|@me)\/(\d{5,20})\/(\d{5,20})\/?>?/;
/** What a user needs to see a message. */
const TO_READ = [PermissionFlagsBits.ViewChannel, PermissionFlagsBits.ReadMessageHistory];
const NEEDED = [PermissionFlagsBits.ViewChannel, PermissionFlagsBits.AttachFiles];

export class DiscordEvents {
  readonly #client: Client;
  readonly #ports: EventPorts;
  readonly #downloads: Downloads;
  readonly #seen = new SeenOnce(REMEMBERED);
  readonly #languages = new Languages();

  constructor(client: Client, ports: EventPorts, downloads: Downloads) {
    this.#client = client;
    this.#ports = ports;
    this.#downloads = downloads;
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
        const replied = await this.#repliedTo(message);
        const linked = link && replied === undefined ? await this.#linked(link, author, guildId) : undefined;
        const target = replied ?? linked ?? (await this.#inThread(message, words));
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
    const linked = link && (await this.#linked(link, interaction.user, interaction.guildId));
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
    const target = await this.#fetchForUser(channelId, messageId, user, guildId);
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

  /** Words in a thread are about its newest picture. */
  async #inThread(message: Message, words: string): Promise<Message | undefined> {
    const { channel } = message;
    if (!channel.isThread() || words === '' || NEW_PICTURE.test(words)) return undefined;
    if (filesOf(message, this.#downloads).length > 0) return undefined;
    const before = await channel.messages.fetch({ before: message.id, limit: THREAD_MESSAGES, cache: false });
    const shown = before.find((one) => picturesOf(one, this.#downloads).length > 0);
    return shown ?? (await channel.fetchStarterMessage().catch(() => null)) ?? undefined;
  }

  /** The user wrote in that channel, so that they see what is in it. */
  async #repliedTo(message: Message): Promise<Message | undefined> {
    const { reference, channel } = message;
    // A forward names a message of another channel, and brings its pictures.
    if (reference?.type === MessageReferenceType.Forward)
      return picturesOf(message, this.#downloads).length > 0 ? message : undefined;
    if (reference?.messageId === undefined || !channel.isTextBased()) return undefined;
    return fetchMessage(channel, reference.messageId);
  }

  /**
   * A message that the user can see too: its ids come from the user, who can send any.
   * @throws DarkroomError('not_found') alike for one that is gone and one that they cannot see
   */
  async #fetchForUser(
    channelId: string,
    messageId: string,
    user: User,
    guildId: string | null,
  ): Promise<Message> {
    const channel = await this.#client.channels.fetch(channelId).catch(() => null);
    if (channel?.isTextBased() && (await canRead(channel, user, guildId)))
      return fetchMessage(channel, messageId);
    throw messageGone();
  }

  /** @throws DarkroomError('bad_request') for a message without pictures, and as #fetchForUser */
  async #linked({ channel, message }: MessageLink, user: User, guildId: string | null): Promise<Message> {
    const found = await this.#fetchForUser(channel, message, user, guildId);
    if (picturesOf(found, this.#downloads).length > 0) return found;
    throw new DarkroomError('bad_request', sentence('platform.no_picture'));
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

interface MessageLink {
  readonly channel: string;
  readonly message: string;
}

/** The first message whose address was pasted among words, and the words without it. */
function linkedMessage(text: string): { readonly text: string; readonly link?: MessageLink } {
  const [whole, channel, message] = MESSAGE_LINK.exec(text) ?? [];
  if (whole === undefined || channel === undefined || message === undefined) return { text };
  return { text: text.replace(whole, ' ').trim(), link: { channel, message } };
}

/** @param guildId where the user asks: messages of other guilds, and of other direct messages, are not for it */
async function canRead(channel: TextBasedChannel, { id }: User, guildId: string | null): Promise<boolean> {
  if (channel.isDMBased()) return guildId === null && 'recipientId' in channel && channel.recipientId === id;
  if (channel.guildId !== guildId) return false;
  const member = await channel.guild.members.fetch(id).catch(() => null);
  if (member === null || !channel.permissionsFor(member)?.has(TO_READ)) return false;
  if (channel.type !== ChannelType.PrivateThread) return true;
  return (await channel.members.fetch(id).catch(() => null)) !== null;
}

/** Fetched again each time: the client's cache may hold an earlier state of it. */
async function fetchMessage(channel: TextBasedChannel, id: string): Promise<Message> {
  const message = await channel.messages.fetch({ message: id, force: true }).catch(() => null);
  if (message !== null) return message;
  throw messageGone();
}

const messageGone = () => new DarkroomError('not_found', sentence('platform.message_gone'));

const missingPermissions = () => new DarkroomError('forbidden', sentence('discord.may_not_see_and_post'));
