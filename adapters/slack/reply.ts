/** Answers on Slack: one message a job, posted and edited by chat.*, whatever became of the interaction since. */

import { setTimeout as sleep } from 'node:timers/promises';
import type { RespondFn, webApi } from '@slack/bolt';
import { DarkroomError } from '../../src/errors.ts';
import type { Deliveries, Reply } from '../adapter.ts';
import type { Card } from '../card.ts';
import type { UpdateBudget } from './budget.ts';
import { uploadPicture } from './files.ts';
import { metadataOf } from './lookup.ts';
import { type Rendered, renderCard, type SlackPicture } from './render.ts';

const PACE = { edit: 3000, preview: 6000 } as const;
/** Waits for a file that was just uploaded until an image block may show it. */
const FILE_WAITS_MS = [250, 500, 1000, 2000, 4000];

export interface ReplyPorts {
  readonly pictures: { get(id: string): Promise<Uint8Array | undefined> };
  readonly deliveries: Deliveries;
  readonly onError: (error: unknown) => void;
}

/** The workspace's connection, shared by all answers. */
export interface Workspace {
  /** Waits where Slack says that it is too much: for what must arrive. */
  readonly client: webApi.WebClient;
  /** Gives up at once there: for progress, which a newer one follows. */
  readonly hasty: webApi.WebClient;
  readonly budget: UpdateBudget;
}

export interface Destination {
  readonly channel: string;
  readonly thread?: string;
  /** Who asked, for answers that they alone see; unknown after a restart. */
  readonly user?: string;
  /** Answers in private where the bot itself may not write. */
  readonly respond?: RespondFn;
}

export interface Posted {
  readonly channel: string;
  readonly ts: string;
}

export class SlackReply implements Reply {
  readonly pace = PACE;
  readonly #workspace: Workspace;
  readonly #ports: ReplyPorts;
  readonly #to: Destination;
  #message: Posted | undefined;
  /** Files of previews, which go when the picture is there. */
  readonly #previews: string[] = [];

  constructor(workspace: Workspace, ports: ReplyPorts, to: Destination, message?: Posted) {
    this.#workspace = workspace;
    this.#ports = ports;
    this.#to = to;
    this.#message = message;
  }

  async post(card: Card): Promise<string> {
    try {
      if (this.#message === undefined) this.#message = await this.#open(card);
      else if (isLive(card)) await this.#progress(this.#message, card);
      else await this.#settle(this.#message, card);
      return this.#message.ts;
    } catch (error) {
      throw understood(error);
    }
  }

  async postEphemeral(card: Card): Promise<void> {
    const { channel, thread, user, respond } = this.#to;
    const lowered = renderCard(card, await this.#upload(card));
    if (respond !== undefined) {
      await respond({
        ...lowered,
        response_type: 'ephemeral',
        replace_original: false,
        ...(thread && { thread_ts: thread }),
      });
    } else if (user === undefined || channel.startsWith('D')) {
      await this.#post(channel, lowered, thread);
    } else {
      const { client } = this.#workspace;
      await client.chat.postEphemeral({ ...lowered, channel, user, ...(thread && { thread_ts: thread }) });
    }
  }

  async delete(message: string): Promise<void> {
    await this.#workspace.client.chat.delete({ channel: this.#to.channel, ts: message });
  }

  async #open(card: Card): Promise<Posted> {
    const { user, thread } = this.#to;
    const lowered = renderCard(card, await this.#upload(card));
    const metadata = card.job && metadataOf(card.job.id);
    let posted: Posted;
    if (card.isPrivate && user !== undefined) {
      const { channel } = await this.#workspace.client.conversations.open({ users: user });
      posted = await this.#post(channel?.id ?? user, lowered, undefined, metadata);
    } else if (card.thread !== undefined && thread === undefined) {
      const named = card.job && metadataOf(card.job.id, true);
      const head = await this.#post(
        this.#to.channel,
        renderCard({ text: card.thread }, []),
        undefined,
        named,
      );
      posted = await this.#post(head.channel, lowered, head.ts, metadata);
    } else {
      posted = await this.#post(this.#to.channel, lowered, thread, metadata);
    }
    if (card.job !== undefined) {
      const { channel, ts: message } = posted;
      await this.#ports.deliveries.put({ job: card.job.id, platform: 'slack', channel, message });
    }
    return posted;
  }

  async #post(
    channel: string,
    lowered: Rendered,
    thread: string | undefined,
    metadata?: ReturnType<typeof metadataOf>,
  ): Promise<Posted> {
    const { client } = this.#workspace;
    const posted = await client.chat.postMessage({
      ...lowered,
      channel,
      unfurl_links: false,
      unfurl_media: false,
      ...(thread !== undefined && { thread_ts: thread }),
      ...(metadata !== undefined && { metadata }),
    });
    if (posted.ts === undefined || posted.channel === undefined)
      throw new Error('Slack gave the message no place');
    return { channel: posted.channel, ts: posted.ts };
  }

  /** News that may be left out: a newer state follows, and answers to others must not wait behind it. */
  async #progress({ channel, ts }: Posted, card: Card): Promise<void> {
    const { hasty, budget } = this.#workspace;
    if (!budget.take()) return;
    try {
      const pictures =
        card.preview === undefined ? [] : [await this.#preview(card.preview, card.job?.step ?? 0)];
      await hasty.chat.update({ ...renderCard(card, pictures), channel, ts });
    } catch (error) {
      const seconds = retryAfter(error);
      if (seconds !== undefined) return budget.pause(seconds);
      // The preview's file may not be ready for a block yet; the next one comes soon.
      if (slackError(error) === 'invalid_blocks') return;
      throw error;
    }
  }

  async #preview(bytes: Uint8Array, step: number): Promise<SlackPicture> {
    const name = `developing-${step}.png`;
    const picture = await uploadPicture(this.#workspace.hasty, {
      bytes,
      name,
      alt: 'The picture as it comes up',
    });
    this.#previews.push(picture.file);
    return picture;
  }

  /** The last state of the message; it arrives. */
  async #settle({ channel, ts }: Posted, card: Card): Promise<void> {
    const lowered = renderCard(card, await this.#upload(card));
    const { client } = this.#workspace;
    for (let i = 0; ; i++) {
      try {
        await client.chat.update({ ...lowered, channel, ts });
        break;
      } catch (error) {
        const wait = FILE_WAITS_MS[i];
        if (slackError(error) !== 'invalid_blocks' || wait === undefined) throw error;
        await sleep(wait);
      }
    }
    for (const file of this.#previews.splice(0)) {
      await client.files.delete({ file }).catch(this.#ports.onError);
    }
  }

  async #upload(card: Card): Promise<SlackPicture[]> {
    const { client } = this.#workspace;
    const uploads = (card.pictures ?? []).map(async ({ id, alt }) => {
      const bytes = await this.#ports.pictures.get(id);
      return bytes === undefined
        ? []
        : [await uploadPicture(client, { bytes, name: `darkroom-${id}.png`, alt })];
    });
    return (await Promise.all(uploads)).flat();
  }
}

const isLive = ({ job }: Card) => job?.state === 'queued' || job?.state === 'running';

/** The base as the Web API client takes it. */
export const apiBase = (url: string) => url.replace(/\/*$/, '/');

/** Slack's own word for what went wrong; undefined for errors that are not Slack's answer. */
export function slackError(error: unknown): string | undefined {
  const data: unknown = error instanceof Error && 'data' in error ? error.data : undefined;
  return typeof data === 'object' && data !== null && 'error' in data ? String(data.error) : undefined;
}

function retryAfter(error: unknown): number | undefined {
  return error instanceof Error && 'retryAfter' in error ? Number(error.retryAfter) : undefined;
}

/** Slack's refusals that mean something to the commands. */
function understood(error: unknown): unknown {
  switch (slackError(error)) {
    case 'message_not_found':
    case 'cant_update_message':
    case 'is_inactive':
      return new DarkroomError('not_found', 'The message of this job was deleted.', { cause: error });
    case 'not_in_channel':
    case 'channel_not_found':
    case 'is_archived':
    case 'restricted_action':
    case 'missing_scope':
      return new DarkroomError(
        'forbidden',
        'I may not post in this channel. Invite me with /invite @Darkroom, then ask again.',
        { cause: error },
      );
    default:
      return error;
  }
}
