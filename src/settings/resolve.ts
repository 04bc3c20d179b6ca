/** Which rule holds for somebody somewhere: the narrower scope wins, and each value knows where it comes from. */
import { SCOPES, type Scope, SETTINGS, type SettingKey, type SettingValue } from './schema.ts';

/** One setting as it is stored. */
export interface Rule {
  readonly key: SettingKey;
  readonly scope: Scope;
  /** Id of the channel, role or user; empty for the server itself. */
  readonly target: string;
  readonly value: SettingValue;
  /** Milliseconds since 1970. */
  readonly at: number;
  /** Name of the admin who set it. */
  readonly by: string;
}

/** Whom and where a rule is asked for; ids as in Invocation. */
interface Subject {
  readonly user: string;
  readonly channel: string;
  readonly roles: readonly string[];
}

/** The rules that hold, one for each setting that is set at all. */
export type Effective = ReadonlyMap<SettingKey, Rule>;

/** @param rules of one server */
export function resolveSettings(rules: readonly Rule[], subject: Subject): Effective {
  const holding = new Map<SettingKey, Rule>();
  for (const scope of SCOPES) {
    const here = Map.groupBy(
      rules.filter((rule) => rule.scope === scope && concerns(rule, subject)),
      ({ key }) => key,
    );
    for (const [key, candidates] of here) holding.set(key, choose(key, candidates));
  }
  return holding;
}

function concerns({ scope, target }: Rule, { user, channel, roles }: Subject): boolean {
  switch (scope) {
    case 'server':
      return true;
    case 'channel':
      return target === channel;
    case 'role':
      return roles.includes(target);
    case 'user':
      return target === user;
  }
}

/** Only roles can be several at once. */
function choose(key: SettingKey, candidates: readonly Rule[]): Rule {
  const latest = candidates.reduce((a, b) => (b.at >= a.at ? b : a));
  switch (SETTINGS[key].ofRoles) {
    case 'highest':
      return candidates.reduce((a, b) => (Number(b.value) > Number(a.value) ? b : a));
    case 'all': {
      const value = [
        ...new Set(candidates.flatMap(({ value }) => (Array.isArray(value) ? (value as string[]) : []))),
      ];
      return { ...latest, value };
    }
    case 'latest':
      return latest;
  }
}
