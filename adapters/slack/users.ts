/** Who asks on Slack: name, groups, and whether they administer the workspace. Kept for some minutes. */
import type { webApi } from '@slack/bolt';
import type { User, Where } from '../adapter.ts';

const KEPT_MS = 5 * 60 * 1000;

interface Known {
  readonly at: number;
  readonly user: User;
  readonly isAdmin: boolean;
  readonly locale?: string;
}

export class SlackUsers {
  readonly #client: webApi.WebClient;
  readonly #team: string;
  readonly #known = new Map<string, Known>();
  #groups: { at: number; ofUser: ReadonlyMap<string, readonly string[]> } | undefined;

  constructor(client: webApi.WebClient, team: string) {
    this.#client = client;
    this.#team = team;
  }

  async user(user: string): Promise<User> {
    return (await this.#get(user)).user;
  }

  async where(user: string, channel: string): Promise<Where> {
    const { isAdmin, locale } = await this.#get(user);
    const isDirect = channel.startsWith('D');
    return {
      ...(!isDirect && { tenant: `slack:${this.#team}` }),
      channel: `slack:${channel}`,
      roles: (await this.#groupsOf(user)).map((group) => `slack:${group}`),
      isAdmin,
      isAgeRestricted: false,
      ...(locale !== undefined && { locale }),
    };
  }

  async #get(user: string): Promise<Known> {
    const known = this.#known.get(user);
    if (known !== undefined && Date.now() - known.at < KEPT_MS) return known;
    const { user: found } = await this.#client.users.info({ user, include_locale: true });
    const name = [found?.profile?.display_name, found?.real_name, found?.name, user].find((one) => one);
    const fresh: Known = {
      at: Date.now(),
      user: { id: `slack:${user}`, name: name ?? user },
      isAdmin: (found?.is_admin ?? false) || (found?.is_owner ?? false),
      ...(found?.locale !== undefined && { locale: found.locale }),
    };
    this.#known.set(user, fresh);
    return fresh;
  }

  /** User groups are a paid feature and a scope of their own; where they are missing, nobody has any. */
  async #groupsOf(user: string): Promise<readonly string[]> {
    if (this.#groups === undefined || Date.now() - this.#groups.at > KEPT_MS) {
      const answer = await this.#client.usergroups.list({ include_users: true }).catch(() => undefined);
      const ofUser = new Map<string, string[]>();
      for (const { id, users } of answer?.usergroups ?? []) {
        for (const member of users ?? []) ofUser.set(member, [...(ofUser.get(member) ?? []), id ?? '']);
      }
      this.#groups = { at: Date.now(), ofUser };
    }
    return this.#groups.ofUser.get(user) ?? [];
  }
}
