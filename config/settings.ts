/**
 * The settings a program starts with: defaults, then darkroom.config.json, then the environment. Read once;
 * each value remembers where it came from, so that `darkroom doctor` can say so.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import { decodeText } from '../src/decode-text.ts';
import { DarkroomError, offerNames } from '../src/errors.ts';

const port = z.coerce.number().int().min(0).max(65_535);
const secret = z.string().min(1).optional();
/** Items between commas. */
const list = z
  .string()
  .default('')
  .transform((text) => text.split(',').flatMap((item) => item.trim() || []));

/** Every variable of the environment, which are also the keys of the file. */
const schema = z.object({
  DARKROOM_DATA: z.string().min(1).default('./data'),
  DATABASE_URL: secret,
  /** Where pictures lie; files where the database is embedded, rows where it is a server. */
  DARKROOM_PICTURES: z
    .string()
    .regex(/^(files|rows|s3:\/\/[^/]+(\/.*)?)$/)
    .optional(),
  DARKROOM_MODELS: z
    .string()
    .default('')
    .transform((text) => text.split(':').filter((folder) => folder !== '')),
  /** What admins may fetch in chat: hosts, or an owner's models as host/owner. */
  DARKROOM_MODELS_ADD: list,
  /** Lists of words for prompts, one text file each. */
  DARKROOM_WILDCARDS: z.string().min(1).optional(),
  DARKROOM_DETECTORS: z.string().min(1).optional(),
  /** What looks at finished pictures where admins want it: an ONNX classifier, or a folder with a safety_checker. */
  DARKROOM_CLASSIFIER: z.string().min(1).optional(),
  /** Most gigabytes of weights that are prepared for their next use and kept; 0 keeps none. */
  DARKROOM_CACHE_GB: z.coerce.number().min(0).max(1_000_000).default(40),
  DARKROOM_HOST: z.string().min(1).default('127.0.0.1'),
  DARKROOM_PORT: port.default(3000),
  DARKROOM_WEB_TOKEN: secret,
  /** Where browsers reach the web chat through a reverse proxy, possibly below a path. */
  DARKROOM_URL: z.url({ protocol: /^https?$/ }).optional(),
  /** Addresses and CIDR blocks of reverse proxies whose X-Forwarded-For is believed. */
  DARKROOM_TRUSTED_PROXIES: list,
  DARKROOM_WEB_USERS: z.enum(['cookie', 'header']).default('cookie'),
  DARKROOM_ADMINS: list,
  /** Names between commas; the engine reads them. */
  DARKROOM_DEVICES: z.string().min(1).default('auto'),
  /** What the CPU computes in; unset: float32. */
  DARKROOM_PRECISION: z.enum(['float32', 'float16', 'int8']).optional(),
  /** Gigabytes (2^30) that models and pictures may take: on each device, or by the devices' names. */
  DARKROOM_MEMORY: z
    .string()
    .regex(/^\s*(\d+(\.\d+)?|[a-z]+(:\d+)?=\d+(\.\d+)?(\s*,\s*[a-z]+(:\d+)?=\d+(\.\d+)?)*)\s*$/)
    .refine((value) => value.split(',').every((item) => Number(item.split('=').at(-1)) > 0))
    .optional(),
  DARKROOM_LOG: z.enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']).default('info'),
  /** The Hugging Face Hub's own variables. */
  HF_TOKEN: secret,
  HF_ENDPOINT: z.url({ protocol: /^https?$/ }).default('https://huggingface.co'),
  HF_HOME: z.string().min(1).optional(),
  HF_HUB_CACHE: z.string().min(1).optional(),
  CIVITAI_TOKEN: secret,
  CIVITAI_API_URL: z.url({ protocol: /^https?$/ }).default('https://civitai.com'),
  DISCORD_TOKEN: secret,
  DISCORD_API_URL: z.url().optional(),
  DISCORD_MEDIA_HOSTS: list,
  SLACK_BOT_TOKEN: secret,
  SLACK_APP_TOKEN: secret,
  SLACK_SIGNING_SECRET: secret,
  SLACK_API_URL: z.url().optional(),
  SLACK_MEDIA_HOSTS: list,
  /** Where HTTP mode listens. */
  SLACK_HOST: z.string().min(1).default('127.0.0.1'),
  SLACK_PORT: port.default(3001),
});

export type Settings = Readonly<z.output<typeof schema>>;
type SettingName = keyof Settings;
type Origin = 'default' | 'file' | 'environment';

interface LoadedSettings {
  readonly settings: Settings;
  /** For people: one row a setting, secrets masked. */
  readonly table: readonly { readonly name: SettingName; readonly value: string; readonly origin: Origin }[];
}

/** What each variable may be, in words, for the sentence about a wrong one. */
const ALLOWED: Readonly<Partial<Record<SettingName, string>>> = {
  DARKROOM_PORT: 'a port from 0 to 65535',
  SLACK_PORT: 'a port from 0 to 65535',
  DARKROOM_CACHE_GB: 'a number of gigabytes, 0 or more',
  DARKROOM_MEMORY:
    'a number of gigabytes above 0 such as 8, or one for each device such as cuda:0=8,cuda:1=24',
  DARKROOM_PRECISION: 'float32, float16 or int8',
  DARKROOM_PICTURES: 'files, rows or an address like s3://bucket/prefix',
  DARKROOM_WEB_USERS: 'cookie or header',
  DARKROOM_URL: 'an address that starts with https:// or http://',
  DARKROOM_LOG: 'fatal, error, warn, info, debug, trace or silent',
  HF_ENDPOINT: 'an address that starts with https:// or http://',
  CIVITAI_API_URL: 'an address that starts with https:// or http://',
  DISCORD_API_URL: 'an address that starts with https:// or http://',
  SLACK_API_URL: 'an address that starts with https:// or http://',
};

const SECRET = /TOKEN|SECRET|DATABASE_URL/;
const DEFAULT_FILE = 'darkroom.config.json';

/**
 * @param env variables of the process
 * @param file settings file; `darkroom.config.json` of the working folder where it is left out and exists
 * @throws DarkroomError('misconfigured') that names the variable, its value and what is allowed
 */
export function loadSettings(
  env: Readonly<Record<string, string | undefined>>,
  file?: string,
): LoadedSettings {
  const fromFile = readSettingsFile(file);
  const names = Object.keys(schema.shape) as SettingName[];
  const origin = (name: SettingName): Origin =>
    filled(env[name]) ? 'environment' : name in fromFile ? 'file' : 'default';
  const given = Object.fromEntries(
    names.flatMap((name) => {
      const value = filled(env[name]) ? env[name] : fromFile[name];
      return value === undefined ? [] : [[name, value]];
    }),
  );
  const parsed = schema.safeParse(given);
  if (!parsed.success) {
    const name = parsed.error.issues[0]!.path[0] as SettingName;
    const shown = SECRET.test(name) ? 'as given' : JSON.stringify(given[name]);
    throw new DarkroomError(
      'misconfigured',
      `${name} ${shown} cannot be used; it must be ${ALLOWED[name] ?? 'text that is not empty'}.`,
    );
  }
  const settings = parsed.data;
  return {
    settings,
    table: names.map((name) => ({ name, value: show(name, settings[name]), origin: origin(name) })),
  };
}

function readSettingsFile(file: string | undefined): Record<string, unknown> {
  let text: string;
  try {
    text = decodeText(readFileSync(file ?? DEFAULT_FILE));
  } catch (cause) {
    if (file === undefined) return {};
    throw new DarkroomError('misconfigured', `The settings file ${file} cannot be read.`, { cause });
  }
  const name = file ?? DEFAULT_FILE;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (cause) {
    throw new DarkroomError('misconfigured', `The settings file ${name} is not JSON.`, { cause });
  }
  if (value === null || typeof value !== 'object' || Array.isArray(value)) {
    throw new DarkroomError('misconfigured', `The settings file ${name} must hold one object.`);
  }
  const known = Object.keys(schema.shape);
  const stray = Object.keys(value).find((key) => !known.includes(key));
  if (stray !== undefined) {
    throw new DarkroomError(
      'misconfigured',
      `${name} has an unknown setting ${stray}. ${offerNames(stray, known)}`,
    );
  }
  return { ...value };
}

// An empty variable is how many shells and compose files say "unset".
const filled = (value: string | undefined) => value !== undefined && value !== '';

function show(name: SettingName, value: unknown): string {
  if (value === undefined || (Array.isArray(value) && value.length === 0)) return '(unset)';
  if (SECRET.test(name)) return '(set)';
  return Array.isArray(value) ? value.join(', ') : String(value);
}
