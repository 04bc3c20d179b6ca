/** The chat platforms: one line each, with what commands need to know of them. Adding one starts here. */
import type { PlainKey } from '../src/sentences.ts';

export type MentionKind = 'user' | 'role' | 'channel';

interface Mention {
  readonly kind: MentionKind;
  /** As the platform has it, without the platform's name in front. */
  readonly id: string;
}

interface PlatformTraits {
  /** As people write it. */
  readonly title: PlainKey;
  /** What people call a tenant there. */
  readonly tenant: PlainKey;
  /** Those whom the platform itself lets administer a tenant, in the plural. */
  readonly admins: PlainKey;
  /** How a mention starts in the text of a message: `<@42>`. Empty where people only write names. */
  readonly mentions: Readonly<Record<string, MentionKind>>;
  readonly capabilities: {
    /** Buttons and commands can ask for values in a form. */
    readonly forms: boolean;
    /** A message that only one user sees. */
    readonly privateAnswers: boolean;
    readonly threads: boolean;
    /** Users have roles or belong to user groups. */
    readonly roles: boolean;
    readonly channels: boolean;
    /** Channels can be marked for adults. */
    readonly ageRestriction: boolean;
    /** It is served by Darkroom itself, with pages beside the chat. */
    readonly pages: boolean;
    /** An answer that only one person sees can carry files. */
    readonly privateFiles: boolean;
    /** It shows each reader a time in their own zone. */
    readonly times: boolean;
  };
}

const everything = {
  forms: true,
  privateAnswers: true,
  threads: true,
  roles: true,
  channels: true,
  ageRestriction: true,
  pages: false,
  privateFiles: true,
  times: true,
};

const PLATFORMS = {
  web: {
    title: 'platform.web',
    tenant: 'platform.web.tenant',
    admins: 'platform.web.admins',
    mentions: {},
    capabilities: {
      ...everything,
      threads: false,
      roles: false,
      channels: false,
      ageRestriction: false,
      pages: true,
      privateFiles: false,
      times: false,
    },
  },
  discord: {
    title: 'platform.discord',
    tenant: 'platform.discord.tenant',
    admins: 'platform.discord.admins',
    mentions: { '@': 'user', '@!': 'user', '@&': 'role', '#': 'channel' },
    capabilities: everything,
  },
  slack: {
    title: 'platform.slack',
    tenant: 'platform.slack.tenant',
    admins: 'platform.slack.admins',
    mentions: { '@': 'user', '!subteam^': 'role', '#': 'channel' },
    capabilities: { ...everything, ageRestriction: false, privateFiles: false },
  },
} as const satisfies Readonly<Record<string, PlatformTraits>>;

export type Platform = keyof typeof PLATFORMS;
export const PLATFORM_NAMES = Object.keys(PLATFORMS) as Platform[];

export const traitsOf = (platform: Platform): PlatformTraits => PLATFORMS[platform];

/** `<@42>` and `<#C1|general>` as a platform writes them; undefined for anything else. */
export function readMention(platform: Platform, text: string): Mention | undefined {
  const [, sign = '', id = ''] = /^<([@#!&^a-z]+?)(\w+)(?:\|[^>]*)?>$/.exec(text) ?? [];
  const { mentions } = traitsOf(platform);
  const kind = Object.hasOwn(mentions, sign) ? mentions[sign] : undefined;
  return kind && { kind, id };
}
