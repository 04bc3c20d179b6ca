/** Discord: slash commands, message commands, buttons, and messages that name the bot, over discord.js. */
import {
  type Interaction as AnyInteraction,
  type AutocompleteInteraction,
  type ChatInputCommandInteraction,
  Client,
  DiscordAPIError,
  Events,
  GatewayIntentBits,
  type Message,
  type MessageComponentInteraction,
  type MessageContextMenuCommandInteraction,
  type ModalSubmitInteraction,
  Partials,
  PermissionFlagsBits,
  Routes,
  type SendableChannels,
} from 'discord.js';
import type { AnyCommand } from '../../commands/command.ts';
import { DarkroomError, describeError } from '../../src/errors.ts';
import type { Adapter, Handle, Invocation, Reply, RequestedJob } from '../adapter.ts';
import type { Card, CardForm } from '../card.ts';
import type { MediaRules } from '../media.ts';
import { SeenOnce } from '../seen-once.ts';
import { haveChanged, MESSAGE_COMMANDS, renderCommands, type Translation } from './commands.ts';
import {
  attachmentsOf,
  calledOf,
  formValues,
  MEDIA_HOSTS,
  picturesOf,
  userOf,
  whereOfInteraction,
  whereOfMessage,
  wordsOf,
} from './invocation.ts';
import { DISCORD_LIMITS as LIMITS, restBase } from './limits.ts';
import { findMessage } from './lookup.ts';
import { renderForm } from './modal.ts';
import { type Interaction, InteractionReply, MessageReply, type ReplyPorts } from './reply.ts';

export interface DiscordOptions extends ReplyPorts {
  readonly token: string;
  /** Base of the REST interface, e.g. of a local server; Discord's own where absent. */
  readonly apiUrl?: string;
  /** Further hosts that attachments may be fetched from. */
  readonly mediaHosts: readonly string[];
  readonly maxPictureBytes: number;
  readonly handle: Handle;
  readonly commands: readonly AnyCommand[];
  readonly korean: Translation;
  /** What a button or a message command asks before it acts. */
  readonly formOf: (action: string) => CardForm | undefined;
  /** Answers to what is typed so far in an option. */
  readonly suggest: (asked: {
    readonly command: string;
    readonly option: string;
    readonly typed: string;
    readonly tenant: string | undefined;
  }) => Promise<readonly string[]>;
  /** Hears of errors that are not the user's. */
  readonly onError: (error: unknown) => void;
}

const FETCH_MS = 20_000;
/** Form ids of the message commands: `message:edit:CHANNEL:MESSAGE`. */
const FORM_OF_MESSAGE = /^message:(edit|use):(\d+):(\d+)$/;
const NEEDED = [PermissionFlagsBits.ViewChannel, PermissionFlagsBits.AttachFiles];

export function createDiscordAdapter(options: DiscordOptions): Adapter {
  return new DiscordAdapter(options);
}

class DiscordAdapter implements Adapter {
  readonly platform = 'discord';
  readonly #options: DiscordOptions;
  readonly #client: Client;
  readonly #media: MediaRules;
  readonly #seen = new SeenOnce(10_000);

  constructor(options: DiscordOptions) {
    this.#options = options;
    this.#media = {
      hosts: MEDIA_HOSTS,
      furtherHosts: options.mediaHosts,
      maxBytes: options.maxPictureBytes,
      timeoutMs: FETCH_MS,
    };
    this.#client = new Client({
      // The words of messages that do not name the bot stay unread: that intent is not asked for.
      intents: [GatewayIntentBits.Guilds, GatewayIntentBits.GuildMessages, GatewayIntentBits.DirectMessages],
      partials: [Partials.Channel],
      allowedMentions: { parse: [], repliedUser: false },
      ...(options.apiUrl !== undefined && { rest: { api: restBase(options.apiUrl) } }),
    });
    this.#client.on(Events.Error, options.onError);
    this.#client.on(Events.ShardError, options.onError);
    this.#client.on(Events.InteractionCreate, (interaction) => {
      this.#receive(interaction.id, () => this.#takeInteraction(interaction));
    });
    this.#client.on(Events.MessageCreate, (message) => {
      if (this.#isForUs(message)) this.#receive(message.id, () => this.#takeMessage(message));
    });
  }

  async start(): Promise<string> {
    const ready = new Promise<Client<true>>((resolve) => this.#client.once(Events.ClientReady, resolve));
    try {
      await this.#client.login(this.#options.token);
    } catch (cause) {
      throw new DarkroomError('misconfigured', `Discord is off: ${reasonOf(cause)}`, { cause });
    }
    const { user, guilds } = await ready;
    await this.#register();
    return `discord: ${user.tag}, in ${guilds.cache.size} servers`;
  }

  async stop(): Promise<void> {
    await this.#client.destroy();
  }

  async reopen(job: RequestedJob): Promise<Reply | undefined> {
    const { id, user, channel: asked, frame } = job;
    const delivery = await this.#options.deliveries.get(id);
    // A private answer ends with its interaction, out of a bot's reach: from then on it is a direct message.
    const alone = async () => this.#findOrPost(job, await this.#client.users.createDM(plainId(user.id)));
    try {
      if (delivery === undefined && frame?.isPrivate) return await alone();
      const channel = await this.#client.channels.fetch(delivery?.channel ?? plainId(asked));
      if (!channel?.isSendable()) return undefined;
      if (delivery === undefined) return await this.#findOrPost(job, channel);
      const message = await channel.messages.fetch(delivery.message).catch((error: unknown) => {
        if (frame?.isPrivate && isRefusal(error)) return 'private' as const;
        throw error;
      });
      if (message === 'private') return await alone();
      return new MessageReply(channel, this.#options, undefined, message);
    } catch (error) {
      // Deleted, or out of reach: nobody waits for it there.
      if (isRefusal(error)) return undefined;
      throw error;
    }
  }

  async #findOrPost(job: RequestedJob, channel: SendableChannels): Promise<Reply> {
    const found = await findMessage(channel, job).catch((error: unknown) => {
      // A second message is better than none.
      this.#options.onError(error);
      return {};
    });
    const { message, thread = channel }: Awaited<ReturnType<typeof findMessage>> = found;
    if (message === undefined) return new MessageReply(thread, this.#options, undefined);
    const note = {
      job: job.id,
      platform: 'discord',
      channel: message.channelId,
      message: message.id,
    } as const;
    await this.#options.deliveries.put(note);
    const home = message.channel.isSendable() ? message.channel : channel;
    return new MessageReply(home, this.#options, undefined, message);
  }

  async rolesOf(tenant: string, user: string): Promise<readonly string[]> {
    const guild = await this.#client.guilds.fetch(plainId(tenant));
    const member = await guild.members.fetch(plainId(user)).catch(() => undefined);
    return [...(member?.roles.cache.keys() ?? [])]
      .filter((id) => id !== guild.id)
      .map((id) => `discord:${id}`);
  }

  async post(channel: string, card: Card): Promise<void> {
    const wanted = channel.replace(/^<?#?(?:discord:)?|>$/g, '');
    const found = this.#client.channels.cache.find(
      (one) => one.id === wanted || ('name' in one && one.name === wanted),
    );
    if (!found?.isSendable())
      throw new DarkroomError('not_found', `There is no channel ${channel} that I may write in.`);
    await new MessageReply(found, this.#options, undefined).post(card);
  }

  /** Only when something changed: Discord allows 200 creations a day. */
  async #register(): Promise<void> {
    const { rest, application } = this.#client;
    const route = Routes.applicationCommands(application!.id);
    const ours = renderCommands(this.#options.commands, this.#options.korean);
    const query = new URLSearchParams({ with_localizations: 'true' });
    const theirs = await rest.get(route, { query });
    if (!Array.isArray(theirs) || haveChanged(ours, theirs)) await rest.put(route, { body: ours });
  }

  /** An event that the gateway sends again after a reconnect is the same event. */
  #receive(id: string, take: () => Promise<void>): void {
    if (this.#seen.isNew(id)) take().catch(this.#options.onError);
  }

  #isForUs(message: Message): boolean {
    const bot = this.#client.user;
    if (message.author.bot || message.system || bot === null) return false;
    return message.channel.isDMBased() || message.mentions.users.has(bot.id);
  }

  async #takeMessage(message: Message): Promise<void> {
    const { channel } = message;
    if (!channel.isSendable()) return;
    const reply = new MessageReply(channel, this.#options, message);
    await this.#serve(reply, async () => {
      this.#demandPermissions(message);
      const own = await picturesOf(message, this.#media);
      const target = await this.#repliedTo(message);
      const attachments =
        own.length > 0 || target === undefined ? own : await picturesOf(target, this.#media);
      const user = userOf(message.author, message.member);
      return {
        id: `discord:${message.id}`,
        user,
        channel: `discord:${message.channelId}`,
        where: whereOfMessage(message),
        attachments,
        ...(target !== undefined &&
          attachments.length === 0 && { repliedTo: { id: target.id, pictureIds: [] } }),
        input: { kind: 'line', text: wordsOf(message, this.#client.user!.id) },
      };
    });
  }

  async #takeInteraction(interaction: AnyInteraction): Promise<void> {
    if (interaction.isAutocomplete()) return this.#suggest(interaction);
    if (interaction.isMessageContextMenuCommand()) return this.#askAboutMessage(interaction);
    if (interaction.isMessageComponent()) {
      const form = this.#options.formOf(interaction.customId);
      if (form !== undefined) return interaction.showModal(renderForm(interaction.customId, form));
      return this.#serveInteraction(interaction, async () => pressed(interaction));
    }
    if (interaction.isModalSubmit()) return this.#takeForm(interaction);
    if (interaction.isChatInputCommand()) {
      return this.#serveInteraction(interaction, () => this.#commanded(interaction));
    }
  }

  async #commanded(interaction: ChatInputCommandInteraction) {
    return {
      attachments: await attachmentsOf(interaction, this.#media),
      input: { kind: 'command', ...calledOf(interaction) } as const,
    };
  }

  async #askAboutMessage(interaction: MessageContextMenuCommandInteraction): Promise<void> {
    const { commandName, targetMessage } = interaction;
    const verb = commandName === MESSAGE_COMMANDS.edit.name ? 'edit' : 'use';
    const form = this.#options.formOf(verb);
    if (form === undefined) throw new Error(`there is no form for ${verb}`);
    const id = `message:${verb}:${targetMessage.channelId}:${targetMessage.id}`;
    await interaction.showModal(renderForm(id, form));
  }

  async #takeForm(interaction: ModalSubmitInteraction): Promise<void> {
    await this.#serveInteraction(interaction, async () => {
      const [, verb, channelId, messageId] = FORM_OF_MESSAGE.exec(interaction.customId) ?? [];
      const action = verb ?? interaction.customId;
      const form = this.#options.formOf(action);
      if (form === undefined)
        throw new DarkroomError('bad_request', 'That form is not known any more. Open it again.');
      const { values, attachments } = await formValues(form, interaction, this.#media);
      if (verb === undefined || channelId === undefined || messageId === undefined) {
        const message = interaction.message?.id ?? '';
        return { attachments, input: { kind: 'action', action, values, message } as const };
      }
      const target = await this.#fetchMessage(channelId, messageId);
      const pictures = await picturesOf(target, this.#media);
      if (pictures.length === 0) {
        throw new DarkroomError('bad_request', 'That message has no picture. Choose one that has.');
      }
      const option = verb === 'use' ? 'control_picture' : 'picture';
      return {
        attachments: [...pictures.slice(0, 1).map((picture) => ({ ...picture, option })), ...attachments],
        input: { kind: 'command', name: verb === 'use' ? 'imagine' : 'edit', values } as const,
      };
    });
  }

  /** Fetched anew: what the client remembers of a message may be an earlier state of it. */
  async #repliedTo({ reference, channel }: Message): Promise<Message | undefined> {
    if (reference?.messageId === undefined) return undefined;
    return this.#fetchMessage(channel.id, reference.messageId);
  }

  async #fetchMessage(channelId: string, messageId: string): Promise<Message> {
    const channel = await this.#client.channels.fetch(channelId).catch(() => null);
    const message = channel?.isTextBased()
      ? await channel.messages.fetch({ message: messageId, force: true }).catch(() => null)
      : null;
    if (message !== null) return message;
    throw new DarkroomError('not_found', 'That message is gone, or I may not read its channel.');
  }

  async #serveInteraction(
    interaction: Interaction,
    read: () => Promise<Pick<Invocation, 'attachments' | 'input'>>,
  ): Promise<void> {
    const reply = new InteractionReply(interaction, this.#options, this.#options.onError);
    await this.#serve(reply, async () => {
      if (interaction.guildId !== null && !interaction.appPermissions.has(NEEDED)) throw missingPermissions();
      return {
        id: `discord:${interaction.id}`,
        user: userOf(interaction.user, interaction.inCachedGuild() ? interaction.member : null),
        channel: `discord:${interaction.channelId ?? interaction.user.id}`,
        where: whereOfInteraction(interaction),
        ...(await read()),
      };
    });
    await reply.finish();
  }

  /** Hands over what was read; what could not be read is told to the asker alone. */
  async #serve(reply: Reply, read: () => Promise<Omit<Invocation, 'platform'>>): Promise<void> {
    let invocation: Omit<Invocation, 'platform'>;
    try {
      invocation = await read();
    } catch (error) {
      if (!(error instanceof DarkroomError)) this.#options.onError(error);
      return reply.postEphemeral(refusalCard(error));
    }
    await this.#options.handle({ ...invocation, platform: 'discord' }, reply);
  }

  #demandPermissions({ channel }: Message): void {
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
    const answers = await this.#options.suggest({
      command,
      option: name,
      typed: String(value),
      tenant: interaction.guildId === null ? undefined : `discord:${interaction.guildId}`,
    });
    await interaction.respond(
      answers
        .filter((answer) => answer.length <= LIMITS.choiceName)
        .slice(0, LIMITS.choices)
        .map((answer) => ({ name: answer, value: answer })),
    );
  }
}

const plainId = (id: string) => id.replace(/^discord:/, '');

const isRefusal = (error: unknown) => error instanceof DiscordAPIError && error.status < 500;

function pressed({ customId, message }: MessageComponentInteraction) {
  return {
    attachments: [],
    input: { kind: 'action', action: customId, values: {}, message: message.id } as const,
  };
}

function refusalCard(error: unknown): Card {
  const refusal = describeError(error);
  return { text: refusal.message, error: refusal };
}

const missingPermissions = () =>
  new DarkroomError(
    'forbidden',
    'I may not post pictures in this channel. An admin of this server can allow me View Channel, Send Messages and Attach Files here.',
  );

/** What is wrong with a login, for the operator. */
function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined;
  if (code === 'TokenInvalid' || code === 401 || code === 0) {
    return 'DISCORD_TOKEN is not valid. Copy it anew from the Bot page of your application.';
  }
  if (error instanceof Error && /disallowed intent/i.test(error.message)) {
    return 'Discord does not grant an intent. Check the Bot page of your application.';
  }
  return `the login failed (${error instanceof Error ? error.message : String(error)}).`;
}
