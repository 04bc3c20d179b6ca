/** Finds a job's message by its buttons, where the program ended between posting it and recording where it is. */
import {
  ComponentType,
  type Message,
  type SendableChannels,
  SnowflakeUtil,
  ThreadAutoArchiveDuration,
} from 'discord.js';
import type { RequestedJob } from '../adapter.ts';
import { clip } from '../clip.ts';
import type { Address } from '../job-reply.ts';
import { DISCORD_LIMITS as LIMITS } from './limits.ts';
import { plain } from './render.ts';

const PAGE = 100;
/** Oldest first: the message of a job follows soon after its acceptance. */
const PAGES = 3;
/** How far our clock and Discord's may differ, in milliseconds. */
const CLOCKS_APART = 60_000;

/**
 * @param channel where the job's answer goes
 * @returns the message; or where it belongs: the thread of a head message without one, else the channel
 * @throws what Discord refuses
 */
export async function findMessage(
  channel: SendableChannels,
  { id, at, frame }: RequestedJob,
): Promise<{ message: Message; address: Address } | { home: SendableChannels }> {
  const own = await ownMessages(channel, at);
  const message = own.find((one) => isOfJob(one, id));
  if (message !== undefined) return found(message);
  if (frame?.thread === undefined || channel.isThread() || channel.isDMBased()) return { home: channel };
  const name = clip(frame.thread, LIMITS.threadName);
  let empty: SendableChannels | undefined;
  for (const head of own.filter((one) => isHead(one, name))) {
    const opened =
      head.thread ??
      (await head.startThread({ name, autoArchiveDuration: ThreadAutoArchiveDuration.OneDay }));
    const inside = await ownMessages(opened, at);
    const reply = inside.find((one) => isOfJob(one, id));
    if (reply !== undefined) return found(reply);
    // Another job of the same words has a head of its own.
    if (inside.length === 0) empty ??= opened;
  }
  return { home: empty ?? channel };
}

const found = (message: Message) => ({
  message,
  address: { channel: message.channelId, message: message.id },
});

/** The bot's messages since a time, oldest first. */
async function ownMessages({ messages, client }: SendableChannels, at: number): Promise<Message[]> {
  const own: Message[] = [];
  let after = String(SnowflakeUtil.generate({ timestamp: at - CLOCKS_APART, increment: 0n }));
  for (let page = 0; page < PAGES; page++) {
    const fetched = [...(await messages.fetch({ after, limit: PAGE, cache: false })).values()].reverse();
    own.push(...fetched.filter(({ author }) => author.id === client.user.id));
    const last = fetched.at(-1);
    if (last === undefined || fetched.length < PAGE) break;
    after = last.id;
  }
  return own;
}

/** The bot's message with a button, posted since a time. @throws what Discord refuses */
export async function findByButton(
  channel: SendableChannels,
  action: string,
  since: number,
): Promise<Message | undefined> {
  return (await ownMessages(channel, since)).find((one) => buttonsOf(one).includes(action));
}

/** Whether all buttons are this job's: a list of jobs has those of others as well. */
function isOfJob(message: Message, job: string): boolean {
  const ids = buttonsOf(message);
  return ids.length > 0 && ids.every((id) => id.split(':')[1] === job);
}

const buttonsOf = ({ components }: Message): string[] =>
  components
    .flatMap((row) => (row.type === ComponentType.ActionRow ? row.components : []))
    .flatMap(({ customId }) => customId ?? []);

function isHead({ components }: Message, name: string): boolean {
  const [only] = components;
  return components.length === 1 && only?.type === ComponentType.TextDisplay && only.content === plain(name);
}
