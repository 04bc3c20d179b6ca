/** Slack's users: name, groups, and whether they administer the workspace. Kept for some minutes. */
import type { User, Where } from '../adapter.ts';
import type { SlackClient } from './client.ts';

const KEPT_MS = 5 * 60 * 1000;
/** Users that are remembered; the oldest are forgotten first. */
const REMEMBERED = 10_000;

interface Known {
  readonly at: number;
  readonly user: User;
  readonly isAdmin: boolean;
  readonly locale?: string;
}

export class SlackUsers {
  readonly #client: SlackClient;
  readonly #team: string;
  readonly #known = new Map<string, Known>();
  #groups: { at: number; ofUser: ReadonlyMap<string, readonly string[]> } | undefined;

  /** @param team the bot's own workspace */
  constructor(client: SlackClient, team: string) {
    this.#client = client;
    this.#team = team;
  }

  get tenant(): string {
    return `slack:${this.#team}`;
  }

  async user(user: string): Promise<User> {
    return (await this.#get(user)).user;
  }

  async where(user: string, channel: string): Promise<Where> {
    const { isAdmin, locale } = await this.#get(user);
    return {
      tenant: this.tenant,
      ...(channel.startsWith('D') && { isDirect: true }),
      channel: `slack:${channel}`,
      roles: await this.rolesOf(user),
      isAdmin,
      isAgeRestricted: false,
      ...(locale !== undefined && { locale }),
    };
  }

  async #get(user: string): Promise<Known> {
    const known = this.#known.get(user);
    if (known !== undefined && performance.now() - known.at < KEPT_MS) return known;
    const { user: found } = await this.#client.users.info({ user, include_locale: true });
    const name = [found?.profile?.display_name, found?.real_name, found?.name, user].find((one) => one);
    // In a channel shared with another workspace its admins are guests here.
    const isOfTeam = found?.team_id === this.#team && found.is_stranger !== true;
    const fresh: Known = {
      at: performance.now(),
      user: { id: `slack:${user}`, name: name ?? user },
      isAdmin: isOfTeam && (found.is_admin === true || found.is_owner === true),
      ...(found?.locale !== undefined && { locale: found.locale }),
    };
    this.#known.delete(user);
    this.#known.set(user, fresh);
    if (this.#known.size > REMEMBERED) this.#known.delete(this.#known.keys().next().value!);
    return fresh;
  }

  /** User groups are a paid feature and need a scope of their own; where they are missing, nobody has any. */
  async rolesOf(user: string): Promise<readonly string[]> {
    if (this.#groups === undefined || performance.now() - this.#groups.at > KEPT_MS) {
      const answer = await this.#client.usergroups.list({ include_users: true }).catch(() => undefined);
      const ofUser = new Map<string, string[]>();
      for (const { id, users } of answer?.usergroups ?? []) {
        for (const member of users ?? []) ofUser.set(member, [...(ofUser.get(member) ?? []), `slack:${id}`]);
      }
      this.#groups = { at: performance.now(), ofUser };
    }
    return this.#groups.ofUser.get(user) ?? [];
  }
}
