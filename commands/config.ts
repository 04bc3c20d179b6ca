/** /config: an admin's settings. Each change is checked first, shown as old -> new, kept with its author, undone. */
import { randomUUID } from 'node:crypto';
import type { Invocation } from '../adapters/adapter.ts';
import type { Card } from '../adapters/card.ts';
import { DarkroomError, offerNames } from '../src/errors.ts';
import type { Rule } from '../src/settings/resolve.ts';
import {
  findSetting,
  meaningOf,
  parseSetting,
  SCOPES,
  type Scope,
  SETTING_KEYS,
  type SettingKey,
  type SettingValue,
  showSetting,
} from '../src/settings/schema.ts';
import type { Change } from '../src/settings/store.ts';
import { type Context, defineCommand, defineGroup } from './command.ts';
import type { Desk } from './desk.ts';
import { explainRule, Policy, tenantOf } from './policy.ts';
import { allStyles } from './styles.ts';

const SETTING = {
  type: 'text',
  single: true,
  required: true,
  description: 'Which setting.',
  suggestions: SETTING_KEYS,
  example: 'default_steps',
} as const;
const SCOPE_OPTIONS = {
  channel: {
    type: 'mention',
    of: 'channel',
    flag: '--channel',
    description: 'For one channel alone.',
    example: '#art',
  },
  role: {
    type: 'mention',
    of: 'role',
    flag: '--role',
    description: 'For one role alone.',
    example: '@artists',
  },
  user: {
    type: 'mention',
    of: 'user',
    flag: '--user',
    description: 'For one person alone.',
    example: '@ada',
  },
} as const;
type ScopeValues = { channel?: string; role?: string; user?: string };

/** Changes that /config history shows. */
const HISTORY = 15;

const show = defineCommand({
  name: 'config show',
  description: 'The settings of this server.',
  options: {},
  examples: ['/config show'],
  async run(_values, { invocation, reply, desk }) {
    const rules = await desk.ports.settings.rules(tenantOf(invocation));
    const fields = SETTING_KEYS.flatMap((key) => {
      const own = rules.filter((rule) => rule.key === key);
      return own.length === 0 ? [] : [{ name: key, value: own.map(ruleLine).join('\n') }];
    });
    const unset = SETTING_KEYS.filter((key) => !rules.some((rule) => rule.key === key));
    const text =
      fields.length === 0
        ? "Nothing is set here; the model's own defaults hold."
        : 'Settings of this server:';
    await reply.postEphemeral({ text, fields, notes: [`Not set: ${unset.join(', ')}.`] });
  },
});

const set = defineCommand({
  name: 'config set',
  description: 'Change a setting, for all or for a channel, role or person.',
  options: {
    setting: SETTING,
    value: { type: 'text', required: true, description: 'Its new value.', example: '24' },
    ...SCOPE_OPTIONS,
  },
  examples: ['/config set default_steps 24', '/config set quota_waiting 6 --role @boosters'],
  async run({ setting = '', value, ...scopes }, context) {
    const key = findSetting(setting);
    if (value === undefined || value.trim() === '') {
      throw new DarkroomError(
        'bad_request',
        `Say the value: /config set ${key} VALUE. To lift it: /config reset ${key}.`,
      );
    }
    const at = scopeOf(scopes, context.invocation);
    const parsed = parseSetting(key, value, at.scope);
    await requireKnown(key, parsed, context.desk, context.invocation);
    await changeSetting(context, { key, ...at, after: parsed });
  },
});

const reset = defineCommand({
  name: 'config reset',
  description: 'Lift a setting.',
  options: { setting: SETTING, ...SCOPE_OPTIONS },
  examples: ['/config reset default_steps'],
  async run({ setting = '', ...scopes }, context) {
    await changeSetting(context, { key: findSetting(setting), ...scopeOf(scopes, context.invocation) });
  },
});

const history = defineCommand({
  name: 'config history',
  description: 'Who changed what, the latest first.',
  options: {},
  examples: ['/config history'],
  async run(_values, { invocation, reply, desk }) {
    await requireAdmin(invocation, desk);
    const changes = await desk.ports.settings.history(tenantOf(invocation), HISTORY);
    const fields = changes.map((change) => ({
      name: `${new Date(change.at).toISOString().slice(0, 16).replace('T', ' ')}, ${change.author.name}`,
      value: `${changeLine(change)}${change.undoes === undefined ? '' : ' (undone)'}`,
    }));
    await reply.postEphemeral({
      text: fields.length === 0 ? 'Nothing was changed yet.' : 'Changes of settings:',
      fields,
    });
  },
});

const undo = defineCommand({
  name: 'config undo',
  description: 'Take the latest change back.',
  options: {},
  examples: ['/config undo'],
  async run(_values, context) {
    const changes = await context.desk.ports.settings.history(tenantOf(context.invocation), HISTORY);
    const undone = new Set(changes.map(({ undoes }) => undoes));
    const latest = changes.find(({ id, undoes }) => undoes === undefined && !undone.has(id));
    if (latest === undefined) throw new DarkroomError('bad_request', 'There is no change to take back.');
    await undoChange(latest, context);
  },
});

const why = defineCommand({
  name: 'config why',
  description: 'Which rule decides for somebody here.',
  options: { setting: SETTING, user: { ...SCOPE_OPTIONS.user, description: 'For somebody else.' } },
  examples: ['/config why allowed_models', '/config why max_size --user @ada'],
  async run({ setting = '', user }, { invocation, reply, desk }) {
    const key = findSetting(setting);
    if (user !== undefined) await requireAdmin(invocation, desk);
    const asked = user === undefined ? invocation : await asSomebody(user, invocation, desk);
    const policy = await Policy.of(asked, desk.ports);
    const value = policy.value(key);
    const notes = value === undefined ? [] : [meaningOf(key, value)];
    await reply.postEphemeral({ text: explainRule(policy, key), notes });
  },
});

/** The same place as seen by another person. */
async function asSomebody(user: string, invocation: Invocation, desk: Desk): Promise<Invocation> {
  const { platform, where } = invocation;
  const id = user.startsWith(`${platform}:`) ? user : `${platform}:${user}`;
  const roles = where.tenant === undefined ? [] : await desk.ports.rolesOf(platform, where.tenant, id);
  return { ...invocation, user: { id, name: user }, where: { ...where, roles, isAdmin: false } };
}

export const config = defineGroup('config', "See and change this server's settings.", [
  show,
  set,
  reset,
  history,
  undo,
  why,
]);

/** @throws DarkroomError('forbidden') on every platform alike, whatever a client showed */
export async function requireAdmin(invocation: Invocation, desk: Desk): Promise<void> {
  const policy = await Policy.of(invocation, desk.ports);
  if (policy.isAdmin()) return;
  const who = {
    discord: 'people who may manage this server',
    slack: 'admins of this workspace',
    web: 'the users whom the operator names in DARKROOM_ADMINS',
  };
  throw new DarkroomError(
    'forbidden',
    `Settings are for ${who[invocation.platform]} and for roles in admin_roles.`,
  );
}

/** Stores a change and says it. The one way by which chat changes a setting. */
export async function changeSetting(
  { invocation, reply, desk }: Context,
  { key, scope, target, after }: Pick<Change, 'key' | 'scope' | 'target' | 'after'>,
  undoes?: string,
): Promise<void> {
  await requireAdmin(invocation, desk);
  const server = tenantOf(invocation);
  const before = await currentValue(desk, server, { key, scope, target });
  if (isEqual(before, after)) {
    throw new DarkroomError('bad_request', `${key} is ${showSetting(after)} already.`);
  }
  const { id, name } = invocation.user;
  const change: Change = {
    id: randomUUID(),
    tenant: server,
    at: Date.now(),
    author: { id, name },
    key,
    scope,
    target,
    ...(before !== undefined && { before }),
    ...(after !== undefined && { after }),
    ...(undoes !== undefined && { undoes }),
  };
  await desk.ports.settings.apply(change);
  const shown = { ...change, ...(before === undefined && (await ownDefault(desk, key))) };
  await reply.postEphemeral(changeCard(shown));
  const channel = (await desk.ports.settings.rules(server)).find((rule) => rule.key === 'log_channel')?.value;
  if (channel !== undefined)
    await desk.post(invocation, String(channel), { text: `${name}: ${changeLine(shown)}` });
}

/** The button beside a change. */
export async function undoById(id: string, context: Context): Promise<void> {
  const changes = await context.desk.ports.settings.history(tenantOf(context.invocation), 1000);
  const change = changes.find((one) => one.id === id);
  if (change === undefined) throw new DarkroomError('not_found', 'That change is not on record any more.');
  if (changes.some(({ undoes }) => undoes === id))
    throw new DarkroomError('bad_request', 'That change was taken back already.');
  await undoChange(change, context);
}

async function undoChange({ id, key, scope, target, before }: Change, context: Context): Promise<void> {
  await changeSetting(context, { key, scope, target, ...(before !== undefined && { after: before }) }, id);
}

async function currentValue(
  desk: Desk,
  server: string,
  { key, scope, target }: Pick<Change, 'key' | 'scope' | 'target'>,
) {
  if (key.startsWith('style.'))
    return (await desk.ports.settings.styles(server)).get(key.slice('style.'.length));
  const rules = await desk.ports.settings.rules(server);
  return rules.find((rule) => rule.key === key && rule.scope === scope && rule.target === target)?.value;
}

function scopeOf(values: ScopeValues, { platform }: Invocation): { scope: Scope; target: string } {
  const named = SCOPES.filter(
    (scope): scope is keyof ScopeValues => scope !== 'server' && values[scope] !== undefined,
  );
  const [scope, surplus] = named;
  if (surplus !== undefined) {
    throw new DarkroomError(
      'bad_request',
      `A setting is for a ${scope} or for a ${surplus}, not for both. Name one.`,
    );
  }
  if (scope === undefined) return { scope: 'server', target: '' };
  const id = values[scope]!;
  return { scope, target: id.startsWith(`${platform}:`) ? id : `${platform}:${id}` };
}

/** Names of models and styles must be there before they are stored. */
async function requireKnown(
  key: SettingKey,
  value: SettingValue,
  desk: Desk,
  invocation: Invocation,
): Promise<void> {
  const demand = (kind: string, wanted: readonly string[], known: readonly string[]) => {
    const stray = wanted.find((name) => !known.includes(name));
    if (stray === undefined) return;
    throw new DarkroomError(
      'bad_request',
      `${key}: there is no ${kind} ${stray}. ${offerNames(stray, known)}`,
    );
  };
  if (key === 'default_model') demand('model', [String(value)], desk.ports.models.names());
  if (key === 'allowed_models') demand('model', value as readonly string[], desk.ports.models.names());
  if (key === 'default_style') {
    demand(
      'style',
      [String(value)],
      [...allStyles(await desk.ports.settings.styles(tenantOf(invocation))).keys()],
    );
  }
}

/** What held before a default was set: the model's own. */
async function ownDefault(desk: Desk, key: Change['key']): Promise<{ before?: SettingValue }> {
  const { name, defaults } = await desk.ports.models.resolve();
  const own: Readonly<Record<string, SettingValue>> = {
    default_model: name,
    default_size: `${defaults.width}x${defaults.height}`,
    default_steps: defaults.numInferenceSteps,
    default_guidance: defaults.guidanceScale,
    default_sampler: defaults.sampler,
    max_size: defaults.maxSize,
  };
  return Object.hasOwn(own, key) ? { before: own[key]! } : {};
}

function changeCard(change: Change): Card {
  const { key, after, id } = change;
  const notes = after === undefined || key.startsWith('style.') ? [] : [meaningOf(key as SettingKey, after)];
  return { text: changeLine(change), notes, actions: [{ id: `undo:${id}`, label: 'Undo' }] };
}

/** `default_steps: 20 -> 24`, with the scope where it is not the whole server. */
export function changeLine({ key, scope, target, before, after }: Change): string {
  const place = scope === 'server' ? '' : ` (${scope} ${target.replace(/^[a-z]+:/, '')})`;
  return `${key}${place}: ${showSetting(before)} -> ${showSetting(after)}`;
}

function ruleLine({ scope, target, value, by }: Rule): string {
  const place = scope === 'server' ? '' : `${scope} ${target.replace(/^[a-z]+:/, '')}: `;
  return `${place}${showSetting(value)} (${by})`;
}

const isEqual = (a: SettingValue | undefined, b: SettingValue | undefined) =>
  JSON.stringify(a) === JSON.stringify(b);
