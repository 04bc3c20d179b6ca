/** The one way by which chat changes a setting: checked, stored with its author, shown as old -> new, undone. */
import { randomUUID } from 'node:crypto';
import type { Invocation } from '../adapters/adapter.ts';
import { type Platform, traitsOf } from '../adapters/platforms.ts';
import { DarkroomError } from '../src/errors.ts';
import { sentence } from '../src/sentences.ts';
import { type SettingValue, showSetting } from '../src/settings/schema.ts';
import type { Change } from '../src/settings/store.ts';
import type { Context } from './command.ts';
import { Policy, tenantOf } from './policy.ts';
import type { Ports } from './ports.ts';
import { changeCard, describeChange } from './setting-cards.ts';
import { effectsOf } from './setting-effects.ts';

export type ConfigPorts = Pick<
  Ports,
  'settings' | 'models' | 'admins' | 'rolesOf' | 'find' | 'post' | 'hasClassifier' | 'onError'
>;

/** Changes among which an Undo button finds its own. */
const UNDOABLE = 1000;

/** @throws DarkroomError('forbidden') on every platform alike, whatever a client showed */
export async function requireAdmin(
  invocation: Invocation,
  ports: Pick<Ports, 'settings' | 'admins'>,
): Promise<void> {
  const policy = await Policy.of(invocation, ports);
  if (policy.isAdmin()) return;
  throw new DarkroomError(
    'forbidden',
    sentence('policy.admins_only', { admins: sentence(traitsOf(invocation.platform).admins) }),
  );
}

/** Stores a change and shows it to the admin and in the log channel. */
export async function changeSetting(
  { invocation, reply, say, ports }: Context<ConfigPorts>,
  { key, scope, target, after }: Pick<Change, 'key' | 'scope' | 'target' | 'after'>,
  undoes?: string,
): Promise<void> {
  await requireAdmin(invocation, ports);
  const tenant = tenantOf(invocation);
  const before = await currentValue(ports, tenant, { key, scope, target });
  if (isEqual(before, after)) {
    throw new DarkroomError(
      'bad_request',
      after === undefined
        ? sentence('config.already_unset', { key })
        : sentence('config.already', { key, value: showSetting(after) }),
    );
  }
  const { id, name } = invocation.user;
  const change: Change = {
    id: randomUUID(),
    tenant,
    at: Date.now(),
    author: { id, name },
    ...{ key, scope, target },
    ...(before !== undefined && { before }),
    ...(after !== undefined && { after }),
    ...(undoes !== undefined && { undoes }),
  };
  await ports.settings.apply(change);
  const shown = { ...change, ...(before === undefined && (await ownDefault(ports, key))) };
  const card = await changeCard(shown, { invocation, say, ports });
  const effects = (await effectsOf(change, ports)).map((one) => say.words(one));
  await reply.postEphemeral({ ...card, notes: [...(card.notes ?? []), ...effects] });
  const { line } = await describeChange(shown, invocation, ports);
  await log(invocation, say('config.logged', { name, line }), ports);
}

async function log({ platform, where }: Invocation, text: string, ports: ConfigPorts): Promise<void> {
  if (where.tenant !== undefined) await logToChannel({ platform, tenant: where.tenant }, text, ports);
}

/** Says something in a tenant's log channel. That it cannot be reached is no reason to fail. */
export async function logToChannel(
  { platform, tenant }: { readonly platform: Platform; readonly tenant: string },
  text: string,
  { settings, post, onError }: Pick<ConfigPorts, 'settings' | 'post' | 'onError'>,
): Promise<void> {
  const rules = await settings.rules(tenant);
  const channel = rules.find(({ key }) => key === 'log_channel')?.value;
  if (channel === undefined) return;
  await post(platform, tenant, String(channel), { text }).catch((error: unknown) => onError?.(error));
}

/** The Undo button beside a change. Only changes of the tenant that the admin is in are found. */
export async function undoById(id: string, context: Context<ConfigPorts>): Promise<void> {
  await requireAdmin(context.invocation, context.ports);
  const changes = await context.ports.settings.history(tenantOf(context.invocation), UNDOABLE);
  const change = changes.find((one) => one.id === id);
  if (change === undefined) throw new DarkroomError('not_found', sentence('config.change_gone'));
  if (changes.some(({ undoes }) => undoes === id))
    throw new DarkroomError('bad_request', sentence('config.already_undone'));
  await undoChange(change, context);
}

export async function undoChange(
  { id, key, scope, target, before }: Change,
  context: Context<ConfigPorts>,
): Promise<void> {
  await changeSetting(context, { key, scope, target, ...(before !== undefined && { after: before }) }, id);
}

async function currentValue(
  { settings }: ConfigPorts,
  tenant: string,
  { key, scope, target }: Pick<Change, 'key' | 'scope' | 'target'>,
) {
  if (key.startsWith('style.')) return (await settings.styles(tenant)).get(key.slice('style.'.length));
  if (key.startsWith('wildcard.'))
    return (await settings.wildcards(tenant)).get(key.slice('wildcard.'.length));
  if (key.startsWith('rule.')) return (await settings.promptRules(tenant)).get(key.slice('rule.'.length));
  if (key.startsWith('model.')) return (await settings.models(tenant)).get(key.slice('model.'.length));
  const rules = await settings.rules(tenant);
  return rules.find((rule) => rule.key === key && rule.scope === scope && rule.target === target)?.value;
}

/** What applied before a default was set: the model's own. */
async function ownDefault({ models }: ConfigPorts, key: Change['key']): Promise<{ before?: SettingValue }> {
  const { name, defaults } = await models.resolve();
  const own: Readonly<Record<string, SettingValue>> = {
    default_model: name,
    default_size: `${defaults.width}x${defaults.height}`,
    default_steps: defaults.numInferenceSteps,
    default_guidance: defaults.guidanceScale,
    default_sampler: defaults.sampler,
    default_upscaler: 'lanczos',
    max_size: defaults.maxSize,
  };
  return Object.hasOwn(own, key) ? { before: own[key]! } : {};
}

const isEqual = (a: SettingValue | undefined, b: SettingValue | undefined) =>
  JSON.stringify(a) === JSON.stringify(b);
