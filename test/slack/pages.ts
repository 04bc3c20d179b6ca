/**
 * How Slack reads a conversation: `oldest` and `latest` (exclusive unless `inclusive`), `limit` and `cursor`, history newest first
 * and a thread oldest first behind its parent, metadata where asked for.
 * https://docs.slack.dev/reference/methods/conversations.history, .../conversations.replies
 */

interface Message {
  readonly ts: string;
  readonly thread_ts?: string;
}

/** The same question without its bounds, for a server that does not know them. */
export function wholeOf(asked: URLSearchParams): URLSearchParams {
  const whole = new URLSearchParams(asked);
  for (const name of ['oldest', 'latest', 'inclusive', 'cursor', 'include_all_metadata']) whole.delete(name);
  whole.set('limit', '999');
  return whole;
}

/**
 * @param all messages of the conversation or thread
 * @param metadata by channel and timestamp
 */
export function pageOf(
  all: readonly Message[],
  asked: URLSearchParams,
  call: string,
  metadata: ReadonlyMap<string, object>,
) {
  const oldest = Number(asked.get('oldest') ?? 0);
  const isThread = call === 'conversations.replies';
  const latest = Number(asked.get('latest') ?? Number.POSITIVE_INFINITY);
  const isIncluded = asked.get('inclusive') === 'true';
  const isWithin = (at: number) => (isIncluded ? at >= oldest && at <= latest : at > oldest && at < latest);
  const inTime = all
    .filter(({ ts }) => isWithin(Number(ts)) || (isThread && ts === asked.get('ts')))
    .toSorted((a, b) => (Number(a.ts) - Number(b.ts)) * (isThread ? 1 : -1));
  const limit = Number(asked.get('limit') ?? 100);
  const from = Number(asked.get('cursor') ?? 0);
  const isAll = asked.get('include_all_metadata') === 'true';
  const messages = inTime.slice(from, from + limit).map((message) => {
    const own = isAll && metadata.get(`${asked.get('channel')} ${message.ts}`);
    return own ? { ...message, metadata: own } : message;
  });
  const more = inTime.length > from + limit;
  return { messages, has_more: more, response_metadata: { next_cursor: more ? String(from + limit) : '' } };
}
