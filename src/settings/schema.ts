/**
 * The settings that admins change in chat: what each may be, how it is read from words, and what it means in a
 * sentence. Keys are those of docs/interfaces.md, the same on every platform and in `darkroom config`.
 */
import { DarkroomError, describeError, offer, wordsOf } from '../errors.ts';
import { LIMITS } from '../request.ts';
import { type PlainKey, type Sentence, sentence, type Words } from '../sentences.ts';
import { choice, list, number, sampler, size, text, whole, yesNo } from './readers.ts';

/** From the widest to the narrowest; the narrower wins. */
export const SCOPES = ['server', 'channel', 'role', 'user'] as const;
export type Scope = (typeof SCOPES)[number];

export type SettingValue = string | number | boolean | readonly string[];

interface Setting {
  /** Reads what an admin typed. @throws DarkroomError('bad_request') */
  readonly parse: (text: string) => SettingValue;
  /** What it means, for people: "Members may queue 3 pictures each". */
  readonly meaning: (value: SettingValue) => Sentence;
  /** Which of several roles' values holds for one who has them all. */
  readonly ofRoles: 'highest' | 'all' | 'latest';
  readonly scopes: readonly Scope[];
  readonly example: string;
}

const named = (value: SettingValue) => (Array.isArray(value) ? value.join(', ') : String(value));
const switched = (on: PlainKey, off: PlainKey) => (value: SettingValue) =>
  sentence(value === true ? on : off);

const EVERYWHERE = SCOPES;
const NOT_USER: readonly Scope[] = ['server', 'channel', 'role'];
const PLACES: readonly Scope[] = ['server', 'channel'];
const latest = { ofRoles: 'latest', scopes: EVERYWHERE } as const;
const highest = { ofRoles: 'highest', scopes: EVERYWHERE } as const;

export const SETTINGS = {
  default_model: {
    ...latest,
    parse: text(200),
    meaning: (v) => sentence('setting.default_model', { value: named(v) }),
    example: 'mini',
  },
  default_style: {
    ...latest,
    parse: text(50),
    meaning: (v) => sentence('setting.default_style', { value: named(v) }),
    example: 'watercolor',
  },
  default_size: {
    ...latest,
    parse: size,
    meaning: (v) => sentence('setting.default_size', { value: named(v) }),
    example: '512x512',
  },
  default_steps: {
    ...latest,
    parse: whole(LIMITS.steps.min, LIMITS.steps.max),
    meaning: (v) => sentence('setting.default_steps', { count: Number(v) }),
    example: '24',
  },
  default_guidance: {
    ...latest,
    parse: number(LIMITS.guidance.min, LIMITS.guidance.max),
    meaning: (v) => sentence('setting.default_guidance', { value: named(v) }),
    example: '5',
  },
  default_sampler: {
    ...latest,
    parse: sampler,
    meaning: (v) => sentence('setting.default_sampler', { value: named(v) }),
    example: 'dpmpp_2m',
  },
  default_upscaler: {
    ...latest,
    parse: text(200),
    meaning: (v) => sentence('setting.default_upscaler', { value: named(v) }),
    example: '4x-UltraSharp',
  },
  default_negative_prompt: {
    ...latest,
    parse: text(1000),
    meaning: (v) => sentence('setting.default_negative_prompt', { value: named(v) }),
    example: 'text',
  },
  allowed_models: {
    ofRoles: 'all',
    scopes: EVERYWHERE,
    parse: list,
    meaning: (v) => sentence('setting.allowed_models', { value: named(v) }),
    example: 'mini',
  },
  commercial_only: {
    ofRoles: 'latest',
    scopes: ['server'],
    parse: yesNo,
    meaning: switched('setting.commercial_only_on', 'setting.commercial_only_off'),
    example: 'on',
  },
  max_size: {
    ...highest,
    parse: whole(LIMITS.size.min, LIMITS.size.max),
    meaning: (v) => sentence('setting.max_size', { value: named(v) }),
    example: '768',
  },
  max_steps: {
    ...highest,
    parse: whole(LIMITS.steps.min, LIMITS.steps.max),
    meaning: (v) => sentence('setting.max_steps', { count: Number(v) }),
    example: '30',
  },
  max_count: {
    ...highest,
    parse: whole(LIMITS.images.min, LIMITS.images.max),
    meaning: (v) => sentence('setting.max_count', { count: Number(v) }),
    example: '4',
  },
  max_sweep: {
    ...highest,
    parse: whole(0, 48),
    meaning: (v) =>
      v === 0 ? sentence('setting.no_sweeps') : sentence('setting.max_sweep', { count: Number(v) }),
    example: '12',
  },
  channels: {
    ofRoles: 'all',
    scopes: ['server', 'role', 'user'],
    parse: list,
    meaning: (v) => sentence('setting.channels', { value: named(v) }),
    example: '#art',
  },
  roles: {
    ofRoles: 'all',
    scopes: PLACES,
    parse: list,
    meaning: (v) => sentence('setting.roles', { value: named(v) }),
    example: '@artists',
  },
  quota_waiting: {
    ...highest,
    parse: whole(0, 1000),
    meaning: (v) => sentence('setting.quota_waiting', { count: Number(v) }),
    example: '3',
  },
  quota_gpu_seconds_per_day: {
    ...highest,
    parse: number(0, 86_400),
    meaning: (v) => sentence('setting.quota_gpu_seconds_per_day', { count: Number(v) }),
    example: '600',
  },
  server_gpu_seconds_per_day: {
    ofRoles: 'latest',
    scopes: ['server'],
    parse: number(0, 8_640_000),
    meaning: (v) => sentence('setting.server_gpu_seconds_per_day', { count: Number(v) }),
    example: '20000',
  },
  weight: {
    ...highest,
    parse: number(0.1, 100),
    meaning: (v) => sentence('setting.weight', { value: named(v) }),
    example: '2',
  },
  result_visibility: {
    ofRoles: 'latest',
    scopes: EVERYWHERE,
    parse: choice(['public', 'private']),
    meaning: (v) => sentence(v === 'private' ? 'setting.result_private' : 'setting.result_public'),
    example: 'private',
  },
  prompt_in_files: {
    ofRoles: 'latest',
    scopes: ['server'],
    parse: yesNo,
    meaning: switched('setting.prompt_in_files_on', 'setting.prompt_in_files_off'),
    example: 'off',
  },
  mention_when_done: {
    ofRoles: 'latest',
    scopes: EVERYWHERE,
    parse: yesNo,
    meaning: switched('setting.mention_on', 'setting.mention_off'),
    example: 'on',
  },
  thread_per_request: {
    ofRoles: 'latest',
    scopes: NOT_USER,
    parse: yesNo,
    meaning: switched('setting.threads_on', 'setting.threads_off'),
    example: 'on',
  },
  direct_messages: {
    ofRoles: 'latest',
    scopes: ['server', 'role', 'user'],
    parse: yesNo,
    meaning: switched('setting.direct_on', 'setting.direct_off'),
    example: 'off',
  },
  age_restricted: {
    ofRoles: 'latest',
    scopes: PLACES,
    parse: yesNo,
    meaning: switched('setting.age_on', 'setting.age_off'),
    example: 'on',
  },
  picture_retention_days: {
    ofRoles: 'latest',
    scopes: ['server'],
    parse: whole(1, 3650),
    meaning: (v) => sentence('setting.picture_retention_days', { count: Number(v) }),
    example: '30',
  },
  usage_retention_days: {
    ofRoles: 'latest',
    scopes: ['server'],
    parse: whole(7, 3650),
    meaning: (v) => sentence('setting.usage_retention_days', { count: Number(v) }),
    example: '400',
  },
  log_channel: {
    ofRoles: 'latest',
    scopes: ['server'],
    parse: text(100),
    meaning: (v) => sentence('setting.log_channel', { value: named(v) }),
    example: '#bot-log',
  },
  admin_roles: {
    ofRoles: 'all',
    scopes: ['server'],
    parse: list,
    meaning: (v) => sentence('setting.admin_roles', { value: named(v) }),
    example: '@moderators',
  },
  moderation: {
    ofRoles: 'latest',
    scopes: EVERYWHERE,
    parse: choice(['off', 'spoiler', 'hold', 'refuse']),
    meaning: (v) => sentence(`setting.moderation.${v as 'off' | 'spoiler' | 'hold' | 'refuse'}`),
    example: 'hold',
  },
  review_channel: {
    ofRoles: 'latest',
    scopes: ['server'],
    parse: text(100),
    meaning: (v) => sentence('setting.review_channel', { value: named(v) }),
    example: '#review',
  },
  review_roles: {
    ofRoles: 'all',
    scopes: ['server'],
    parse: list,
    meaning: (v) => sentence('setting.review_roles', { value: named(v) }),
    example: '@moderators',
  },
  prompt_rules: {
    ofRoles: 'latest',
    scopes: EVERYWHERE,
    parse: yesNo,
    meaning: switched('setting.prompt_rules_on', 'setting.prompt_rules_off'),
    example: 'off',
  },
  paused: {
    ofRoles: 'latest',
    scopes: PLACES,
    parse: yesNo,
    meaning: switched('setting.paused_on', 'setting.paused_off'),
    example: 'on',
  },
  banned: {
    ofRoles: 'latest',
    scopes: ['role', 'user'],
    parse: yesNo,
    meaning: switched('setting.banned_on', 'setting.banned_off'),
    example: 'on',
  },
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingKey = keyof typeof SETTINGS;
export const SETTING_KEYS = Object.keys(SETTINGS) as SettingKey[];

/** @throws DarkroomError('bad_request') that offers the nearest names */
export function findSetting(name: string): SettingKey {
  const found = SETTING_KEYS.find((key) => key === name.trim().toLowerCase());
  if (found !== undefined) return found;
  throw new DarkroomError(
    'bad_request',
    sentence('setting.unknown', { name, offer: offer(name, SETTING_KEYS) }),
  );
}

/** @throws DarkroomError('bad_request') for a value that cannot be, or a scope that the setting does not have */
export function parseSetting(key: SettingKey, typed: string, scope: Scope): SettingValue {
  const { parse, scopes }: Setting = SETTINGS[key];
  if (!scopes.includes(scope)) {
    throw new DarkroomError('bad_request', sentence('setting.wrong_scope', { key, scope, scopes }));
  }
  try {
    return parse(typed.trim());
  } catch (error) {
    if (error instanceof DarkroomError) {
      const reason = wordsOf(describeError(error));
      throw new DarkroomError(error.code, sentence('setting.refused', { key, reason }));
    }
    throw error;
  }
}

export const meaningOf = (key: SettingKey, value: SettingValue): Sentence =>
  (SETTINGS[key] as Setting).meaning(value);

/** A value as an admin would type it; a setting that is not set reads `not set`. */
export function showSetting(value: SettingValue | undefined): Words {
  if (value === undefined) return sentence('setting.not_set');
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return named(value);
}
