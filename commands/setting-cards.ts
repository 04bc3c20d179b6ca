/** Settings and their changes in words: what they mean, for whom, and how they were before. */
import type { Invocation } from '../adapters/adapter.ts';
import type { Card, CardField } from '../adapters/card.ts';
import type { MentionKind } from '../adapters/platforms.ts';
import type { Rule } from '../src/settings/resolve.ts';
import {
  meaningOf,
  type Scope,
  type SettingKey,
  type SettingValue,
  showSetting,
} from '../src/settings/schema.ts';
import type { Change } from '../src/settings/store.ts';
import type { Ports } from './ports.ts';
import { readStyle } from './styles.ts';
import { nameTarget, nameTargets } from './targets.ts';

type NamePorts = Pick<Ports, 'find'>;
const STYLE = 'style.';
const WILDCARD = 'wildcard.';

export async function changeCard(change: Change, invocation: Invocation, ports: NamePorts): Promise<Card> {
  const { sentence, line } = await describeChange(change, invocation, ports);
  return { text: sentence, notes: [line], actions: [{ id: `undo:${change.id}`, label: 'Undo' }] };
}

/**
 * @returns what holds now, in words, and the change itself: `default_steps: 20 -> 24`, with the scope where it is not
 *   the whole server
 */
export async function describeChange(
  { key, scope, target, before, after }: Pick<Change, 'key' | 'scope' | 'target' | 'before' | 'after'>,
  invocation: Invocation,
  ports: NamePorts,
): Promise<{ readonly sentence: string; readonly line: string }> {
  const whom = await describeScope(scope, target, invocation, ports);
  if (key.startsWith(STYLE)) {
    const name = key.slice(STYLE.length);
    const sentence =
      after === undefined
        ? `The style ${name} was removed.`
        : `Style ${name}: ${describeStyle(String(after))}`;
    const verb = after === undefined ? 'removed' : before === undefined ? 'added' : 'changed';
    return { sentence, line: `${key}: ${verb}` };
  }
  if (key.startsWith(WILDCARD)) {
    const name = key.slice(WILDCARD.length);
    const words = String(after).replaceAll('\n', ' | ');
    const sentence = after === undefined ? `The wildcard ${name} was removed.` : `Wildcard ${name}: ${words}`;
    const verb = after === undefined ? 'removed' : before === undefined ? 'added' : 'changed';
    return { sentence, line: `${key}: ${verb}` };
  }
  const [old, now] = await Promise.all(
    [before, after].map((value) => nameTargets(key, value, invocation, ports)),
  );
  const meaning = now === undefined ? `${key} is no longer set.` : meaningOf(key as SettingKey, now);
  return {
    sentence: whom === '' ? meaning : `For ${whom}: ${meaning}`,
    line: `${key}${whom === '' ? '' : ` (${whom})`}: ${showSetting(old)} -> ${showSetting(now)}`,
  };
}

/** `{prompt}, oil painting; without photo; 30 steps` */
export function describeStyle(text: string): string {
  const style = readStyle(text);
  if (style === undefined) return 'a style that cannot be read';
  const { template, negative, settings = {} } = style;
  return [
    template,
    ...(negative === undefined ? [] : [`without ${negative}`]),
    ...(settings.num_inference_steps === undefined ? [] : [`${settings.num_inference_steps} steps`]),
    ...(settings.guidance_scale === undefined ? [] : [`guidance ${settings.guidance_scale}`]),
  ].join('; ');
}

/** The rules of one setting as a field of a card: what each means, for whom, by whom and when. */
export async function ruleField(
  key: SettingKey,
  rules: readonly Rule[],
  invocation: Invocation,
  ports: NamePorts,
): Promise<CardField> {
  const lines = await Promise.all(
    rules.map(async ({ scope, target, value, by, at }) => {
      const whom = await describeScope(scope, target, invocation, ports);
      const shown = (await nameTargets(key, value, invocation, ports)) as SettingValue;
      return `${whom === '' ? '' : `For ${whom}: `}${meaningOf(key, shown)} (${by}, ${formatTime(at)})`;
    }),
  );
  return { name: key, value: lines.join('\n') };
}

/** `#art`, `@boosters`; empty for everyone. */
export async function describeScope(
  scope: Scope,
  target: string,
  invocation: Invocation,
  ports: NamePorts,
): Promise<string> {
  if (scope === 'server') return '';
  const kinds: Readonly<Record<Exclude<Scope, 'server'>, MentionKind>> = {
    channel: 'channel',
    role: 'role',
    user: 'user',
  };
  return nameTarget(kinds[scope], target, invocation, ports);
}

/** A time of day without its zone says nothing to people around the world. */
export const formatTime = (at: number): string =>
  `${new Date(at).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
