/**
 * The settings that admins change in chat: what each may be, how it is read from words, and what it means in a
 * sentence. Keys are those of docs/interfaces.md, the same on every platform and in `darkroom config`.
 */
import { DarkroomError, offerNames } from '../errors.ts';
import { LIMITS, parseSampler } from '../request.ts';

/** From the widest to the narrowest; the narrower wins. */
export const SCOPES = ['server', 'channel', 'role', 'user'] as const;
export type Scope = (typeof SCOPES)[number];

export type SettingValue = string | number | boolean | readonly string[];

interface Setting {
  /** Reads what an admin typed. @throws DarkroomError('bad_request') */
  readonly parse: (text: string) => SettingValue;
  /** What it means, for people: "Members may queue 3 pictures each". */
  readonly meaning: (value: SettingValue) => string;
  /** Which of several roles' values holds for one who has them all. */
  readonly ofRoles: 'highest' | 'all' | 'latest';
  readonly scopes: readonly Scope[];
  readonly example: string;
}

const text = (most: number) => (typed: string) => {
  if (typed.length > most) throw refuse(`${typed.length} characters are too many; the limit is ${most}`);
  return typed;
};

const whole = (min: number, max: number) => (typed: string) => {
  const value = Number(typed);
  if (typed.trim() !== '' && Number.isInteger(value) && value >= min && value <= max) return value;
  throw refuse(`${typed} is not a whole number from ${min} to ${max}`);
};

const number = (min: number, max: number) => (typed: string) => {
  const value = Number(typed);
  if (typed.trim() !== '' && value >= min && value <= max) return value;
  throw refuse(`${typed} is not a number from ${min} to ${max}`);
};

const choice = (choices: readonly string[]) => (typed: string) => {
  const found = choices.find((one) => one === typed.trim().toLowerCase());
  if (found !== undefined) return found;
  throw refuse(`${typed} is not known. ${offerNames(typed, choices)}`);
};

const yesNo = (typed: string) => choice(['on', 'off'])(typed) === 'on';

const list = (typed: string) => {
  const items = typed.split(/[\s,]+/).filter((item) => item !== '');
  if (items.length > 0) return items;
  throw refuse('an empty list; use reset to lift the rule');
};

const size = (typed: string) => {
  const [width = 0, height = 0] = /^(\d+)[x×](\d+)$/i.exec(typed.trim())?.slice(1).map(Number) ?? [];
  const { min, max, multiple } = LIMITS.size;
  if ([width, height].every((side) => side >= min && side <= max && side % multiple === 0)) {
    return `${width}x${height}`;
  }
  throw refuse(
    `${typed} is not a size. Use multiples of ${multiple} from ${min} to ${max}, for example 512x512`,
  );
};

const sampler = (typed: string) => {
  parseSampler(typed);
  return typed.trim();
};

const refuse = (why: string) => new DarkroomError('bad_request', `${capital(why)}.`.replace(/\.\.$/, '.'));
const capital = (words: string) => words.charAt(0).toUpperCase() + words.slice(1);
const named = (value: SettingValue) => (Array.isArray(value) ? value.join(', ') : String(value));
const counted = (value: SettingValue, noun: string) => `${value} ${noun}${value === 1 ? '' : 's'}`;
const switched = (on: string, off: string) => (value: SettingValue) => (value === true ? on : off);

const EVERYWHERE = SCOPES;
const NOT_USER: readonly Scope[] = ['server', 'channel', 'role'];
const PLACES: readonly Scope[] = ['server', 'channel'];
const latest = { ofRoles: 'latest', scopes: EVERYWHERE } as const;
const highest = { ofRoles: 'highest', scopes: EVERYWHERE } as const;

export const SETTINGS = {
  default_model: {
    ...latest,
    parse: text(200),
    meaning: (v) => `Pictures are drawn with the model ${v}, unless a request names another one.`,
    example: 'mini',
  },
  default_style: {
    ...latest,
    parse: text(50),
    meaning: (v) => `The style ${v} is added to every prompt.`,
    example: 'watercolor',
  },
  default_size: {
    ...latest,
    parse: size,
    meaning: (v) => `Pictures are ${v} pixels, unless a request says otherwise.`,
    example: '512x512',
  },
  default_steps: {
    ...latest,
    parse: whole(LIMITS.steps.min, LIMITS.steps.max),
    meaning: (v) => `Pictures take ${counted(v, 'step')}, unless a request says otherwise.`,
    example: '24',
  },
  default_guidance: {
    ...latest,
    parse: number(LIMITS.guidance.min, LIMITS.guidance.max),
    meaning: (v) => `The guidance scale is ${v}, unless a request says otherwise.`,
    example: '5',
  },
  default_sampler: {
    ...latest,
    parse: sampler,
    meaning: (v) => `The sampler is ${v}, unless a request says otherwise.`,
    example: 'dpmpp_2m',
  },
  default_upscaler: {
    ...latest,
    parse: text(200),
    meaning: (v) => `Upscale enlarges with ${v}, unless the model has an upscaler of its own.`,
    example: '4x-UltraSharp',
  },
  default_negative_prompt: {
    ...latest,
    parse: text(1000),
    meaning: (v) => `Every negative prompt also says: ${v}.`,
    example: 'text',
  },
  allowed_models: {
    ofRoles: 'all',
    scopes: EVERYWHERE,
    parse: list,
    meaning: (v) => `Only these models are allowed: ${named(v)}.`,
    example: 'mini',
  },
  max_size: {
    ...highest,
    parse: whole(LIMITS.size.min, LIMITS.size.max),
    meaning: (v) => `No side of a picture is longer than ${v} pixels.`,
    example: '768',
  },
  max_steps: {
    ...highest,
    parse: whole(LIMITS.steps.min, LIMITS.steps.max),
    meaning: (v) => `A picture takes at most ${counted(v, 'step')}.`,
    example: '30',
  },
  max_count: {
    ...highest,
    parse: whole(LIMITS.images.min, LIMITS.images.max),
    meaning: (v) => `A request makes at most ${counted(v, 'picture')}.`,
    example: '4',
  },
  channels: {
    ofRoles: 'all',
    scopes: ['server', 'role', 'user'],
    parse: list,
    meaning: (v) => `Pictures are allowed only in ${named(v)}.`,
    example: '#art',
  },
  roles: {
    ofRoles: 'all',
    scopes: PLACES,
    parse: list,
    meaning: (v) => `Only ${named(v)} can request pictures.`,
    example: '@artists',
  },
  quota_waiting: {
    ...highest,
    parse: whole(0, 1000),
    meaning: (v) => `Each user can have ${counted(v, 'picture')} waiting.`,
    example: '3',
  },
  quota_gpu_seconds_per_day: {
    ...highest,
    parse: number(0, 86_400),
    meaning: (v) => `Each user can use ${counted(v, 'GPU-second')} within 24 hours.`,
    example: '600',
  },
  server_gpu_seconds_per_day: {
    ofRoles: 'latest',
    scopes: ['server'],
    parse: number(0, 8_640_000),
    meaning: (v) => `All users together can use ${counted(v, 'GPU-second')} within 24 hours.`,
    example: '20000',
  },
  weight: {
    ...highest,
    parse: number(0.1, 100),
    meaning: (v) => `Each user's share of the GPU is ${v} times the usual one.`,
    example: '2',
  },
  result_visibility: {
    ofRoles: 'latest',
    scopes: EVERYWHERE,
    parse: choice(['public', 'private']),
    meaning: (v) =>
      v === 'private' ? 'Only the user who asked sees the result.' : 'Everybody in the channel sees results.',
    example: 'private',
  },
  thread_per_request: {
    ofRoles: 'latest',
    scopes: NOT_USER,
    parse: yesNo,
    meaning: switched('Each request opens a thread.', 'Requests are answered in their channel.'),
    example: 'on',
  },
  direct_messages: {
    ofRoles: 'latest',
    scopes: ['server', 'role', 'user'],
    parse: yesNo,
    meaning: switched(
      'Pictures are allowed in direct messages.',
      'Pictures are not allowed in direct messages.',
    ),
    example: 'off',
  },
  age_restricted: {
    ofRoles: 'latest',
    scopes: PLACES,
    parse: yesNo,
    meaning: switched(
      'Pictures are allowed only in age-restricted channels.',
      'Pictures are allowed in any channel.',
    ),
    example: 'on',
  },
  picture_retention_days: {
    ofRoles: 'latest',
    scopes: ['server'],
    parse: whole(1, 3650),
    meaning: (v) => `Pictures are deleted after ${counted(v, 'day')}.`,
    example: '30',
  },
  log_channel: {
    ofRoles: 'latest',
    scopes: ['server'],
    parse: text(100),
    meaning: (v) => `Changes of settings are posted in ${v}.`,
    example: '#bot-log',
  },
  admin_roles: {
    ofRoles: 'all',
    scopes: ['server'],
    parse: list,
    meaning: (v) => `${named(v)} can change settings.`,
    example: '@moderators',
  },
  paused: {
    ofRoles: 'latest',
    scopes: PLACES,
    parse: yesNo,
    meaning: switched('Paused: no new pictures are accepted.', 'New pictures are accepted.'),
    example: 'on',
  },
  banned: {
    ofRoles: 'latest',
    scopes: ['role', 'user'],
    parse: yesNo,
    meaning: switched('Banned from requesting pictures.', 'Allowed to request pictures.'),
    example: 'on',
  },
} as const satisfies Readonly<Record<string, Setting>>;

export type SettingKey = keyof typeof SETTINGS;
export const SETTING_KEYS = Object.keys(SETTINGS) as SettingKey[];

/** @throws DarkroomError('bad_request') that offers the nearest names */
export function findSetting(name: string): SettingKey {
  const found = SETTING_KEYS.find((key) => key === name.trim().toLowerCase());
  if (found !== undefined) return found;
  throw new DarkroomError('bad_request', `There is no setting ${name}. ${offerNames(name, SETTING_KEYS)}`);
}

/** @throws DarkroomError('bad_request') for a value that cannot be, or a scope that the setting does not have */
export function parseSetting(key: SettingKey, typed: string, scope: Scope): SettingValue {
  const { parse, scopes }: Setting = SETTINGS[key];
  if (!scopes.includes(scope)) {
    throw new DarkroomError(
      'bad_request',
      `${key} is not set for one ${scope}. It can be set for: ${scopes.join(', ')}.`,
    );
  }
  try {
    return parse(typed.trim());
  } catch (error) {
    if (error instanceof DarkroomError) throw new DarkroomError(error.code, `${key}: ${error.message}`);
    throw error;
  }
}

export const meaningOf = (key: SettingKey, value: SettingValue): string =>
  (SETTINGS[key] as Setting).meaning(value);

/** A value as an admin would type it; a setting that is not set reads `not set`. */
export function showSetting(value: SettingValue | undefined): string {
  if (value === undefined) return 'not set';
  if (typeof value === 'boolean') return value ? 'on' : 'off';
  return named(value);
}
