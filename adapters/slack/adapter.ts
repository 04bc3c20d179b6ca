/** Slack: slash commands, mentions, message shortcuts, buttons and modals, over Bolt (Socket Mode or HTTP). */
import {
  App,
  type BlockAction,
  type ButtonAction,
  type Logger,
  LogLevel,
  type MessageShortcut,
  type SlackViewAction,
  type SlashCommand,
  webApi,
} from '@slack/bolt';
import { DarkroomError, describeError } from '../../src/errors.ts';
import type { Adapter, Attachment, Handle, Invocation, Reply, RequestedJob } from '../adapter.ts';
import type { Card, CardForm } from '../card.ts';
import type { MediaRules } from '../media.ts';
import { SeenOnce } from '../seen-once.ts';
import { UpdateBudget } from './budget.ts';
import { downloadPicture, filesOf, MEDIA_HOSTS, type SlackFile } from './files.ts';
import { SLACK_LIMITS as LIMITS } from './limits.ts';
import { findMessage } from './lookup.ts';
import { FORM_CALLBACK, type FormContext, formValues, renderForm } from './modal.ts';
import { unescapeText } from './render.ts';
import {
  apiBase,
  type Destination,
  type Posted,
  type ReplyPorts,
  SlackReply,
  slackError,
  type Workspace,
} from './reply.ts';
import { SlackUsers } from './users.ts';

export interface SlackOptions extends ReplyPorts {
  readonly botToken: string;
  /** Socket Mode, which needs no public address. */
  readonly appToken?: string;
  /** HTTP mode, where there is no app token. */
  readonly signingSecret?: string;
  /** Port of HTTP mode; 0 takes a free one. */
  readonly port: number;
  /** Base of the Web API, e.g. of a local server; Slack's own where absent. */
  readonly apiUrl?: string;
  readonly mediaHosts: readonly string[];
  readonly maxPictureBytes: number;
  readonly handle: Handle;
  /** What a button, a bare command or a shortcut asks before it acts. */
  readonly formOf: (action: string) => CardForm | undefined;
}

/** Callback ids of the message shortcuts, as config/slack-manifest.yaml names them. */
const SHORTCUTS: Readonly<Record<string, string>> = { edit_picture: 'edit', use_picture: 'use' };
const EVENTS_PATH = '/slack/events';
const FETCH_MS = 20_000;

/** @throws DarkroomError('misconfigured') where neither mode can be had */
export function createSlackAdapter(options: SlackOptions): Adapter {
  if (options.appToken === undefined && options.signingSecret === undefined) {
    throw new DarkroomError(
      'misconfigured',
      'Slack is off: set SLACK_APP_TOKEN for Socket Mode, or SLACK_SIGNING_SECRET for HTTP mode.',
    );
  }
  return new SlackAdapter(options);
}

type Reading = Omit<Invocation, 'id' | 'platform' | 'channel' | 'where' | 'user'>;

class SlackAdapter implements Adapter {
  readonly platform = 'slack';
  readonly #options: SlackOptions;
  readonly #app: App;
  readonly #workspace: Workspace;
  readonly #media: MediaRules;
  readonly #seen = new SeenOnce(10_000);
  #users: SlackUsers;
  #bot = '';

  constructor(options: SlackOptions) {
    this.#options = options;
    const { botToken, appToken, signingSecret, apiUrl } = options;
    const clientOptions = apiUrl === undefined ? {} : { slackApiUrl: apiBase(apiUrl) };
    const logger = quietLogger(options.onError);
    this.#app = new App({
      token: botToken,
      clientOptions,
      logger,
      // Checked by start(), which can say what is wrong.
      tokenVerificationEnabled: false,
      deferInitialization: true,
      ...(appToken !== undefined
        ? { appToken, socketMode: true }
        : { signingSecret: signingSecret ?? '', endpoints: EVENTS_PATH }),
    });
    this.#workspace = {
      client: new webApi.WebClient(botToken, { ...clientOptions, logger }),
      hasty: new webApi.WebClient(botToken, {
        ...clientOptions,
        logger,
        rejectRateLimitedCalls: true,
        retryConfig: { retries: 0 },
      }),
      budget: new UpdateBudget(LIMITS.updatesPerMinute),
    };
    this.#users = new SlackUsers(this.#workspace.client, '');
    this.#media = {
      hosts: MEDIA_HOSTS,
      furtherHosts: options.mediaHosts,
      maxBytes: options.maxPictureBytes,
      timeoutMs: FETCH_MS,
      headers: { authorization: `Bearer ${botToken}` },
    };
  }

  async start(): Promise<string> {
    const { appToken, port } = this.#options;
    let name: string | undefined;
    try {
      const { user_id: bot, user, team, team_id: teamId } = await this.#workspace.client.auth.test();
      this.#bot = bot ?? '';
      this.#users = new SlackUsers(this.#workspace.client, teamId ?? '');
      name = `@${user} in ${team}`;
      await this.#app.init();
      this.#listen();
      await this.#app.start(port);
    } catch (cause) {
      throw new DarkroomError('misconfigured', `Slack is off: ${reasonOf(cause)}`, { cause });
    }
    return `slack: ${name}, by ${appToken === undefined ? `HTTP on port ${port} at ${EVENTS_PATH}` : 'Socket Mode'}`;
  }

  async stop(): Promise<void> {
    await this.#app.stop();
  }

  async reopen(job: RequestedJob): Promise<Reply | undefined> {
    const delivery = await this.#options.deliveries.get(job.id);
    if (delivery !== undefined) return this.#replyOf({ channel: delivery.channel, ts: delivery.message });
    const [, asked = '', thread] = job.channel.split(':');
    const to = { ...destinationOf(asked, thread), user: job.user.id.replace(/^slack:/, '') };
    const found = await findMessage(this.#workspace.client, job, to).catch((error: unknown) => {
      // A second message is better than none.
      this.#options.onError(error);
      return { to };
    });
    if ('to' in found) return new SlackReply(this.#workspace, this.#options, found.to);
    const { channel, ts: message } = found.message;
    await this.#options.deliveries.put({ job: job.id, platform: 'slack', channel, message });
    return this.#replyOf(found.message);
  }

  #replyOf(message: Posted): Reply {
    return new SlackReply(this.#workspace, this.#options, { channel: message.channel }, message);
  }

  async rolesOf(_tenant: string, user: string): Promise<readonly string[]> {
    return (await this.#users.where(user.replace(/^slack:/, ''), '')).roles;
  }

  async post(channel: string, card: Card): Promise<void> {
    const wanted = channel.replace(/^<?#?(?:slack:)?|(?:\|[^>]*)?>$/g, '');
    await new SlackReply(this.#workspace, this.#options, { channel: wanted }).post(card);
  }

  /** Each is acknowledged first: Slack waits 3 s, and then sends it again. */
  #listen(): void {
    const app = this.#app;
    app.error(async (error) => this.#options.onError(error));
    app.command(/^\/.+/, async ({ ack, command, respond }) => {
      await ack();
      if (this.#seen.isNew(command.trigger_id))
        await this.#takeCommand(command, {
          ...destinationOf(command.channel_id),
          user: command.user_id,
          respond,
        });
    });
    app.event('app_mention', async ({ event, body }) => {
      if (event.user === undefined || !this.#seen.isNew(body.event_id)) return;
      await this.#takeMessage({ ...event, user: event.user });
    });
    app.event('message', async ({ event, body }) => {
      const isWords = event.subtype === undefined || event.subtype === 'file_share';
      if (event.channel_type !== 'im' || !isWords || !('user' in event) || event.user === undefined) return;
      if ('bot_id' in event && event.bot_id !== undefined) return;
      if (this.#seen.isNew(body.event_id)) await this.#takeMessage({ ...event, user: event.user });
    });
    app.action<BlockAction<ButtonAction>>(/.+/, async ({ ack, body, action, respond }) => {
      await ack();
      if (!this.#seen.isNew(`${body.trigger_id} ${action.action_ts}`)) return;
      const channel = body.channel?.id ?? body.user.id;
      const thread = body.message?.thread_ts as string | undefined;
      await this.#takePress(body, action, { ...destinationOf(channel, thread), user: body.user.id, respond });
    });
    app.shortcut<MessageShortcut>(
      { type: 'message_action', callback_id: /.+/ },
      async ({ ack, shortcut, respond }) => {
        await ack();
        await this.#takeShortcut(shortcut, {
          ...destinationOf(shortcut.channel.id),
          user: shortcut.user.id,
          respond,
        });
      },
    );
    app.view(FORM_CALLBACK, async ({ ack, body }) => {
      await ack();
      if (this.#seen.isNew(`${body.view.id} ${body.view.hash}`)) await this.#takeForm(body);
    });
  }

  async #takeCommand(
    { command, text, trigger_id }: SlashCommand,
    to: Destination & { user: string },
  ): Promise<void> {
    const name = command.slice(1).toLowerCase();
    const words = unescapeText(text ?? '').trim();
    const form = words === '' ? this.#options.formOf(name) : undefined;
    if (form !== undefined) return this.#open(trigger_id, form, { action: name, channel: to.channel });
    // /darkroom takes the other commands: names like /queue are too common for an app to claim.
    const line = name === 'darkroom' ? `/${words === '' ? 'help' : words}` : `/${name} ${words}`;
    await this.#serve(`command ${trigger_id}`, to, async () => ({
      attachments: [],
      input: { kind: 'line', text: line },
    }));
  }

  async #takeMessage(event: {
    readonly user: string;
    readonly channel: string;
    readonly ts: string;
    readonly thread_ts?: string;
    readonly text?: string;
    readonly files?: unknown;
  }): Promise<void> {
    const to = { ...destinationOf(event.channel, event.thread_ts), user: event.user };
    await this.#serve(`message ${event.channel} ${event.ts}`, to, async () => {
      const own = filesOf(event);
      const files =
        own.length > 0 || event.thread_ts === undefined
          ? own
          : await this.#filesOfThread(event.channel, event.thread_ts, event.ts);
      const text = unescapeText((event.text ?? '').replaceAll(`<@${this.#bot}>`, ' ')).trim();
      return { attachments: await this.#download(files), input: { kind: 'line', text } };
    });
  }

  /** The newest pictures of a thread before a message. */
  async #filesOfThread(channel: string, thread: string, before: string): Promise<SlackFile[]> {
    const { messages = [] } = await this.#workspace.client.conversations.replies({
      channel,
      ts: thread,
      limit: 200,
    });
    const earlier = messages.filter(({ ts }) => Number(ts) < Number(before));
    return earlier.map(filesOf).findLast((files) => files.length > 0) ?? [];
  }

  async #takePress(
    body: BlockAction<ButtonAction>,
    { action_id: action }: ButtonAction,
    to: Destination & { user: string },
  ): Promise<void> {
    const form = this.#options.formOf(action);
    const message = body.container['message_ts'] as string | undefined;
    if (form !== undefined) {
      const context = {
        action,
        channel: to.channel,
        ...(to.thread && { thread: to.thread }),
        ...(message && { message }),
      };
      return this.#open(body.trigger_id, form, context);
    }
    await this.#serve(`press ${body.trigger_id}`, to, async () => ({
      attachments: [],
      input: { kind: 'action', action, values: {}, message: message ?? '' },
    }));
  }

  async #takeShortcut(shortcut: MessageShortcut, to: Destination & { user: string }): Promise<void> {
    const action = SHORTCUTS[shortcut.callback_id];
    const form = action === undefined ? undefined : this.#options.formOf(action);
    if (action === undefined || form === undefined) return;
    const files = filesOf(shortcut.message).flatMap(({ id }) => id ?? []);
    if (files.length === 0) {
      const text = 'That message has no picture. Choose one that has.';
      return new SlackReply(this.#workspace, this.#options, to).postEphemeral({ text });
    }
    const thread = (shortcut.message['thread_ts'] as string | undefined) ?? shortcut.message_ts;
    await this.#open(shortcut.trigger_id, form, {
      action,
      channel: to.channel,
      thread,
      files: files.slice(0, 1),
    });
  }

  async #open(trigger: string, form: CardForm, context: FormContext): Promise<void> {
    await this.#workspace.client.views.open({ trigger_id: trigger, view: renderForm(form, context) });
  }

  async #takeForm({ view, user }: SlackViewAction): Promise<void> {
    const context = JSON.parse(view.private_metadata) as FormContext;
    const form = this.#options.formOf(context.action);
    if (form === undefined) return;
    const to = { ...destinationOf(context.channel, context.thread), user: user.id };
    await this.#serve(`form ${view.id}`, to, async () => {
      const { values, files } = formValues(form, view);
      const uploads = await Promise.all(
        files.map(async ({ field, file }) => ({
          ...(await downloadPicture(this.#workspace.client, { id: file }, this.#media)),
          option: field,
        })),
      );
      const { action, message, files: pictures = [] } = context;
      if (message !== undefined)
        return { attachments: uploads, input: { kind: 'action', action, values, message } };
      const option = action === 'use' ? 'control_picture' : 'picture';
      const shown = await this.#download(pictures.map((id) => ({ id })));
      return {
        attachments: [...shown.map((picture) => ({ ...picture, option })), ...uploads],
        input: { kind: 'command', name: action === 'use' ? 'imagine' : action, values },
      };
    });
  }

  #download(files: readonly SlackFile[]): Promise<Attachment[]> {
    return Promise.all(files.map((file) => downloadPicture(this.#workspace.client, file, this.#media)));
  }

  /** Hands over what was read; what could not be read is told to the asker alone. */
  async #serve(id: string, to: Destination & { user: string }, read: () => Promise<Reading>): Promise<void> {
    const reply = new SlackReply(this.#workspace, this.#options, to);
    try {
      const [user, where, reading] = await Promise.all([
        this.#users.user(to.user),
        this.#users.where(to.user, to.channel),
        read(),
      ]);
      const channel = `slack:${to.channel}${to.thread === undefined ? '' : `:${to.thread}`}`;
      await this.#options.handle(
        { ...reading, id: `slack:${id}`, platform: 'slack', user, channel, where },
        reply,
      );
    } catch (error) {
      if (!(error instanceof DarkroomError)) this.#options.onError(error);
      const refusal = describeError(error);
      await reply.postEphemeral({ text: refusal.message, error: refusal }).catch(this.#options.onError);
    }
  }
}

const destinationOf = (channel: string, thread?: string) => ({
  channel,
  ...(thread !== undefined && { thread }),
});

/** What is wrong with a start, for the operator. */
function reasonOf(error: unknown): string {
  switch (slackError(error)) {
    case 'invalid_auth':
    case 'not_authed':
    case 'account_inactive':
    case 'token_revoked':
      return 'a token is not valid. Copy SLACK_BOT_TOKEN and SLACK_APP_TOKEN anew from the pages of your app.';
    case 'missing_scope':
      return 'a scope is missing. Create the app anew from config/slack-manifest.yaml, or add its scopes and reinstall it.';
    default:
      return `the connection failed (${error instanceof Error ? error.message : String(error)}).`;
  }
}

/** Bolt's own log: its errors are the operator's, the rest is noise. */
function quietLogger(onError: (error: unknown) => void): Logger {
  const nothing = () => undefined;
  return {
    debug: nothing,
    info: nothing,
    warn: nothing,
    error: (...words) =>
      onError(words.find((word) => word instanceof Error) ?? new Error(words.map(String).join(' '))),
    setLevel: nothing,
    getLevel: () => LogLevel.ERROR,
    setName: nothing,
  };
}
