/** /config: an admin's settings. */
import type { Invocation } from '../adapters/adapter.ts';
import { DarkroomError, offerNames } from '../src/errors.ts';
import {
  findSetting,
  meaningOf,
  parseSetting,
  SCOPES,
  type Scope,
  SETTING_KEYS,
  type SettingKey,
  type SettingValue,
} from '../src/settings/schema.ts';
import { type Context, defineCommand, defineGroup } from './command.ts';
import { explainRule, Policy, tenantOf } from './policy.ts';
import { changeLine, ruleLine } from './setting-cards.ts';
import { type ConfigPorts, changeSetting, requireAdmin, undoChange } from './setting-change.ts';
import { allStyles } from './styles.ts';

const SETTING = {
  type: 'text',
  single: true,
  required: true,
  description: 'The setting.',
  suggestions: SETTING_KEYS,
  example: 'default_steps',
} as const;
const SCOPE_OPTIONS = {
  channel: {
    type: 'mention',
    of: 'channel',
    flag: '--channel',
    description: 'Only for this channel.',
    example: '#art',
  },
  role: {
    type: 'mention',
    of: 'role',
    flag: '--role',
    description: 'Only for this role.',
    example: '@artists',
  },
  user: {
    type: 'mention',
    of: 'user',
    flag: '--user',
    description: 'Only for this user.',
    example: '@ada',
  },
} as const;
type ScopeValues = { channel?: string; role?: string; user?: string };

/** Changes that /config history shows. */
const HISTORY = 15;

const show = defineCommand({
  name: 'config show',
  description: 'Show the settings of this server.',
  options: {},
  examples: ['/config show'],
  async run(_values, { invocation, reply, ports }: Context<ConfigPorts>) {
    const rules = await ports.settings.rules(tenantOf(invocation));
    const fields = SETTING_KEYS.flatMap((key) => {
      const own = rules.filter((rule) => rule.key === key);
      return own.length === 0 ? [] : [{ name: key, value: own.map(ruleLine).join('\n') }];
    });
    const unset = SETTING_KEYS.filter((key) => !rules.some((rule) => rule.key === key));
    const text =
      fields.length === 0
        ? "Nothing is set here. The model's own defaults apply."
        : 'Settings of this server:';
    await reply.postEphemeral({ text, fields, notes: [`Not set: ${unset.join(', ')}.`] });
  },
});

const set = defineCommand({
  name: 'config set',
  description: 'Change a setting for everyone, or for one channel, role or user.',
  options: {
    setting: SETTING,
    value: { type: 'text', required: true, description: 'The new value.', example: '24' },
    ...SCOPE_OPTIONS,
  },
  examples: ['/config set default_steps 24', '/config set quota_waiting 6 --role @boosters'],
  async run({ setting = '', value, ...scopes }, context: Context<ConfigPorts>) {
    const key = findSetting(setting);
    if (value === undefined || value.trim() === '') {
      throw new DarkroomError(
        'bad_request',
        `Add a value: /config set ${key} VALUE. To clear it: /config reset ${key}.`,
      );
    }
    const at = scopeOf(scopes, context.invocation);
    const parsed = parseSetting(key, value, at.scope);
    await requireKnown(key, parsed, context.ports, context.invocation);
    await changeSetting(context, { key, ...at, after: parsed });
  },
});

const reset = defineCommand({
  name: 'config reset',
  description: 'Clear a setting.',
  options: { setting: SETTING, ...SCOPE_OPTIONS },
  examples: ['/config reset default_steps'],
  async run({ setting = '', ...scopes }, context: Context<ConfigPorts>) {
    await changeSetting(context, { key: findSetting(setting), ...scopeOf(scopes, context.invocation) });
  },
});

const history = defineCommand({
  name: 'config history',
  description: 'Show who changed what, newest first.',
  options: {},
  examples: ['/config history'],
  async run(_values, { invocation, reply, ports }: Context<ConfigPorts>) {
    await requireAdmin(invocation, ports);
    const changes = await ports.settings.history(tenantOf(invocation), HISTORY);
    const fields = changes.map((change) => ({
      name: `${new Date(change.at).toISOString().slice(0, 16).replace('T', ' ')}, ${change.author.name}`,
      value: `${changeLine(change)}${change.undoes === undefined ? '' : ' (undone)'}`,
    }));
    await reply.postEphemeral({
      text: fields.length === 0 ? 'No settings have been changed yet.' : 'Changes to settings:',
      fields,
    });
  },
});

const undo = defineCommand({
  name: 'config undo',
  description: 'Undo the latest change.',
  options: {},
  examples: ['/config undo'],
  async run(_values, context: Context<ConfigPorts>) {
    const changes = await context.ports.settings.history(tenantOf(context.invocation), HISTORY);
    const undone = new Set(changes.map(({ undoes }) => undoes));
    const latest = changes.find(({ id, undoes }) => undoes === undefined && !undone.has(id));
    if (latest === undefined) throw new DarkroomError('bad_request', 'There is no change to undo.');
    await undoChange(latest, context);
  },
});

const why = defineCommand({
  name: 'config why',
  description: 'Show which rule applies to a user here.',
  options: { setting: SETTING, user: { ...SCOPE_OPTIONS.user, description: 'Another user than you.' } },
  examples: ['/config why allowed_models', '/config why max_size --user @ada'],
  async run({ setting = '', user }, { invocation, reply, ports }: Context<ConfigPorts>) {
    const key = findSetting(setting);
    if (user !== undefined) await requireAdmin(invocation, ports);
    const asked = user === undefined ? invocation : await asUser(user, invocation, ports);
    const policy = await Policy.of(asked, ports);
    const value = policy.value(key);
    const notes = value === undefined ? [] : [meaningOf(key, value)];
    await reply.postEphemeral({ text: explainRule(policy, key), notes });
  },
});

/** The same channel as another user sees it. */
async function asUser(user: string, invocation: Invocation, ports: ConfigPorts): Promise<Invocation> {
  const { platform, where } = invocation;
  const id = user.startsWith(`${platform}:`) ? user : `${platform}:${user}`;
  const roles = where.tenant === undefined ? [] : await ports.rolesOf(platform, where.tenant, id);
  return { ...invocation, user: { id, name: user }, where: { ...where, roles, isAdmin: false } };
}

export const config = defineGroup(
  { name: 'config', description: "See and change this server's settings.", isForAdmins: true },
  [show, set, reset, history, undo, why],
);

function scopeOf(values: ScopeValues, { platform }: Invocation): { scope: Scope; target: string } {
  const named = SCOPES.filter(
    (scope): scope is keyof ScopeValues => scope !== 'server' && values[scope] !== undefined,
  );
  const [scope, surplus] = named;
  if (surplus !== undefined) {
    throw new DarkroomError(
      'bad_request',
      `A setting applies to one ${scope} or to one ${surplus}, not to both. Choose one.`,
    );
  }
  if (scope === undefined) return { scope: 'server', target: '' };
  const id = values[scope]!;
  return { scope, target: id.startsWith(`${platform}:`) ? id : `${platform}:${id}` };
}

/** A model or style must exist before its name is stored. */
async function requireKnown(
  key: SettingKey,
  value: SettingValue,
  { models, settings }: ConfigPorts,
  invocation: Invocation,
): Promise<void> {
  const require = (kind: string, wanted: readonly string[], known: readonly string[]) => {
    const stray = wanted.find((name) => !known.includes(name));
    if (stray === undefined) return;
    throw new DarkroomError(
      'bad_request',
      `${key}: there is no ${kind} ${stray}. ${offerNames(stray, known)}`,
    );
  };
  if (key === 'default_model') require('model', [String(value)], models.names());
  if (key === 'allowed_models') require('model', value as readonly string[], models.names());
  if (key === 'default_style') {
    require('style', [String(value)], [...allStyles(await settings.styles(tenantOf(invocation))).keys()]);
  }
}
