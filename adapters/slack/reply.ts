/** Answers on Slack: one message a job, posted and edited by chat.*, whatever became of the interaction since. */
import { setTimeout as sleep } from 'node:timers/promises';
import { DarkroomError } from '../../src/errors.ts';
import { type Locale, sayIn } from '../../src/sentences.ts';
import type { PostedCard } from '../adapter.ts';
import type { Card } from '../card.ts';
import { type Address, JobReply, type ReplyPorts } from '../job-reply.ts';
import { PlatformError } from '../platform-error.ts';
import type { UpdateBudget } from './budget.ts';
import { explainError, SlackCallError, type SlackClient, slackCode } from './client.ts';
import type { Destination, Posted } from './destination.ts';
import { shareFile, uploadPicture } from './files.ts';
import { metadataOf } from './lookup.ts';
import { type Rendered, renderCard, type SlackPicture } from './render.ts';

const PACE = { edit: 3000, preview: 6000 } as const;
/** Waits for a file that was just uploaded until an image block may show it. */
const FILE_WAITS_MS = [250, 500, 1000, 2000, 4000];

/** The workspace's connection, shared by all answers. */
export interface Workspace {
  /** Waits where Slack says that it is too much: for what must arrive. */
  readonly client: SlackClient;
  /** Gives up at once there: for progress, which newer progress follows. */
  readonly hasty: SlackClient;
  readonly budget: UpdateBudget;
}

export type { Destination, Posted } from './destination.ts';

export interface SlackReplyPorts extends ReplyPorts {
  /** Several pictures in one: Slack shows each picture in a row of its own. */
  readonly contactSheet: (pictures: readonly (Uint8Array | undefined)[]) => Promise<Uint8Array>;
}

export class SlackReply extends JobReply<Posted> {
  readonly pace = PACE;
  protected readonly platform = 'slack';
  readonly #workspace: Workspace;
  readonly #ports: SlackReplyPorts;
  readonly #to: Destination;
  /** Files of previews, which are deleted when the picture is there. */
  readonly #previews: string[] = [];
  /** Ids of the files of its pictures. */
  readonly files: string[] = [];

  constructor(workspace: Workspace, ports: SlackReplyPorts, to: Destination, message?: Posted) {
    super(ports, message);
    this.#workspace = workspace;
    this.#ports = ports;
    this.#to = to;
  }

  protected async open(card: Card): Promise<Posted> {
    const { user, thread, channel } = this.#to;
    const rendered = renderCard(card, await this.#upload(card), await this.#linkTo(card));
    const metadata = card.job && metadataOf(card.job.id);
    if (card.isPrivate && user !== undefined) {
      return this.#send(await this.#directChannel(user), rendered, undefined, metadata);
    }
    if (card.thread === undefined || thread !== undefined)
      return this.#send(channel, rendered, thread, metadata);
    const named = card.job && metadataOf(card.job.id, true);
    const head = await this.#send(channel, renderCard({ text: card.thread }, []), undefined, named);
    try {
      return await this.#send(head.channel, rendered, head.ts, metadata);
    } catch (error) {
      if (!(explainError(error) instanceof DarkroomError)) throw error;
      return await this.#settleInHead(head, rendered, error);
    }
  }

  /** Slack refuses the thread: the answer stands in its head message, which is no head then. */
  async #settleInHead(head: Posted, rendered: Rendered, refusal: unknown): Promise<Posted> {
    const { client } = this.#workspace;
    const { channel, ts } = head;
    try {
      await client.chat.update({ ...rendered, channel, ts });
      return head;
    } catch {
      await client.chat.delete({ channel, ts }).catch(this.#ports.onError);
      throw refusal;
    }
  }

  protected async update(message: Posted, card: Card): Promise<Posted> {
    const isLive = card.job?.state === 'queued' || card.job?.state === 'running';
    if (isLive) await this.#progress(message, card);
    else await this.#settle(message, card);
    return message;
  }

  protected async sendEphemeral(card: Card): Promise<PostedCard | undefined> {
    const { channel, thread, user, respond } = this.#to;
    // An answer that only one person sees carries no files: their direct messages do.
    if (card.files !== undefined && user !== undefined) {
      const direct = await this.#directChannel(user);
      for (const file of card.files) await shareFile(this.#workspace.client, file, direct);
    }
    const rendered = renderCard(card, await this.#upload(card), await this.#linkTo(card));
    const inThread = thread === undefined ? {} : { thread_ts: thread };
    const answer = { ...rendered, ...inThread };
    const isDirect = user === undefined || channel.startsWith('D');
    const ways: (() => Promise<unknown>)[] = [
      ...(respond === undefined
        ? []
        : [
            () =>
              respond({ ...answer, response_type: 'ephemeral', replace_original: false }).catch(() => {
                // Its address works like a password, and its error may hold it.
                throw new PlatformError('slack', { route: 'response_url' });
              }),
          ]),
      ...(isDirect
        ? [() => this.#send(channel, rendered, thread)]
        : [
            () => this.#workspace.client.chat.postEphemeral({ ...answer, channel, user }),
            async () => this.#send(await this.#directChannel(user), rendered, undefined),
          ]),
    ];
    await firstOf(ways);
    return this.files.length === 0 ? undefined : { channel: '', message: '', files: this.files };
  }

  protected pressed(ts: string): Posted {
    return { channel: this.#to.channel, ts };
  }

  protected async remove(message: string): Promise<void> {
    await this.#workspace.client.chat.delete({ channel: this.#to.channel, ts: message });
  }

  protected async notify({ channel, ts }: Posted, user: string, text: string): Promise<void> {
    await this.#workspace.client.chat.postMessage({
      channel,
      thread_ts: this.#to.thread ?? ts,
      text: `<@${user}> ${text}`,
    });
  }

  protected addressOf({ channel, ts }: Posted): Address {
    return { channel, message: ts };
  }

  protected explain(error: unknown): unknown {
    return explainError(error);
  }

  /** The message of the picture that a card's picture was made from. */
  async #linkTo({ about }: Card): Promise<string | undefined> {
    const job = about?.origin?.job;
    const delivery = job === undefined ? undefined : await this.#ports.deliveries.get(job);
    if (delivery?.platform !== 'slack') return undefined;
    const { channel, message: message_ts } = delivery;
    const answer = await this.#workspace.hasty.chat
      .getPermalink({ channel, message_ts })
      .catch(() => undefined);
    return answer?.permalink;
  }

  async #directChannel(user: string): Promise<string> {
    const { channel } = await this.#workspace.client.conversations.open({ users: user });
    return channel?.id ?? user;
  }

  async #send(
    channel: string,
    rendered: Rendered,
    thread: string | undefined,
    metadata?: ReturnType<typeof metadataOf>,
  ): Promise<Posted> {
    const posted = await this.#workspace.client.chat.postMessage({
      ...rendered,
      channel,
      unfurl_links: false,
      unfurl_media: false,
      ...(thread !== undefined && { thread_ts: thread }),
      ...(metadata !== undefined && { metadata }),
    });
    if (posted.ts === undefined || posted.channel === undefined)
      throw new Error('Slack did not say where it posted the message');
    return { channel: posted.channel, ts: posted.ts };
  }

  /** Progress may be left out: a newer state follows, and answers to others must not wait behind it. */
  async #progress({ channel, ts }: Posted, card: Card): Promise<void> {
    const { hasty, budget } = this.#workspace;
    if (!budget.take()) return;
    try {
      const pictures =
        card.preview === undefined
          ? []
          : [await this.#preview(card.preview, card.job?.step ?? 0, card.locale ?? 'en')];
      await hasty.chat.update({ ...renderCard(card, pictures, await this.#linkTo(card)), channel, ts });
    } catch (error) {
      const seconds = error instanceof SlackCallError ? error.retryAfter : undefined;
      if (seconds !== undefined) return budget.pause(seconds);
      // The preview's file may not be ready for a block yet; the next one comes soon.
      if (slackCode(error) === 'invalid_blocks') return;
      throw error;
    }
  }

  async #preview(bytes: Uint8Array, step: number, locale: Locale): Promise<SlackPicture> {
    const picture = await uploadPicture(this.#workspace.hasty, {
      bytes,
      name: `developing-${step}.png`,
      alt: sayIn(locale)('card.in_progress'),
    });
    this.#previews.push(picture.file);
    return picture;
  }

  /** The last state of the message, which must arrive. */
  async #settle({ channel, ts }: Posted, card: Card): Promise<void> {
    const rendered = renderCard(card, await this.#upload(card), await this.#linkTo(card));
    const { client } = this.#workspace;
    for (let i = 0; ; i++) {
      try {
        await client.chat.update({ ...rendered, channel, ts });
        break;
      } catch (error) {
        const wait = FILE_WAITS_MS[i];
        if (slackCode(error) !== 'invalid_blocks' || wait === undefined) throw error;
        await sleep(wait);
      }
    }
    for (const file of this.#previews.splice(0)) {
      await client.files.delete({ file }).catch(this.#ports.onError);
    }
  }

  async #upload({ pictures = [], plots = [], reveal, locale = 'en' }: Card): Promise<SlackPicture[]> {
    // Slack has no spoilers: a button shows them to whoever presses it.
    if (reveal !== undefined) return [];
    if (plots.length > 0) {
      return Promise.all(
        plots.map(({ png, alt }, i) => this.#keep({ bytes: png, name: `plot-${i + 1}.png`, alt })),
      );
    }
    const opened = await Promise.all(
      pictures.map(async ({ id, alt, isSpoiler }) => ({
        ...{ id, alt, isSpoiler },
        bytes: isSpoiler ? undefined : await this.#ports.pictures.get(id),
      })),
    );
    // A hidden one of several keeps its place.
    const kept = opened.filter(({ bytes, isSpoiler }) => isSpoiler || bytes !== undefined);
    const [first, ...others] = kept.flatMap((one) =>
      one.bytes === undefined ? [] : [{ ...one, bytes: one.bytes }],
    );
    if (first === undefined) return [];
    const name = `darkroom-${first.id}.png`;
    if (kept.length === 1) return [await this.#keep({ ...first, name })];
    const bytes = await this.#ports.contactSheet(kept.map((one) => one.bytes));
    const count = others.length + 1;
    const alt = count === 1 ? first.alt : sayIn(locale)('card.several_pictures', { count, alt: first.alt });
    return [await this.#keep({ bytes, name, alt })];
  }

  async #keep(picture: Parameters<typeof uploadPicture>[1]): Promise<SlackPicture> {
    const uploaded = await uploadPicture(this.#workspace.client, picture);
    this.files.push(uploaded.file);
    return uploaded;
  }
}

/**
 * An address for answers works for half an hour, and a channel may be archived or take no messages of apps: then the next
 * way is tried.
 * @throws the refusal of the first way where none works
 */
async function firstOf(ways: readonly (() => Promise<unknown>)[]): Promise<void> {
  let first: unknown;
  for (const way of ways) {
    try {
      await way();
      return;
    } catch (error) {
      first ??= error;
    }
  }
  throw first;
}
