/** Settings and their changes in words: what they mean, for whom, and how they were before. */
import type { Invocation } from '../adapters/adapter.ts';
import type { Card, CardField } from '../adapters/card.ts';
import type { MentionKind } from '../adapters/platforms.ts';
import { type Sentence, sentence, type Words } from '../src/sentences.ts';
import type { Rule } from '../src/settings/resolve.ts';
import {
  meaningOf,
  type Scope,
  type SettingKey,
  type SettingValue,
  showSetting,
} from '../src/settings/schema.ts';
import type { Change } from '../src/settings/store.ts';
import type { Context } from './command.ts';
import { flagsOf, readTuning } from './model-tuning.ts';
import type { Ports } from './ports.ts';
import { readStyle } from './styles.ts';
import { nameTarget, nameTargets } from './targets.ts';
import { timeWords } from './times.ts';

type NamePorts = Pick<Ports, 'find'>;
type Asked = Pick<Context<NamePorts>, 'invocation' | 'say' | 'ports'>;
/** What is kept by names of its own, and what it means where it is there, and where it was removed. */
const NAMED: Readonly<Record<string, (name: string, after: string | undefined) => Sentence>> = {
  'style.': (name, after) =>
    after === undefined
      ? sentence('config.style_removed', { name })
      : sentence('config.style', { name, style: describeStyle(after) }),
  'wildcard.': (name, after) =>
    after === undefined
      ? sentence('config.wildcard_removed', { name })
      : sentence('config.wildcard', { name, words: after.replaceAll('\n', ' | ') }),
  'rule.': (name, after) =>
    after === undefined
      ? sentence('rules.removed', { name })
      : sentence('rules.set', { name, words: after.replaceAll('\n', ' | ') }),
  'model.': (name, after) =>
    after === undefined
      ? sentence('config.model_reset', { name })
      : sentence(isOnlyLicence(after) ? 'licence.is_set' : 'config.model', {
          name,
          flags: flagsOf(readTuning(after)),
        }),
};

/** What a licence allows changes nothing about how a model draws. */
const isOnlyLicence = (after: string): boolean =>
  Object.keys(readTuning(after)).every((key) => key === 'licence' || key === 'commercial');

export async function changeCard(change: Change, { invocation, say, ports }: Asked): Promise<Card> {
  const { meaning, line } = await describeChange(change, invocation, ports);
  return {
    text: say.words(meaning),
    notes: [say.words(line)],
    actions: [{ id: `undo:${change.id}`, label: say('button.undo') }],
  };
}

/**
 * @returns what holds now, in words, and the change itself: `default_steps: 20 -> 24`, with the scope where it is not
 *   the whole server
 */
export async function describeChange(
  { key, scope, target, before, after }: Pick<Change, 'key' | 'scope' | 'target' | 'before' | 'after'>,
  invocation: Invocation,
  ports: NamePorts,
): Promise<{ readonly meaning: Sentence; readonly line: Sentence }> {
  const whom = await describeScope(scope, target, invocation, ports);
  const prefix = Object.keys(NAMED).find((one) => key.startsWith(one));
  if (prefix !== undefined) {
    const verb = after === undefined ? 'removed' : before === undefined ? 'added' : 'changed';
    return {
      meaning: NAMED[prefix]!(key.slice(prefix.length), after === undefined ? undefined : String(after)),
      // The words stay out of the log channel.
      line: sentence(`config.line.${verb}`, { key }),
    };
  }
  const [old, now] = await Promise.all(
    [before, after].map((value) => nameTargets(key, value, invocation, ports)),
  );
  const meaning = now === undefined ? clearedMeaning(key, whom) : meaningOf(key as SettingKey, now);
  const values = { key, before: showSetting(old), after: showSetting(now) };
  if (whom === '') return { meaning, line: sentence('config.line', values) };
  return {
    meaning: sentence('config.for', { whom, meaning }),
    line: sentence('config.line_for', { ...values, whom }),
  };
}

/** What holds for a channel may still be the server's rule; without one of the server's, pictures are taken. */
const clearedMeaning = (key: string, whom: string): Sentence =>
  key === 'paused' && whom === '' ? sentence('setting.paused_off') : sentence('config.cleared', { key });

/** `{prompt}, oil painting; without photo; 30 steps` */
export function describeStyle(text: string): Words {
  const style = readStyle(text);
  if (style === undefined) return sentence('config.unreadable_style');
  const { template, negative, settings = {} } = style;
  const { num_inference_steps: steps, guidance_scale: guidance } = settings;
  const parts: Words[] = [
    template,
    ...(negative === undefined ? [] : [sentence('config.style_without', { negative })]),
    ...(steps === undefined ? [] : [sentence('config.style_steps', { steps })]),
    ...(guidance === undefined ? [] : [sentence('config.style_guidance', { guidance })]),
  ];
  return parts.reduce((before, part) => sentence('config.style_parts', { before, part }));
}

/** The rules of one setting as a field of a card: what each means, for whom, by whom and when. */
export async function ruleField(
  key: SettingKey,
  rules: readonly Rule[],
  { invocation, say, ports }: Asked,
): Promise<CardField> {
  const lines = await Promise.all(
    rules.map(async ({ scope, target, value, by, at }) => {
      const whom = await describeScope(scope, target, invocation, ports);
      const shown = (await nameTargets(key, value, invocation, ports)) as SettingValue;
      const own = meaningOf(key, shown);
      const meaning = whom === '' ? own : sentence('config.for', { whom, meaning: own });
      return say('config.rule_by', { meaning, by, at: timeWords(at, { invocation, say }) });
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
