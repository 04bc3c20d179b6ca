/** Which guilds a user shares with the bot: Discord does not say so of a direct message. */
import type { Guild } from 'discord.js';
import type { Membership } from '../adapter.ts';
import { rolesOf } from './invocation.ts';

/** Milliseconds for which an answer holds. */
const KEPT = 5 * 60_000;
/** Guilds that are asked for one user; a bot in more of them knows those where the user was seen. */
const MOST_GUILDS = 30;
/** Users that are remembered; the oldest are forgotten first. */
const REMEMBERED = 10_000;

interface Known {
  readonly at: number;
  readonly memberships: Promise<readonly Membership[]>;
}

export class Memberships {
  readonly #guilds: () => ReadonlyMap<string, Guild>;
  readonly #known = new Map<string, Known>();

  constructor(guilds: () => ReadonlyMap<string, Guild>) {
    this.#guilds = guilds;
  }

  /** @param user Discord's id */
  of(user: string): Promise<readonly Membership[]> {
    const known = this.#known.get(user);
    if (known !== undefined && performance.now() - known.at < KEPT) return known.memberships;
    const memberships = this.#find(user);
    memberships.catch(() => this.#known.delete(user));
    this.#known.delete(user);
    this.#known.set(user, { at: performance.now(), memberships });
    if (this.#known.size > REMEMBERED) this.#known.delete(this.#known.keys().next().value!);
    return memberships;
  }

  async #find(user: string): Promise<readonly Membership[]> {
    const all = [...this.#guilds().values()];
    // Those where the user was seen lately come first.
    const isSeen = ({ members }: Guild) => Number(members.cache.has(user));
    const asked = all.toSorted((a, b) => isSeen(b) - isSeen(a)).slice(0, MOST_GUILDS);
    const found = await Promise.all(
      asked.map(async (guild) => {
        const member = await guild.members.fetch(user).catch(() => undefined);
        return member && { tenant: `discord:${guild.id}`, roles: rolesOf(guild, member) };
      }),
    );
    return found.filter((one) => one !== undefined);
  }
}
