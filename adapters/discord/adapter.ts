/** Discord: slash commands, message commands, buttons, and messages that mention the bot, over discord.js. */
import { Client, Events, GatewayIntentBits, Partials, Routes, type SendableChannels } from 'discord.js';
import type { AnyCommand } from '../../commands/command.ts';
import { DarkroomError } from '../../src/errors.ts';
import { sentence } from '../../src/sentences.ts';
import type { Adapter, Found, Membership, PostedCard, Reply, RequestedJob, SoughtCard } from '../adapter.ts';
import type { Card } from '../card.ts';
import { Downloads } from '../downloads.ts';
import { type Address, findPosted } from '../job-reply.ts';
import { PendingDeliveries, type Recorded } from '../pending-deliveries.ts';
import type { MentionKind } from '../platforms.ts';
import { haveChanged, renderCommands } from './commands.ts';
import { findInGuild } from './directory.ts';
import { isRefusal, loginProblem, reduceError } from './errors.ts';
import { DiscordEvents, type EventPorts } from './events.ts';
import { plainId, rolesOf } from './invocation.ts';
import { restBase } from './limits.ts';
import { findByButton, findMessage } from './lookup.ts';
import { Memberships } from './memberships.ts';
import { MessageReply } from './message-reply.ts';
import { MEDIA_HOSTS } from './pictures.ts';

interface DiscordOptions extends EventPorts {
  readonly token: string;
  /** Base of the REST interface, e.g. of a local server; Discord's own where absent. */
  readonly apiUrl?: string;
  /** Further hosts that attachments may be fetched from. */
  readonly mediaHosts: readonly string[];
  readonly maxPictureBytes: number;
  readonly commands: readonly AnyCommand[];
}

const FETCH_MS = 20_000;

export function createDiscordAdapter(options: Recorded<DiscordOptions>): Adapter {
  return new DiscordAdapter({
    ...options,
    deliveries: new PendingDeliveries(options.deliveries),
    // What is reported goes to a log: it never holds a token or what was sent.
    onError: (error) => options.onError(reduceError(error)),
  });
}

class DiscordAdapter implements Adapter {
  readonly platform = 'discord';
  readonly #options: DiscordOptions;
  #client: Client;
  readonly #memberships = new Memberships(() => this.#client.guilds.cache);

  constructor(options: DiscordOptions) {
    this.#options = options;
    this.#client = this.#createClient();
  }

  #createClient(): Client {
    const options = this.#options;
    const client = new Client({
      // The text of messages that do not mention the bot stays unread: that intent is not requested.
      intents: [
        GatewayIntentBits.Guilds,
        GatewayIntentBits.GuildMessages,
        GatewayIntentBits.GuildMessageReactions,
        GatewayIntentBits.DirectMessages,
        GatewayIntentBits.DirectMessageReactions,
      ],
      // Of a message that is deleted, or reacted to, the client may know no more than its id.
      partials: [Partials.Channel, Partials.Message, Partials.Reaction, Partials.User],
      allowedMentions: { parse: [], repliedUser: false },
      ...(options.apiUrl !== undefined && { rest: { api: restBase(options.apiUrl) } }),
    });
    client.on(Events.Error, options.onError);
    client.on(Events.ShardError, options.onError);
    const downloads = new Downloads({
      hosts: MEDIA_HOSTS,
      furtherHosts: options.mediaHosts,
      maxBytes: options.maxPictureBytes,
      timeoutMs: FETCH_MS,
    });
    new DiscordEvents(client, options, downloads).listen();
    return client;
  }

  async start(): Promise<string> {
    const ready = new Promise<Client<true>>((resolve) => this.#client.once(Events.ClientReady, resolve));
    try {
      await this.#client.login(this.#options.token);
    } catch (cause) {
      // A client whose login failed does not log in again.
      this.#client = this.#createClient();
      throw loginProblem(cause);
    }
    const { user, guilds } = await ready;
    await this.#register();
    const { size } = guilds.cache;
    return `discord: ${user.tag}, in ${size} ${size === 1 ? 'server' : 'servers'}`;
  }

  async stop(): Promise<void> {
    await this.#client.destroy();
  }

  async reopen(job: RequestedJob): Promise<Reply | undefined> {
    const { id, user, channel: requested, frame } = job;
    const delivery = await this.#options.deliveries.get(id);
    // A private answer cannot be edited once its interaction has expired: it continues as a direct message.
    const direct = async () => this.#findOrPost(job, await this.#client.users.createDM(plainId(user.id)));
    try {
      if (delivery === undefined && frame?.isPrivate) return await direct();
      const channel = await this.#client.channels.fetch(delivery?.channel ?? plainId(requested));
      if (!channel?.isSendable()) return undefined;
      if (delivery === undefined) return await this.#findOrPost(job, channel);
      const message = await channel.messages.fetch(delivery.message).catch((error: unknown) => {
        if (frame?.isPrivate && isRefusal(error)) return 'private' as const;
        throw error;
      });
      if (message === 'private') return await direct();
      return new MessageReply(channel, this.#options, undefined, message);
    } catch (error) {
      // Deleted, or out of reach: nobody waits for it there.
      if (isRefusal(error)) return undefined;
      throw reduceError(error);
    }
  }

  async #findOrPost(job: RequestedJob, channel: SendableChannels): Promise<Reply> {
    const search = () => findMessage(channel, job);
    const found = await findPosted(job, this.#options, this.platform, search, channel);
    if ('home' in found) return new MessageReply(found.home, this.#options, undefined);
    const { message } = found;
    const home = message.channel.isSendable() ? message.channel : channel;
    return new MessageReply(home, this.#options, undefined, message);
  }

  async unpost({ id }: RequestedJob): Promise<void> {
    const delivery = await this.#options.deliveries.get(id);
    if (delivery !== undefined) await this.#remove(delivery);
  }

  async #remove({ channel, message }: Address): Promise<void> {
    await this.#client.rest.delete(Routes.channelMessage(channel, message)).catch((error: unknown) => {
      // Deleted already, or out of reach for good.
      if (!isRefusal(error)) throw reduceError(error);
    });
  }

  async rolesOf(tenant: string, user: string): Promise<readonly string[]> {
    const guild = this.#client.guilds.cache.get(plainId(tenant)) ?? null;
    const member = await guild?.members.fetch(plainId(user)).catch(() => undefined);
    return rolesOf(guild, member);
  }

  async find(tenant: string, kind: MentionKind, typed: string): Promise<Found | undefined> {
    const guild = this.#client.guilds.cache.get(plainId(tenant));
    return guild && findInGuild(guild, kind, typed);
  }

  async tenantsOf(user: string): Promise<readonly Membership[]> {
    return this.#memberships.of(plainId(user));
  }

  async post(tenant: string, channel: string, card: Card): Promise<PostedCard> {
    const found = this.#channelOf(tenant, channel);
    if (found === undefined)
      throw new DarkroomError('not_found', sentence('discord.no_channel', { channel }));
    const message = await new MessageReply(found, this.#options, undefined).post(card);
    return { channel: found.id, message };
  }

  /** @param channel as an admin named it */
  #channelOf(tenant: string, channel: string): SendableChannels | undefined {
    const wanted = channel.replace(/^<?#?(?:discord:)?|>$/g, '');
    const guild = this.#client.guilds.cache.get(plainId(tenant));
    const found = guild?.channels.cache.find(({ id, name }) => id === wanted || name === wanted);
    return found?.isSendable() ? found : undefined;
  }

  async findPosted({ tenant, channel, action, since }: SoughtCard): Promise<PostedCard | undefined> {
    const home = this.#channelOf(tenant, channel);
    try {
      const message = home && (await findByButton(home, action, since));
      return message && { channel: message.channelId, message: message.id };
    } catch (error) {
      throw reduceError(error);
    }
  }

  async replace(posted: PostedCard, card: Card | undefined): Promise<void> {
    if (card === undefined) return this.#remove(posted);
    try {
      const channel = await this.#client.channels.fetch(posted.channel);
      if (!channel?.isSendable()) return;
      const message = await channel.messages.fetch(posted.message);
      await new MessageReply(channel, this.#options, undefined, message).post(card);
    } catch (error) {
      // Deleted, or out of reach for good.
      if (!isRefusal(error) && !(error instanceof DarkroomError)) throw reduceError(error);
    }
  }

  /** Only when something changed: Discord allows 200 creations a day. */
  async #register(): Promise<void> {
    const { rest, application } = this.#client;
    const route = Routes.applicationCommands(application!.id);
    const ours = renderCommands(this.#options.commands);
    const query = new URLSearchParams({ with_localizations: 'true' });
    try {
      const theirs = await rest.get(route, { query });
      if (!Array.isArray(theirs) || haveChanged(ours, theirs)) await rest.put(route, { body: ours });
    } catch (error) {
      throw reduceError(error);
    }
  }
}
