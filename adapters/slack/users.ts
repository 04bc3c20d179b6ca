/** Slack's users: name, groups, and whether they administer the workspace. Kept for some minutes. */
import type { User, Where } from '../adapter.ts';
import type { SlackClient } from './client.ts';

const KEPT_MS = 5 * 60 * 1000;
/** Users that are remembered; the oldest are forgotten first. */
const REMEMBERED = 10_000;

interface Profile {
  readonly user: User;
  readonly isAdmin: boolean;
  /** Sees only the channels that they are in. */
  readonly isGuest: boolean;
  readonly locale?: string;
  readonly zone?: string;
}

export class SlackUsers {
  readonly #client: SlackClient;
  readonly #team: string;
  /** Host of the workspace's pages: `acme.slack.com`. */
  readonly host: string;
  /** Promises, so that what is asked at the same moment is asked once. */
  readonly #known = new Map<string, { readonly at: number; readonly profile: Promise<Profile> }>();
  #groups: { at: number; ofUser: Promise<ReadonlyMap<string, readonly string[]>> } | undefined;

  /** @param team the bot's own workspace @param host of its pages */
  constructor(client: SlackClient, team: string, host = '') {
    this.#client = client;
    this.#team = team;
    this.host = host;
  }

  get team(): string {
    return this.#team;
  }

  get tenant(): string {
    return `slack:${this.#team}`;
  }

  async user(user: string): Promise<User> {
    return (await this.#get(user)).user;
  }

  async isGuest(user: string): Promise<boolean> {
    return (await this.#get(user)).isGuest;
  }

  /** The user's language, as in Where. */
  async locale(user: string): Promise<string | undefined> {
    return (await this.#get(user)).locale;
  }

  async where(user: string, channel: string): Promise<Where> {
    const { isAdmin, locale, zone } = await this.#get(user);
    return {
      tenant: this.tenant,
      ...(channel.startsWith('D') && { isDirect: true }),
      channel: `slack:${channel}`,
      roles: await this.rolesOf(user),
      isAdmin,
      isAgeRestricted: false,
      ...(locale !== undefined && { locale }),
      ...(zone !== undefined && { zone }),
    };
  }

  #get(user: string): Promise<Profile> {
    const known = this.#known.get(user);
    if (known !== undefined && performance.now() - known.at < KEPT_MS) return known.profile;
    const profile = this.#read(user);
    profile.catch(() => this.#known.delete(user));
    this.#known.delete(user);
    this.#known.set(user, { at: performance.now(), profile });
    if (this.#known.size > REMEMBERED) this.#known.delete(this.#known.keys().next().value!);
    return profile;
  }

  async #read(user: string): Promise<Profile> {
    const { user: found } = await this.#client.users.info({ user, include_locale: true });
    const name = [found?.profile?.display_name, found?.real_name, found?.name, user].find((one) => one);
    // In a channel shared with another workspace its admins are guests here.
    const isOfTeam = found?.team_id === this.#team && found.is_stranger !== true;
    return {
      user: { id: `slack:${user}`, name: name ?? user },
      isGuest: !isOfTeam || found.is_restricted === true || found.is_ultra_restricted === true,
      isAdmin: isOfTeam && (found.is_admin === true || found.is_owner === true),
      ...(found?.locale !== undefined && { locale: found.locale }),
      ...(found?.tz !== undefined && { zone: found.tz }),
    };
  }

  /** User groups are a paid feature and need a scope of their own; where they are missing, nobody has any. */
  async rolesOf(user: string): Promise<readonly string[]> {
    if (this.#groups === undefined || performance.now() - this.#groups.at > KEPT_MS)
      this.#groups = { at: performance.now(), ofUser: this.#readGroups() };
    return (await this.#groups.ofUser).get(user) ?? [];
  }

  async #readGroups(): Promise<ReadonlyMap<string, readonly string[]>> {
    const answer = await this.#client.usergroups.list({ include_users: true }).catch(() => undefined);
    const ofUser = new Map<string, string[]>();
    for (const { id, users } of answer?.usergroups ?? []) {
      for (const member of users ?? []) ofUser.set(member, [...(ofUser.get(member) ?? []), `slack:${id}`]);
    }
    return ofUser;
  }
}
