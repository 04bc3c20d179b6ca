/** Slack: slash commands, mentions, message shortcuts, buttons and modals, over Bolt (Socket Mode or HTTP). */
import { App, SocketModeReceiver, webApi } from '@slack/bolt';
import { DarkroomError } from '../../src/errors.ts';
import { sentence } from '../../src/sentences.ts';
import type { Adapter, Found, Membership, PostedCard, Reply, RequestedJob, SoughtCard } from '../adapter.ts';
import type { Card } from '../card.ts';
import { Downloads } from '../downloads.ts';
import { findPosted } from '../job-reply.ts';
import { PendingDeliveries, type Recorded } from '../pending-deliveries.ts';
import type { MentionKind } from '../platforms.ts';
import { UpdateBudget } from './budget.ts';
import { apiBase, quietLogger, reduceBoltError, SlackClient, slackCode, startProblem } from './client.ts';
import { findInWorkspace } from './directory.ts';
import { destinationOf, type EventPorts, SlackEvents } from './events.ts';
import { filesOf, MEDIA_HOSTS } from './files.ts';
import { SLACK_LIMITS as LIMITS } from './limits.ts';
import { findByButton, findMessage } from './lookup.ts';
import { type Posted, SlackReply, type Workspace } from './reply.ts';
import { SlackUsers } from './users.ts';

interface SlackOptions extends EventPorts {
  readonly botToken: string;
  /** Socket Mode, which needs no public address. */
  readonly appToken?: string;
  /** HTTP mode, where there is no app token. */
  readonly signingSecret?: string;
  /** Where HTTP mode listens; port 0 takes a free one. */
  readonly host: string;
  readonly port: number;
  /** Base of the Web API, e.g. of a local server; Slack's own where absent. */
  readonly apiUrl?: string;
  readonly mediaHosts: readonly string[];
  readonly maxPictureBytes: number;
}

/** Slack's words for files that are deleted already. */
const GONE: readonly unknown[] = ['file_not_found', 'file_deleted'];
const EVENTS_PATH = '/slack/events';

/** Milliseconds after which Slack counts as out of reach where somebody waits for it. */
const HASTY_MS = 15_000;
const FETCH_MS = 20_000;
/**
 * Milliseconds without an answer to a ping after which a connection counts as lost. Bolt's 5 s also pass where this process
 * stands still for a moment, as on a machine that draws on all its cores; what Slack sends until the next connection
 * stands comes late.
 */
const PONG_MS = 20_000;

/** @throws DarkroomError('misconfigured') where neither mode can be had */
export function createSlackAdapter(options: Recorded<SlackOptions>): Adapter {
  if (options.appToken === undefined && options.signingSecret === undefined) {
    throw new DarkroomError(
      'misconfigured',
      'Slack is off: set SLACK_APP_TOKEN for Socket Mode, or SLACK_SIGNING_SECRET for HTTP mode.',
    );
  }
  return new SlackAdapter({ ...options, deliveries: new PendingDeliveries(options.deliveries) });
}

class SlackAdapter implements Adapter {
  readonly platform = 'slack';
  readonly #options: SlackOptions;
  readonly #clientOptions: ConstructorParameters<typeof SlackClient>[1];
  readonly #workspace: Workspace;
  #app: App | undefined;
  #users: SlackUsers;

  constructor(options: SlackOptions) {
    this.#options = options;
    const { botToken, apiUrl, onError } = options;
    this.#clientOptions = {
      logger: quietLogger(onError),
      ...(apiUrl !== undefined && { slackApiUrl: apiBase(apiUrl) }),
    };
    const hasty = {
      ...this.#clientOptions,
      rejectRateLimitedCalls: true,
      retryConfig: { retries: 0 },
      timeout: HASTY_MS,
    };
    this.#workspace = {
      // What is tried again for half an hour must not keep a program that ends alive.
      client: new SlackClient(botToken, {
        ...this.#clientOptions,
        retryConfig: { ...webApi.retryPolicies.tenRetriesInAboutThirtyMinutes, unref: true },
      }),
      hasty: new SlackClient(botToken, hasty),
      budget: new UpdateBudget(LIMITS.updatesPerMinute),
    };
    this.#users = new SlackUsers(this.#workspace.client, '');
  }

  async start(): Promise<string> {
    const { appToken, host, port } = this.#options;
    try {
      const {
        user_id: bot,
        bot_id: botId,
        user,
        team,
        team_id: teamId,
        url,
      } = await this.#workspace.hasty.auth.test();
      this.#users = new SlackUsers(this.#workspace.client, teamId ?? '', URL.parse(url ?? '')?.host);
      const app = await this.#listen({ botUserId: bot ?? '', botId: botId ?? '' });
      this.#app = app;
      await app.start(appToken === undefined ? { host, port } : port);
      const way = appToken === undefined ? `HTTP on ${host}:${port}${EVENTS_PATH}` : 'Socket Mode';
      return `slack: @${user} in ${team}, by ${way}`;
    } catch (cause) {
      // Bolt would go on trying by itself, next to the next start of this adapter.
      await this.#app?.stop().catch(() => undefined);
      throw startProblem(reduceBoltError(cause));
    }
  }

  /** @param bot its ids: without them Bolt asks Slack for them on each event, before it is acknowledged */
  async #listen(bot: { readonly botUserId: string; readonly botId: string }): Promise<App> {
    const { botToken, appToken, signingSecret, mediaHosts, maxPictureBytes, onError } = this.#options;
    const { logger, ...clientOptions } = this.#clientOptions ?? {};
    const app = new App({
      authorize: async () => ({ botToken, ...bot }),
      clientOptions,
      ...(logger !== undefined && { logger }),
      ...(appToken !== undefined
        ? {
            receiver: new SocketModeReceiver({
              appToken,
              clientPingTimeout: PONG_MS,
              installerOptions: { clientOptions },
              ...(logger !== undefined && { logger }),
            }),
          }
        : { signingSecret: signingSecret ?? '', endpoints: EVENTS_PATH }),
    });
    app.error(async (error) => onError(reduceBoltError(error)));
    const downloads = new Downloads({
      hosts: MEDIA_HOSTS,
      furtherHosts: mediaHosts,
      maxBytes: maxPictureBytes,
      timeoutMs: FETCH_MS,
      headers: { authorization: `Bearer ${botToken}` },
    });
    new SlackEvents(this.#workspace, this.#users, bot.botUserId, this.#options, downloads).listen(app);
    return app;
  }

  async stop(): Promise<void> {
    await this.#app?.stop();
  }

  async reopen(job: RequestedJob): Promise<Reply | undefined> {
    const delivery = await this.#options.deliveries.get(job.id);
    if (delivery !== undefined) return this.#replyTo({ channel: delivery.channel, ts: delivery.message });
    const [, channel = '', thread] = job.channel.split(':');
    const to = { ...destinationOf(channel, thread), user: plainId(job.user.id) };
    const search = () => findMessage(this.#workspace.client, job, to);
    const found = await findPosted(job, this.#options, this.platform, search, to);
    if ('home' in found) return new SlackReply(this.#workspace, this.#options, found.home);
    return this.#replyTo(found.message);
  }

  #replyTo(message: Posted): Reply {
    return new SlackReply(this.#workspace, this.#options, { channel: message.channel }, message);
  }

  async unpost({ id }: RequestedJob): Promise<void> {
    const delivery = await this.#options.deliveries.get(id);
    if (delivery === undefined) return;
    const { client } = this.#workspace;
    const { channel, message: ts } = delivery;
    // Deleting a message leaves its files in the workspace.
    const found = await client.conversations.replies({ channel, ts, limit: 1 }).catch(() => undefined);
    const message = found?.messages?.find((one) => one.ts === ts);
    const files = message === undefined ? [] : filesOf(message).flatMap(({ id: file }) => file ?? []);
    await this.#removeFiles(files);
    await this.#remove(channel, ts);
  }

  async #remove(channel: string, ts: string, client = this.#workspace.client): Promise<void> {
    await client.chat.delete({ channel, ts }).catch((error: unknown) => {
      if (slackCode(error) !== 'message_not_found') throw error;
    });
  }

  async #removeFiles(files: readonly string[], client = this.#workspace.client): Promise<void> {
    for (const file of files) {
      await client.files.delete({ file }).catch((error: unknown) => {
        if (!GONE.includes(slackCode(error))) this.#options.onError(error);
      });
    }
  }

  async rolesOf(tenant: string, user: string): Promise<readonly string[]> {
    return tenant === this.#users.tenant ? this.#users.rolesOf(plainId(user)) : [];
  }

  async find(tenant: string, kind: MentionKind, typed: string): Promise<Found | undefined> {
    return tenant === this.#users.tenant ? findInWorkspace(this.#workspace.client, kind, typed) : undefined;
  }

  /** A Slack app is in one workspace, which each Where names. */
  async tenantsOf(): Promise<readonly Membership[]> {
    return [];
  }

  async post(tenant: string, channel: string, card: Card): Promise<PostedCard> {
    if (tenant !== this.#users.tenant)
      throw new DarkroomError('not_found', sentence('slack.no_channel', { channel }));
    const wanted = plainChannel(channel);
    const reply = new SlackReply(this.#workspace, this.#options, { channel: wanted });
    const message = await reply.post(card);
    return { channel: reply.address?.channel ?? wanted, message, files: reply.files };
  }

  async findPosted({ tenant, channel, action, since }: SoughtCard): Promise<PostedCard | undefined> {
    const { client } = this.#workspace;
    const found = await this.find(tenant, 'channel', plainChannel(channel));
    const message = found && (await findByButton(client, found.id, action, since));
    if (message?.ts === undefined) return undefined;
    const files = filesOf(message).flatMap(({ id }) => id ?? []);
    return { channel: found!.id, message: message.ts, files };
  }

  async replace({ channel, message: ts, files = [] }: PostedCard, card: Card | undefined): Promise<void> {
    // Nobody waits for it, and it is asked for again: a call that fails is not tried again here.
    const client = this.#workspace.hasty;
    const workspace = { ...this.#workspace, client };
    if (ts !== '' && card !== undefined) {
      const reply = new SlackReply(workspace, this.#options, { channel }, { channel, ts });
      await reply.post(card).catch((error: unknown) => {
        // Deleted, or out of reach for good.
        if (!(error instanceof DarkroomError)) throw error;
      });
    } else if (ts !== '') await this.#remove(channel, ts, client);
    await this.#removeFiles(files, client);
  }
}

/** A channel as an admin named it, without Slack's marks around it. */
const plainChannel = (channel: string) => channel.replace(/^<?#?(?:slack:)?|(?:\|[^>]*)?>$/g, '');

/** Slack's own id in one of ours. */
const plainId = (id: string) => id.replace(/^slack:/, '');
