/** Finds a job's message by its metadata, where the program died between posting it and noting where it stands. */
import type { webApi } from '@slack/bolt';
import type { RequestedJob } from '../adapter.ts';
import type { Destination, Posted } from './reply.ts';

const EVENT_TYPE = 'darkroom_job';
const PAGE = 200;
/** Newest first: a message that has more than this many after it is taken for lost. */
const PAGES = 3;
/** How far our clock and Slack's may lie apart, in milliseconds. */
const CLOCKS_APART = 60_000;

/** What tells a job's message from others; `isHead` marks the one whose thread holds it. */
export const metadataOf = (job: string, isHead = false) => ({
  event_type: EVENT_TYPE,
  event_payload: { job, ...(isHead && { head: true }) },
});

type Found =
  /** The message is there. */
  | { readonly message: Posted }
  /** It is not; this is where it belongs. */
  | { readonly to: Destination };

/**
 * Looks in the place where the job's answer goes: the channel, the thread in it, or the asker's direct message; and
 * in the thread of the job's head message where there is one, which is used again.
 * @param to where the job was asked for
 * @throws what Slack refuses, e.g. for want of a scope
 */
export async function findMessage(
  client: webApi.WebClient,
  { id, at, frame }: RequestedJob,
  to: Destination & { readonly user: string },
): Promise<Found> {
  const oldest = ((at - CLOCKS_APART) / 1000).toFixed(6);
  const place = frame?.isPrivate
    ? { channel: (await client.conversations.open({ users: to.user })).channel?.id ?? to.user }
    : to;
  const { message, head } = await search(client, id, place, oldest);
  const { channel } = place;
  if (message !== undefined) return { message: { channel, ts: message } };
  if (head === undefined) return { to };
  const { message: reply } = await search(client, id, { channel, thread: head }, oldest);
  return reply === undefined ? { to: { ...to, thread: head } } : { message: { channel, ts: reply } };
}

/** @returns timestamps of the job's message and of its head message, as far as they are there */
async function search(
  client: webApi.WebClient,
  job: string,
  { channel, thread }: Destination,
  oldest: string,
): Promise<{ message?: string; head?: string }> {
  const found: { message?: string; head?: string } = {};
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
    for (const { ts, metadata } of answer.messages ?? []) {
      const payload = metadata?.event_payload as { job?: unknown; head?: unknown } | undefined;
      if (ts === undefined || metadata?.event_type !== EVENT_TYPE || payload?.job !== job) continue;
      found[payload.head === true ? 'head' : 'message'] = ts;
    }
    cursor = answer.response_metadata?.next_cursor;
    if (found.message !== undefined || found.head !== undefined || !cursor) break;
  }
  return found;
}
