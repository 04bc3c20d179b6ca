/** Settings as the sum of their changes: the rules of a server are what its changes have left. */
import type { Rule } from '../settings/resolve.ts';
import type { SettingKey } from '../settings/schema.ts';
import type { Change, SettingsStore } from '../settings/store.ts';
import type { Journal } from './journal.ts';

export function createSettings(changes: Journal<Change>): SettingsStore {
  /** The last change of each key, scope and target of a server that left a value. */
  const standing = (server: string): Change[] => {
    const last = new Map<string, Change>();
    for (const change of changes.all()) {
      if (change.server === server) last.set(`${change.key} ${change.scope} ${change.target}`, change);
    }
    return [...last.values()].filter(({ after }) => after !== undefined);
  };
  return {
    async rules(server) {
      return standing(server).flatMap(({ key, scope, target, after, at, author }): Rule[] =>
        key.startsWith('style.')
          ? []
          : [{ key: key as SettingKey, scope, target, value: after!, at, by: author.name }],
      );
    },
    async styles(server) {
      const found = standing(server).filter(({ key }) => key.startsWith('style.'));
      return new Map(found.map(({ key, after }) => [key.slice('style.'.length), String(after)]));
    },
    async apply(change) {
      await changes.put(change, { durable: true });
    },
    async history(server, most) {
      return changes
        .all()
        .filter((change) => change.server === server)
        .reverse()
        .slice(0, most);
    },
  };
}
