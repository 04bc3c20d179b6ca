/** Slack's events as invocations: commands, buttons, forms, shortcuts, and messages to the bot. */
import type {
  App,
  BlockAction,
  ButtonAction,
  MessageShortcut,
  OverflowAction,
  SlackViewAction,
  SlashCommand,
  StaticSelectAction,
} from '@slack/bolt';
import { DarkroomError } from '../../src/errors.ts';
import { localeOf, type Say, sayIn } from '../../src/sentences.ts';
import type { Attachment, FormOf, Handle, Invocation, Reaction, RepliedMessage } from '../adapter.ts';
import type { CardForm } from '../card.ts';
import type { Downloads } from '../downloads.ts';
import { refusalCard } from '../refusal-card.ts';
import { SeenOnce } from '../seen-once.ts';
import { NEW_PICTURE, shownJob } from '../shown-job.ts';
import {
  attachmentFor,
  attachmentOf,
  buttonsOf,
  filesOf,
  otherFilesOf,
  pastedFiles,
  type SlackFile,
} from './files.ts';
import { linkedMessage, type MessageLink, readLinked } from './links.ts';
import { FORM_CALLBACK, type FormContext, formValues, renderForm } from './modal.ts';
import { unescapeText } from './render.ts';
import { type Destination, SlackReply, type SlackReplyPorts, type Workspace } from './reply.ts';
import type { SlackUsers } from './users.ts';

export interface EventPorts extends SlackReplyPorts {
  readonly handle: Handle;
  readonly formOf: FormOf;
  readonly react: (reaction: Reaction) => Promise<void>;
}

/** Callback ids of the message shortcuts, as config/slack-manifest.yaml names them. */
const SHORTCUTS: ReadonlyMap<string, string> = new Map([
  ['edit_picture', 'edit'],
  ['use_picture', 'use'],
]);
/** The reaction that stars a picture. */
const STAR = 'star';
interface SlackReaction {
  readonly reaction: string;
  readonly user: string;
  readonly item: { readonly channel: string; readonly ts: string };
}
/** Ids of events that are remembered: Slack sends some again. */
const REMEMBERED = 10_000;
/** Messages of a thread among which pictures are looked for. */
const THREAD_MESSAGES = 200;

type MenuOrButton = ButtonAction | OverflowAction | StaticSelectAction;
type Reading = Pick<Invocation, 'attachments' | 'otherFiles' | 'repliedTo' | 'input'>;
type UserDestination = Destination & { readonly user: string };

export class SlackEvents {
  readonly #workspace: Workspace;
  readonly #users: SlackUsers;
  readonly #bot: string;
  readonly #ports: EventPorts;
  readonly #downloads: Downloads;
  readonly #seen = new SeenOnce(REMEMBERED);

  /** @param bot its user id */
  constructor(workspace: Workspace, users: SlackUsers, bot: string, ports: EventPorts, downloads: Downloads) {
    this.#workspace = workspace;
    this.#users = users;
    this.#bot = bot;
    this.#ports = ports;
    this.#downloads = downloads;
  }

  /** Each event is acknowledged first: Slack waits 3 s, and then sends it again. */
  listen(app: App): void {
    app.command(/^\/.+/, async ({ ack, command, respond }) => {
      await ack();
      if (!this.#seen.isNew(command.trigger_id)) return;
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
    app.event('reaction_added', async ({ event }) => this.#react(event, true));
    app.event('reaction_removed', async ({ event }) => this.#react(event, false));
    app.action<BlockAction<MenuOrButton>>(/.+/, async ({ ack, body, action, respond }) => {
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

  async #react({ reaction, user, item }: SlackReaction, isAdded: boolean): Promise<void> {
    if (reaction !== STAR) return;
    const { deliveries } = this.#ports;
    const jobs: string[] = [];
    // A timestamp is a message's only within its channel.
    for (const job of await deliveries.ofMessage('slack', item.ts)) {
      if ((await deliveries.get(job))?.channel === item.channel) jobs.push(job);
    }
    if (jobs.length === 0) return;
    const { tenant } = this.#users;
    await this.#ports.react({ jobs, platform: 'slack', user: `slack:${user}`, tenant, isAdded });
  }

  async #takeCommand({ command, text, trigger_id }: SlashCommand, to: UserDestination): Promise<void> {
    const name = command.slice(1).toLowerCase();
    const words = unescapeText(text ?? '').trim();
    const form = words === '' ? await this.#formOf(name, to.user) : undefined;
    if (form !== undefined)
      return this.#open(trigger_id, to.user, form, { action: name, channel: to.channel });
    // /darkroom takes the other commands: names like /queue are too common for an app to claim.
    const line = name === 'darkroom' ? `/${words === '' ? 'help' : words}` : `/${name} ${words}`;
    await this.#serve(`command ${trigger_id}`, to, async () => {
      const { text: unlinked, link } = linkedMessage(line, this.#users.host);
      const { text: rest, attachments } = this.#pasted(unlinked, to);
      const repliedTo = link && (await this.#linked(link, to));
      return { attachments, ...(repliedTo && { repliedTo }), input: { kind: 'line', text: rest } };
    });
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
      const files = filesOf(event);
      const typed = unescapeText(withoutMention(event.text ?? '', this.#bot)).trim();
      const { text: unlinked, link } = linkedMessage(typed, this.#users.host);
      const { text, attachments: pasted } = this.#pasted(unlinked, to);
      const linked = link && (await this.#linked(link, to));
      const isBare = files.length + pasted.length === 0 && linked === undefined;
      const isAboutThread = event.thread_ts !== undefined && isBare && !NEW_PICTURE.test(text);
      const repliedTo = isAboutThread
        ? await this.#newestOfThread(event.channel, event.thread_ts, event.ts)
        : linked;
      const otherFiles = otherFilesOf(event);
      return {
        attachments: [...files.map((file) => this.#attachment(file)), ...pasted],
        ...(otherFiles.length > 0 && { otherFiles }),
        ...(repliedTo && { repliedTo }),
        input: { kind: 'line', text },
      };
    });
  }

  async #linked(link: MessageLink, { user, channel }: UserDestination): Promise<RepliedMessage> {
    const reader = { channel, isGuest: () => this.#users.isGuest(user) };
    return this.#repliedMessage(await readLinked(link, reader, this.#workspace.client));
  }

  /** The newest message with pictures of a thread, before a message. */
  async #newestOfThread(
    channel: string,
    thread: string,
    before: string,
  ): Promise<RepliedMessage | undefined> {
    const { messages = [] } = await this.#workspace.client.conversations.replies({
      channel,
      ts: thread,
      limit: THREAD_MESSAGES,
    });
    const earlier = messages.filter(({ ts }) => Number(ts) < Number(before));
    const found = earlier.findLast((message) => filesOf(message).length > 0);
    return found && this.#repliedMessage(found);
  }

  #repliedMessage(message: {
    readonly ts?: string;
    readonly user?: string;
    readonly blocks?: unknown;
  }): RepliedMessage {
    const shows = message.user === this.#bot ? shownJob(buttonsOf(message)) : undefined;
    return {
      ...{ id: message.ts ?? '', pictureIds: [] },
      attachments: filesOf(message).map((file) => this.#attachment(file)),
      ...(shows && { shows }),
    };
  }

  async #takePress(
    body: BlockAction<MenuOrButton>,
    pressed: MenuOrButton,
    to: UserDestination,
  ): Promise<void> {
    // Of a menu the chosen option says what to do.
    const action = 'selected_option' in pressed ? pressed.selected_option.value : pressed.action_id;
    const form = await this.#formOf(action, to.user);
    const message = body.container['message_ts'] as string | undefined;
    if (form !== undefined) {
      const context = {
        action,
        channel: to.channel,
        ...(to.thread && { thread: to.thread }),
        ...(message && { message }),
      };
      return this.#open(body.trigger_id, to.user, form, context);
    }
    await this.#serve(`press ${body.trigger_id}`, to, async () => ({
      attachments: [],
      input: { kind: 'action', action, values: {}, message: message ?? '' },
    }));
  }

  async #takeShortcut(shortcut: MessageShortcut, to: UserDestination): Promise<void> {
    const action = SHORTCUTS.get(shortcut.callback_id);
    if (action === undefined) return;
    const { shows } = this.#repliedMessage(shortcut.message as { ts?: string; user?: string });
    const form = await this.#formOf(action, to.user, shows?.id);
    if (form === undefined) return;
    const files = filesOf(shortcut.message).flatMap(({ id }) => id ?? []);
    if (files.length === 0) {
      const text = (await this.#say(to.user))('platform.no_picture');
      return void (await new SlackReply(this.#workspace, this.#ports, to).postEphemeral({ text }));
    }
    const thread = (shortcut.message['thread_ts'] as string | undefined) ?? shortcut.message_ts;
    await this.#open(shortcut.trigger_id, to.user, form, {
      action,
      channel: to.channel,
      thread,
      files: files.slice(0, 1),
    });
  }

  async #formOf(action: string, user: string, job?: string): ReturnType<FormOf> {
    const locale = await this.#users.locale(user).catch(() => undefined);
    return this.#ports.formOf({
      ...{ action, platform: 'slack', user: `slack:${user}`, tenant: this.#users.tenant, confirms: true },
      ...(locale !== undefined && { locale }),
      ...(job !== undefined && { job }),
    });
  }

  async #open(trigger: string, user: string, form: CardForm, context: FormContext): Promise<void> {
    const view = renderForm(form, context, await this.#say(user));
    await this.#workspace.client.views.open({ trigger_id: trigger, view });
  }

  /** In the user's language; English where Slack does not say it now. */
  async #say(user: string): Promise<Say> {
    return sayIn(localeOf(await this.#users.locale(user).catch(() => undefined)));
  }

  async #takeForm({ view, user }: SlackViewAction): Promise<void> {
    const context = JSON.parse(view.private_metadata) as FormContext;
    const form = await this.#formOf(context.action, user.id);
    if (form === undefined) return;
    const to = { ...destinationOf(context.channel, context.thread), user: user.id };
    await this.#serve(`form ${view.id}`, to, async () => {
      const { values, files } = formValues(form, view);
      const uploads = files.map(({ field, file }) => this.#attachment({ id: file }, field));
      const { action, message, files: pictures = [] } = context;
      if (message !== undefined)
        return { attachments: uploads, input: { kind: 'action', action, values, message } };
      const option = action === 'use' ? 'control_picture' : 'picture';
      const shown = pictures.map((id) => this.#attachment({ id }, option));
      return {
        attachments: [...shown, ...uploads],
        input: { kind: 'command', name: action === 'use' ? 'imagine' : action, values },
      };
    });
  }

  /** The pictures whose addresses were pasted among words. */
  #pasted(typed: string, reader: UserDestination) {
    const { text, files } = pastedFiles(typed, this.#users);
    const { client } = this.#workspace;
    const who = { ...reader, isGuest: () => this.#users.isGuest(reader.user) };
    return { text, attachments: files.map((file) => attachmentFor(who, file, client, this.#downloads)) };
  }

  #attachment(file: SlackFile, option?: string): Attachment {
    return attachmentOf(file, this.#workspace.client, this.#downloads, option);
  }

  /** Hands over what was read; what could not be read is refused in private. */
  async #serve(id: string, to: UserDestination, read: () => Promise<Reading>): Promise<void> {
    const reply = new SlackReply(this.#workspace, this.#ports, to);
    try {
      const [user, where, reading] = await Promise.all([
        this.#users.user(to.user),
        this.#users.where(to.user, to.channel),
        read(),
      ]);
      const channel = `slack:${to.channel}${to.thread === undefined ? '' : `:${to.thread}`}`;
      await this.#ports.handle(
        { ...reading, id: `slack:${id}`, platform: 'slack', user, channel, where },
        reply,
      );
    } catch (error) {
      if (!(error instanceof DarkroomError)) this.#ports.onError(error);
      const locale = await this.#users.locale(to.user).catch(() => undefined);
      await reply.postEphemeral(refusalCard(error, locale)).catch(this.#ports.onError);
    }
  }
}

/** Without the mention of the bot, and the sign behind it: `@Darkroom, a fox`. */
const withoutMention = (text: string, bot: string) =>
  text.replaceAll(new RegExp(`<@${bot}(?:\\|[^>]*)?>(?:\\s*[,:;](?=\\s))?`, 'g'), ' ');

export const destinationOf = (channel: string, thread?: string) => ({
  channel,
  ...(thread !== undefined && { thread }),
});
