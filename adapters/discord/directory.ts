/** Channels, roles and members of a guild by what an admin typed. */
import type { Guild } from 'discord.js';
import type { Found } from '../adapter.ts';
import type { MentionKind } from '../platforms.ts';

const SNOWFLAKE = /^\d{5,20}$/;

/** @param typed an id, or a name in any case */
export async function findInGuild(
  guild: Guild,
  kind: MentionKind,
  typed: string,
): Promise<Found | undefined> {
  const wanted = typed.toLowerCase();
  const isWanted = ({ id, name }: Found) => id === typed || name.toLowerCase() === wanted;
  switch (kind) {
    case 'channel':
      return pick(guild.channels.cache.find(isWanted));
    case 'role':
      return pick(guild.roles.cache.find(isWanted));
    case 'user': {
      const members = SNOWFLAKE.test(typed)
        ? [await guild.members.fetch(typed).catch(() => undefined)]
        : [...(await guild.members.search({ query: typed, limit: 10 }).catch(() => new Map())).values()];
      const member = members.find(
        (one) =>
          one !== undefined &&
          (one.id === typed ||
            [one.user.username, one.displayName].some((name: string) => name.toLowerCase() === wanted)),
      );
      return member && { id: member.id, name: member.displayName };
    }
  }
}

const pick = (found: Found | undefined): Found | undefined => found && { id: found.id, name: found.name };
