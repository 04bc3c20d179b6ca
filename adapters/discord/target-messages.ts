/** Which message of Discord a user means: the one they replied to, linked, or wrote under in a thread. */
import {
  ChannelType,
  type Client,
  type Message,
  MessageReferenceType,
  PermissionFlagsBits,
  type TextBasedChannel,
  type User,
} from 'discord.js';
import { DarkroomError } from '../../src/errors.ts';
import { sentence } from '../../src/sentences.ts';
import type { Downloads } from '../downloads.ts';
import { NEW_PICTURE } from '../shown-job.ts';
import { filesOf, picturesOf } from './pictures.ts';

/** Messages of a thread among which pictures are looked for. */
const THREAD_MESSAGES = 50;
/** Address of a message, as Discord's client copies it. */
const MESSAGE_LINK =
  /<?https:\/\/(?:(?:ptb|canary)\.)?discord(?:app)?\.com\/channels\/(?:\d{5,20}|@me)\/(\d{5,20})\/(\d{5,20})\/?>?/;
/** What a user needs to see a message. */
const TO_READ = [PermissionFlagsBits.ViewChannel, PermissionFlagsBits.ReadMessageHistory];

interface MessageLink {
  readonly channel: string;
  readonly message: string;
}

export class TargetMessages {
  readonly #client: Client;
  readonly #downloads: Downloads;

  constructor(client: Client, downloads: Downloads) {
    this.#client = client;
    this.#downloads = downloads;
  }

  /** The message with the newest picture of a thread, which words in the thread are about. */
  async inThread(message: Message, words: string): Promise<Message | undefined> {
    const { channel } = message;
    if (!channel.isThread() || words === '' || NEW_PICTURE.test(words)) return undefined;
    if (filesOf(message, this.#downloads).length > 0) return undefined;
    const before = await channel.messages.fetch({ before: message.id, limit: THREAD_MESSAGES, cache: false });
    const shown = before.find((one) => picturesOf(one, this.#downloads).length > 0);
    return shown ?? (await channel.fetchStarterMessage().catch(() => null)) ?? undefined;
  }

  /** Without a check of rights: the user wrote in that channel, so they see what is in it. */
  async repliedTo(message: Message): Promise<Message | undefined> {
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
  async fetchForUser(
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

  /** @throws DarkroomError('bad_request') for a message without pictures, and as fetchForUser */
  async linked({ channel, message }: MessageLink, user: User, guildId: string | null): Promise<Message> {
    const found = await this.fetchForUser(channel, message, user, guildId);
    if (picturesOf(found, this.#downloads).length > 0) return found;
    throw new DarkroomError('bad_request', sentence('platform.no_picture'));
  }
}

/** The first message whose address was pasted among words, and the words without it. */
export function linkedMessage(text: string): { readonly text: string; readonly link?: MessageLink } {
  const [whole, channel, message] = MESSAGE_LINK.exec(text) ?? [];
  if (whole === undefined || channel === undefined || message === undefined) return { text };
  return { text: text.replace(whole, ' ').trim(), link: { channel, message } };
}

/** @param guildId where the user asks; messages of other guilds, and other users' direct messages, cannot be read there */
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
