/** Settings and their changes in words. */
import type { Card } from '../adapters/card.ts';
import type { Rule } from '../src/settings/resolve.ts';
import { meaningOf, type SettingKey, showSetting } from '../src/settings/schema.ts';
import type { Change } from '../src/settings/store.ts';

export function changeCard(change: Change): Card {
  const { key, after, id } = change;
  const notes = after === undefined || key.startsWith('style.') ? [] : [meaningOf(key as SettingKey, after)];
  return { text: changeLine(change), notes, actions: [{ id: `undo:${id}`, label: 'Undo' }] };
}

/** `default_steps: 20 -> 24`, with the scope where it is not the whole server. */
export function changeLine({ key, scope, target, before, after }: Change): string {
  const where = scope === 'server' ? '' : ` (${scope} ${plainId(target)})`;
  return `${key}${where}: ${showSetting(before)} -> ${showSetting(after)}`;
}

export function ruleLine({ scope, target, value, by }: Rule): string {
  const where = scope === 'server' ? '' : `${scope} ${plainId(target)}: `;
  return `${where}${showSetting(value)} (${by})`;
}

/** An id without its platform's name in front. */
const plainId = (id: string) => id.replace(/^[a-z]+:/, '');
