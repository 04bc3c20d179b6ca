/** /config: an admin's settings. */
import type { Invocation } from '../adapters/adapter.ts';
import type { Card } from '../adapters/card.ts';
import { traitsOf } from '../adapters/platforms.ts';
import { DarkroomError, offer } from '../src/errors.ts';
import { nameMeant } from '../src/model-names.ts';
import { builtInUpscaler } from '../src/request.ts';
import { sentence } from '../src/sentences.ts';
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
import { type Context, defineCommand, defineGroup } from './command.ts';
import { Policy, tenantOf } from './policy.ts';
import { describeChange, describeScope, ruleField } from './setting-cards.ts';
import { type ConfigPorts, changeSetting, requireAdmin, undoChange } from './setting-change.ts';
import { allStyles } from './styles.ts';
import { findTarget, findTargets, nameTargets } from './targets.ts';
import { timeWords } from './times.ts';

const SETTING = {
  type: 'text',
  single: true,
  required: true,
  description: 'describe.config.setting',
  suggestions: SETTING_KEYS,
  example: 'default_steps',
} as const;
const SCOPE_OPTIONS = {
  channel: {
    type: 'mention',
    of: 'channel',
    flag: '--channel',
    description: 'describe.config.channel',
    example: '#art',
  },
  role: {
    type: 'mention',
    of: 'role',
    flag: '--role',
    description: 'describe.config.role',
    example: '@artists',
  },
  user: {
    type: 'mention',
    of: 'user',
    flag: '--user',
    description: 'describe.config.user',
    example: '@ada',
  },
} as const;
type ScopeValues = { channel?: string; role?: string; user?: string };

/** Changes that /config history shows. */
const HISTORY = 15;

const show = defineCommand({
  name: 'config show',
  description: 'describe.config.show',
  options: {},
  examples: ['/config show'],
  async run(_values, { invocation, reply, say, ports }: Context<ConfigPorts>) {
    const rules = await ports.settings.rules(tenantOf(invocation));
    const fields = await Promise.all(
      SETTING_KEYS.filter((key) => rules.some((rule) => rule.key === key)).map((key) =>
        ruleField(
          key,
          rules.filter((rule) => rule.key === key),
          { invocation, say, ports },
        ),
      ),
    );
    const tenant = say(traitsOf(invocation.platform).tenant);
    await reply.postEphemeral(
      fields.length === 0
        ? {
            text: say('config.none', { tenant }),
            notes: [say('config.how')],
          }
        : { text: say('config.settings', { tenant }), fields },
    );
  },
});

const set = defineCommand({
  name: 'config set',
  description: 'describe.config.set',
  options: {
    setting: SETTING,
    value: { type: 'text', required: true, description: 'describe.config.value', example: '24' },
    ...SCOPE_OPTIONS,
  },
  examples: ['/config set default_steps 24', '/config set quota_waiting 6 --role @boosters'],
  async run({ setting = '', value, ...scopes }, context: Context<ConfigPorts>) {
    const key = findSetting(setting);
    if (value === undefined || value.trim() === '') {
      throw new DarkroomError('bad_request', sentence('config.add_value', { key }));
    }
    const { invocation, ports } = context;
    const at = await scopeOf(scopes, invocation, ports);
    const typed = parseSetting(key, value, at.scope);
    const parsed = await requireKnown(key, typed, ports, invocation);
    requireEffect(key, parsed, invocation);
    const after = await findTargets(key, parsed, invocation, ports);
    await changeSetting(context, { key, ...at, after });
  },
});

const reset = defineCommand({
  name: 'config reset',
  description: 'describe.config.reset',
  options: { setting: SETTING, ...SCOPE_OPTIONS },
  examples: ['/config reset default_steps'],
  async run({ setting = '', ...scopes }, context: Context<ConfigPorts>) {
    const at = await scopeOf(scopes, context.invocation, context.ports);
    await changeSetting(context, { key: findSetting(setting), ...at });
  },
});

const history = defineCommand({
  name: 'config history',
  description: 'describe.config.history',
  options: {},
  examples: ['/config history'],
  async run(_values, { invocation, reply, say, ports }: Context<ConfigPorts>) {
    await requireAdmin(invocation, ports);
    const changes = await ports.settings.history(tenantOf(invocation), HISTORY);
    const fields = await Promise.all(
      changes.map(async (change) => {
        const { line } = await describeChange(change, invocation, ports);
        const by = { at: timeWords(change.at, { invocation, say }), by: change.author.name };
        return {
          name: say('config.changed_by', by),
          value: change.undoes === undefined ? say.words(line) : say('config.undone', { line }),
        };
      }),
    );
    await reply.postEphemeral({
      text: say(fields.length === 0 ? 'config.no_changes' : 'config.changes'),
      fields,
    });
  },
});

const undo = defineCommand({
  name: 'config undo',
  description: 'describe.config.undo',
  options: {},
  examples: ['/config undo'],
  async run(_values, context: Context<ConfigPorts>) {
    const changes = await context.ports.settings.history(tenantOf(context.invocation), HISTORY);
    const undone = new Set(changes.map(({ undoes }) => undoes));
    const latest = changes.find(({ id, undoes }) => undoes === undefined && !undone.has(id));
    if (latest === undefined) throw new DarkroomError('bad_request', sentence('config.nothing_to_undo'));
    await undoChange(latest, context);
  },
});

const why = defineCommand({
  name: 'config why',
  description: 'describe.config.why',
  options: { setting: SETTING, user: { ...SCOPE_OPTIONS.user, description: 'describe.config.other_user' } },
  examples: ['/config why allowed_models', '/config why max_size --user @ada'],
  async run({ setting = '', user }, { invocation, reply, say, ports }: Context<ConfigPorts>) {
    const key = findSetting(setting);
    if (user !== undefined) await requireAdmin(invocation, ports);
    const asked = user === undefined ? invocation : await asUser(user, invocation, ports);
    const policy = await Policy.of(asked, ports);
    await reply.postEphemeral(await explainRule(policy, key, { invocation, say, ports }));
  },
});

/** Which rule applies, in words: `max_size is 768, set for #art by ada.` */
async function explainRule(
  policy: Policy,
  key: SettingKey,
  { invocation, say, ports }: Pick<Context<ConfigPorts>, 'invocation' | 'say' | 'ports'>,
): Promise<Card> {
  const rule = policy.rules.get(key);
  if (rule === undefined) return { text: say('config.not_set_here', { key }) };
  const whom = await describeScope(rule.scope, rule.target, invocation, ports);
  const value = (await nameTargets(key, rule.value, invocation, ports)) as SettingValue;
  return {
    text: say('config.rule', {
      ...{ key, value: showSetting(value), by: rule.by },
      whom: whom === '' ? say('config.everyone') : whom,
    }),
    notes: [say.words(meaningOf(key, value))],
  };
}

/** The same channel as another user sees it. */
async function asUser(user: string, invocation: Invocation, ports: ConfigPorts): Promise<Invocation> {
  const { platform, where } = invocation;
  const id = await findTarget('user', user, invocation, ports);
  const roles = where.tenant === undefined ? [] : await ports.rolesOf(platform, where.tenant, id);
  return { ...invocation, user: { id, name: user }, where: { ...where, roles, isAdmin: false } };
}

export const config = defineGroup(
  { name: 'config', description: 'describe.config', isForAdmins: true, usual: { word: 'why', words: 'set' } },
  [show, set, reset, history, undo, why],
);

async function scopeOf(
  values: ScopeValues,
  invocation: Invocation,
  ports: ConfigPorts,
): Promise<{ scope: Scope; target: string }> {
  const named = SCOPES.filter(
    (scope): scope is keyof ScopeValues => scope !== 'server' && values[scope] !== undefined,
  );
  const [scope, surplus] = named;
  if (surplus !== undefined) {
    throw new DarkroomError('bad_request', sentence('config.one_scope', { scope: scope!, surplus }));
  }
  if (scope === undefined) return { scope: 'server', target: '' };
  return { scope, target: await findTarget(scope, values[scope]!, invocation, ports) };
}

/** @throws DarkroomError('bad_request') for a setting that the platform cannot carry out */
function requireEffect(key: SettingKey, value: SettingValue, { platform }: Invocation): void {
  const { title, capabilities } = traitsOf(platform);
  const refuse = (words: 'config.no_threads' | 'config.no_age_restriction') =>
    new DarkroomError('bad_request', sentence(words, { platform: sentence(title), key }));
  if (value !== true) return;
  if (key === 'thread_per_request' && !capabilities.threads) throw refuse('config.no_threads');
  if (key === 'age_restricted' && !capabilities.ageRestriction) throw refuse('config.no_age_restriction');
}

/**
 * A model or style must exist before its name is stored.
 * @returns their own names
 */
async function requireKnown(
  key: SettingKey,
  value: SettingValue,
  { models, settings }: ConfigPorts,
  invocation: Invocation,
): Promise<SettingValue> {
  const requireOne = (kind: 'model' | 'style' | 'upscaler', typed: string, known: readonly string[]) => {
    const name = nameMeant(typed, known);
    if (name !== undefined) return name;
    throw new DarkroomError(
      'bad_request',
      sentence(`config.no_${kind}`, { key, name: typed, offer: offer(typed, known) }),
    );
  };
  if (key === 'default_model') {
    const name = requireOne('model', String(value), models.names());
    // A folder that cannot be opened would refuse every request.
    await models.resolve(name);
    return name;
  }
  if (key === 'default_upscaler') {
    const name = String(value);
    if (builtInUpscaler(name) === undefined) await models.findUpscalers([name]);
    else requireOne('upscaler', name, ['lanczos']);
  }
  if (key === 'allowed_models') {
    const all = (value as readonly string[]).map((name) => requireOne('model', name, models.names()));
    return [...new Set(all)];
  }
  if (key === 'default_style') {
    return requireOne('style', String(value), [
      ...allStyles(await settings.styles(tenantOf(invocation))).keys(),
    ]);
  }
  return value;
}
