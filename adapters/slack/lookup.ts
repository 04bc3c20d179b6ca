/** Finds a job's message by its metadata, where the program ended between posting it and recording where it is. */
import type { RequestedJob } from '../adapter.ts';
import type { Address } from '../job-reply.ts';
import type { SlackClient } from './client.ts';
import type { Destination, Posted } from './destination.ts';

const EVENT_TYPE = 'darkroom_job';
const PAGE = 200;
/** Newest first: a message with more pages than this after it counts as lost. */
const PAGES = 3;
/** How far our clock and Slack's may differ, in milliseconds. */
const CLOCKS_APART = 60_000;

/** Marks a job's message; `isHead` marks the one whose thread holds it. */
export const metadataOf = (job: string, isHead = false) => ({
  event_type: EVENT_TYPE,
  event_payload: { job, ...(isHead && { head: true }) },
});

type Found =
  /** The message is there. */
  | { readonly message: Posted; readonly address: Address }
  /** It is not; this is where it belongs. */
  | { readonly home: Destination };

/**
 * Looks where the job's answer goes: in the channel, the thread in it, or the user's direct messages; and in the
 * thread of the job's head message where there is one, which is used again.
 * @param to where the job was requested
 * @throws what Slack refuses, e.g. for a missing scope
 */
export async function findMessage(
  client: SlackClient,
  { id, at, frame }: RequestedJob,
  to: Destination & { readonly user: string },
): Promise<Found> {
  const oldest = oldestOf(at);
  const home = frame?.isPrivate
    ? { channel: (await client.conversations.open({ users: to.user })).channel?.id ?? to.user }
    : to;
  const { message, head } = await search(client, id, home, oldest);
  const { channel } = home;
  if (message !== undefined) return posted(channel, message);
  if (head === undefined) return { home: to };
  const { message: reply } = await search(client, id, { channel, thread: head }, oldest);
  return reply === undefined ? { home: { ...to, thread: head } } : posted(channel, reply);
}

const posted = (channel: string, ts: string) => ({
  message: { channel, ts },
  address: { channel, message: ts },
});

/** @returns timestamps of the job's message and of its head message, where they exist */
async function search(
  client: SlackClient,
  job: string,
  { channel, thread }: Destination,
  oldest: string,
): Promise<{ message?: string; head?: string }> {
  const found: { message?: string; head?: string } = {};
  for await (const messages of pagesOf(
    client,
    { channel, ...(thread !== undefined && { thread }) },
    oldest,
  )) {
    for (const { ts, metadata } of messages) {
      const payload = metadata?.event_payload as { job?: unknown; head?: unknown } | undefined;
      if (ts === undefined || metadata?.event_type !== EVENT_TYPE || payload?.job !== job) continue;
      found[payload.head === true ? 'head' : 'message'] = ts;
    }
    if (found.message !== undefined || found.head !== undefined) break;
  }
  return found;
}

/** Messages of a channel or thread since a time. */
async function* pagesOf(client: SlackClient, { channel, thread }: Destination, oldest: string) {
  let cursor: string | undefined;
  for (let page = 0; page < PAGES; page++) {
    const asked = {
      channel,
      oldest,
      limit: PAGE,
      include_all_metadata: true,
      ...(cursor !== undefined && { cursor }),
    };
    const answer = await (thread === undefined
      ? client.conversations.history(asked)
      : client.conversations.replies({ ...asked, ts: thread }));
    yield answer.messages ?? [];
    cursor = answer.response_metadata?.next_cursor;
    if (!cursor) return;
  }
}

/** The message of a channel with a button, posted since a time. @throws what Slack refuses */
export async function findByButton(client: SlackClient, channel: string, action: string, since: number) {
  for await (const messages of pagesOf(client, { channel }, oldestOf(since))) {
    const message = messages.find(({ blocks = [] }) =>
      blocks.some(
        (block) =>
          'elements' in block &&
          Array.isArray(block.elements) &&
          block.elements.some((element: object) => 'action_id' in element && element.action_id === action),
      ),
    );
    if (message !== undefined) return message;
  }
  return undefined;
}

/** As Slack's `oldest`. */
const oldestOf = (at: number) => ((at - CLOCKS_APART) / 1000).toFixed(6);
