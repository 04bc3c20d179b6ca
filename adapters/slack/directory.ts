/** Channels, user groups and users of the workspace by what an admin typed. */
import type { Found } from '../adapter.ts';
import type { MentionKind } from '../platforms.ts';
import { type SlackClient, slackCode } from './client.ts';

const PAGE = 1000;
/** Pages of channels that are read for a name; a larger workspace mentions its channels. */
const PAGES = 5;
const ID = /^[CGDUWS][A-Z0-9_]{2,}$/;

/** @param typed an id, or a name in any case */
export async function findInWorkspace(
  client: SlackClient,
  kind: MentionKind,
  typed: string,
): Promise<Found | undefined> {
  const wanted = typed.toLowerCase();
  switch (kind) {
    case 'channel':
      return ID.test(typed) ? channelById(client, typed) : channelByName(client, wanted);
    case 'role': {
      const answer = await client.usergroups.list().catch(() => undefined);
      const group = answer?.usergroups?.find(
        ({ id, handle, name }) =>
          id === typed || handle?.toLowerCase() === wanted || name?.toLowerCase() === wanted,
      );
      return group?.id === undefined ? undefined : { id: group.id, name: group.handle ?? typed };
    }
    case 'user': {
      if (!ID.test(typed)) return undefined;
      const { user } = await client.users.info({ user: typed }).catch(() => ({ user: undefined }));
      return user?.id === undefined ? undefined : { id: user.id, name: user.real_name ?? user.name ?? typed };
    }
  }
}

async function channelById(client: SlackClient, id: string): Promise<Found | undefined> {
  try {
    const { channel } = await client.conversations.info({ channel: id });
    return channel && { id, name: channel.name ?? id };
  } catch (error) {
    // An app without the scope to read channels still knows one by the id that Slack put into the mention.
    return slackCode(error) === 'missing_scope' ? { id, name: id } : undefined;
  }
}

async function channelByName(client: SlackClient, wanted: string): Promise<Found | undefined> {
  let cursor: string | undefined;
  for (let page = 0; page < PAGES; page++) {
    const answer = await client.conversations
      .list({
        types: 'public_channel,private_channel',
        exclude_archived: true,
        limit: PAGE,
        ...(cursor !== undefined && { cursor }),
      })
      .catch(() => undefined);
    const found = answer?.channels?.find(({ name }) => name?.toLowerCase() === wanted);
    if (found?.id !== undefined) return { id: found.id, name: found.name ?? wanted };
    cursor = answer?.response_metadata?.next_cursor;
    if (!cursor) return undefined;
  }
  return undefined;
}
