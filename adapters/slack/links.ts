/** Messages of the workspace whose address was pasted among words, as Copy link gives it. */
import { DarkroomError } from '../../src/errors.ts';
import { sentence } from '../../src/sentences.ts';
import type { SlackClient } from './client.ts';
import { filesOf } from './files.ts';

export interface MessageLink {
  readonly channel: string;
  readonly ts: string;
  /** Of the thread that it is a reply in. */
  readonly thread?: string;
}

/** `https://acme.slack.com/archives/C42/p1700000000000100?thread_ts=…` */
const ADDRESS = /https:\/\/([^\s/]+)\/archives\/([CDG][A-Z0-9_]+)\/p(\d{10})(\d{6})(?:\?\S*)?/;

/**
 * The first such message, and the words without it.
 * @param host of the workspace's pages: the addresses of others stay
 */
export function linkedMessage(
  text: string,
  host: string,
): { readonly text: string; readonly link?: MessageLink } {
  const [whole, of, channel, seconds, micros] = ADDRESS.exec(text) ?? [];
  if (whole === undefined || channel === undefined || of !== host) return { text };
  const thread = URL.parse(whole)?.searchParams.get('thread_ts');
  return {
    text: text.replace(whole, ' ').trim(),
    link: { channel, ts: `${seconds}.${micros}`, ...(thread && { thread }) },
  };
}

type Message =
  Awaited<ReturnType<SlackClient['conversations']['history']>> extends {
    messages?: (infer M)[];
  }
    ? M
    : never;

/**
 * The message, where whoever pasted its address can read it: it is of the channel that they write in, or of a public one.
 * @throws DarkroomError('not_found') alike for one that is gone and one that they cannot see; ('bad_request') without pictures
 */
export async function readLinked(
  { channel, ts, thread }: MessageLink,
  reader: { readonly channel: string; isGuest(): Promise<boolean> },
  client: SlackClient,
): Promise<Message> {
  if (channel !== reader.channel && !(await isOpen(channel, reader, client))) throw gone();
  const only = { channel, oldest: ts, latest: ts, inclusive: true, limit: 2 };
  const { messages = [] } = await (thread === undefined || thread === ts
    ? client.conversations.history(only)
    : client.conversations.replies({ ...only, ts: thread })
  ).catch(() => ({ messages: [] }));
  const found = messages.find((message) => message.ts === ts);
  if (found === undefined) throw gone();
  if (filesOf(found).length > 0) return found as Message;
  throw new DarkroomError('bad_request', sentence('platform.no_picture'));
}

async function isOpen(
  channel: string,
  { isGuest }: { isGuest(): Promise<boolean> },
  client: SlackClient,
): Promise<boolean> {
  const answer = await client.conversations.info({ channel }).catch(() => undefined);
  const { is_channel: isChannel, is_private: isPrivate, is_ext_shared: isShared } = answer?.channel ?? {};
  return isChannel === true && isPrivate === false && isShared !== true && !(await isGuest());
}

const gone = () => new DarkroomError('not_found', sentence('platform.message_gone'));
