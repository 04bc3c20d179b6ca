/** Channels, roles and users in settings: typed as people write them, stored as ids, shown as names. */
import type { Invocation } from '../adapters/adapter.ts';
import { type MentionKind, readMention, traitsOf } from '../adapters/platforms.ts';
import { DarkroomError } from '../src/errors.ts';
import { sentence } from '../src/sentences.ts';
import type { SettingKey, SettingValue } from '../src/settings/schema.ts';
import { tenantOf } from './policy.ts';
import type { Ports } from './ports.ts';

/** What the values of some settings name. */
const KINDS: ReadonlyMap<string, MentionKind> = new Map<SettingKey, MentionKind>([
  ['channels', 'channel'],
  ['log_channel', 'channel'],
  ['roles', 'role'],
  ['admin_roles', 'role'],
  ['review_channel', 'channel'],
  ['review_roles', 'role'],
]);

const SIGNS: Readonly<Record<MentionKind, string>> = { channel: '#', role: '@', user: '@' };

type FindPorts = Pick<Ports, 'find'>;

/**
 * The id of what an admin typed: a mention, a name, or an id.
 * @returns as in Where: with the platform's name in front
 * @throws DarkroomError('bad_request') for a kind that the platform does not have, ('not_found') for nothing of it
 */
export async function findTarget(
  kind: MentionKind,
  typed: string,
  invocation: Invocation,
  { find }: FindPorts,
): Promise<string> {
  const { platform } = invocation;
  const { title, tenant, capabilities } = traitsOf(platform);
  const isThere = { user: true, role: capabilities.roles, channel: capabilities.channels }[kind];
  if (!isThere)
    throw new DarkroomError(
      'bad_request',
      sentence('target.no_such_kind', { platform: sentence(title), kind }),
    );
  const mention = readMention(platform, typed);
  if (mention !== undefined && mention.kind !== kind)
    throw new DarkroomError(
      'bad_request',
      sentence('target.other_kind', { typed, given: mention.kind, kind }),
    );
  const wanted = mention?.id ?? typed.replace(/^[#@]/, '').replace(new RegExp(`^${platform}:`), '');
  const found = wanted === '' ? undefined : await find(platform, tenantOf(invocation), kind, wanted);
  if (wanted === '') throw new DarkroomError('bad_request', sentence('target.missing', { kind }));
  if (found !== undefined) return `${platform}:${found.id}`;
  throw new DarkroomError(
    'not_found',
    sentence('target.none', { tenant: sentence(tenant), kind, name: `${SIGNS[kind]}${wanted}` }),
  );
}

/** A setting's value with ids in the place of what was typed. @throws as findTarget() */
export async function findTargets(
  key: SettingKey,
  value: SettingValue,
  invocation: Invocation,
  ports: FindPorts,
): Promise<SettingValue> {
  const kind = KINDS.get(key);
  if (kind === undefined) return value;
  if (!Array.isArray(value)) return findTarget(kind, String(value), invocation, ports);
  const ids: string[] = [];
  for (const typed of value as readonly string[]) ids.push(await findTarget(kind, typed, invocation, ports));
  return [...new Set(ids)];
}

/** `#general` for an id; the bare id where nothing of that id is found any longer. */
export async function nameTarget(
  kind: MentionKind,
  id: string,
  invocation: Invocation,
  { find }: FindPorts,
): Promise<string> {
  const { platform } = invocation;
  const bare = id.replace(/^[a-z]+:/, '').replace(/^[#@]/, '');
  const found = await find(platform, tenantOf(invocation), kind, bare);
  return `${SIGNS[kind]}${found?.name ?? bare}`;
}

/** A setting's value as people know it. */
export async function nameTargets(
  key: string,
  value: SettingValue | undefined,
  invocation: Invocation,
  ports: FindPorts,
): Promise<SettingValue | undefined> {
  const kind = KINDS.get(key);
  if (kind === undefined || value === undefined) return value;
  if (!Array.isArray(value)) return nameTarget(kind, String(value), invocation, ports);
  return Promise.all((value as readonly string[]).map((id) => nameTarget(kind, id, invocation, ports)));
}
