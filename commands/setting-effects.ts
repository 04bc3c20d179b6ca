/** What a change of a setting does here that the setting itself does not say: models that it leaves, and what it lacks. */

import { commercialUse } from '../src/licences.ts';
import { builtInUpscaler } from '../src/request.ts';
import { type Sentence, sentence } from '../src/sentences.ts';
import type { Rule } from '../src/settings/resolve.ts';
import type { Change } from '../src/settings/store.ts';
import { isCommercialOnly, Licences } from './licences.ts';
import { readTuning } from './model-tuning.ts';
import type { Ports } from './ports.ts';

type EffectPorts = Pick<Ports, 'models' | 'settings' | 'hasClassifier'>;

/** Names of models in one sentence. */
const NAMED = 10;

/** @param change as it has been applied */
export async function effectsOf(
  { tenant, key, after }: Pick<Change, 'tenant' | 'key' | 'after'>,
  ports: EffectPorts,
): Promise<Sentence[]> {
  const rules = await ports.settings.rules(tenant);
  if (key === 'commercial_only' && after === true) return whatRemains(tenant, rules, ports);
  if (key.startsWith('model.')) return unclearLicence(String(after ?? ''));
  if (after === undefined) return [];
  if (key === 'allowed_models' && isCommercialOnly(rules))
    return listedButRefused('checkpoint', Array.isArray(after) ? after : [], tenant, ports);
  if (key === 'default_upscaler' && isCommercialOnly(rules) && builtInUpscaler(String(after)) === undefined)
    return listedButRefused('upscaler', [String(after)], tenant, ports);
  if (key === 'default_model' && isCommercialOnly(rules)) return whatRemains(tenant, rules, ports);
  if (key === 'moderation' && after !== 'off')
    return [...(await withoutChecker(ports)), ...(after === 'hold' ? withoutChannel(rules) : [])];
  return [];
}

async function whatRemains(tenant: string, rules: readonly Rule[], ports: EffectPorts): Promise<Sentence[]> {
  const ofServer = (key: Rule['key']) =>
    rules.find((rule) => rule.key === key && rule.scope === 'server')?.value;
  const listed = ofServer('allowed_models');
  const all = ports.models.names();
  const licensed = await (await Licences.of(tenant, ports)).allowedOf('checkpoint');
  const names = Array.isArray(listed) ? licensed.filter((name) => listed.includes(name)) : licensed;
  const [other] = names;
  if (other === undefined) return [sentence('licence.none_remain')];
  const usual = ofServer('default_model') ?? (await ports.models.resolve()).name;
  return [
    sentence('licence.remain', { all: all.length, count: names.length, names: names.slice(0, NAMED) }),
    ...(names.includes(String(usual))
      ? []
      : [sentence('licence.default_lost', { name: String(usual), other })]),
  ];
}

/** What an admin has just chosen, and the licence rule forbids. */
async function listedButRefused(
  kind: 'checkpoint' | 'upscaler',
  chosen: readonly string[],
  tenant: string,
  ports: EffectPorts,
): Promise<Sentence[]> {
  const licences = await Licences.of(tenant, ports);
  const allowed = await Promise.all(chosen.map((name) => licences.allows({ kind, name })));
  const names = chosen.filter((_, i) => !allowed[i]);
  return names.length === 0 ? [] : [sentence('licence.set_but_refused', { names: names.slice(0, NAMED) })];
}

function unclearLicence(after: string): Sentence[] {
  const { licence, commercial } = readTuning(after === '' ? undefined : after);
  if (licence === undefined || commercial !== undefined) return [];
  if (commercialUse({ licence }).allows !== 'unknown') return [];
  return [sentence('licence.say_which', { licence })];
}

/** Where nothing can check the pictures of a model, requests for it are refused: better known now than by its users. */
async function withoutChecker({ models, hasClassifier }: EffectPorts): Promise<Sentence[]> {
  if (hasClassifier === true) return [];
  const all = models.names();
  const infos = await Promise.all(
    all.slice(0, MOST_OPENED).map((name) =>
      Promise.resolve()
        .then(() => models.resolve(name))
        .catch(() => undefined),
    ),
  );
  const bare = infos.flatMap((info) =>
    info === undefined || info.hasSafetyChecker === true ? [] : [info.name],
  );
  if (bare.length === 0) return [];
  const count = bare.length;
  return count === all.length
    ? [sentence('moderation.none_has_checker')]
    : [sentence('moderation.some_lack_checker', { count, names: bare.slice(0, NAMED) })];
}

/** Models that are opened to see what they have. */
const MOST_OPENED = 50;

const withoutChannel = (rules: readonly Rule[]): Sentence[] =>
  rules.some(({ key }) => key === 'review_channel') ? [] : [sentence('moderation.no_review_channel')];
