/** Where settings are kept, with who changed what. The durable store implements it. */
import type { Rule } from './resolve.ts';
import type { Scope, SettingKey, SettingValue } from './schema.ts';

/** A change of one setting, as the audit log keeps it. Styles are changed the same way, by their own key. */
export interface Change {
  readonly id: string;
  readonly server: string;
  readonly at: number;
  /** Id and name of who changed it. */
  readonly author: { readonly id: string; readonly name: string };
  readonly key: SettingKey | `style.${string}`;
  readonly scope: Scope;
  readonly target: string;
  /** Undefined where it was, or now is, not set. */
  readonly before?: SettingValue;
  readonly after?: SettingValue;
  /** The change that this one takes back. */
  readonly undoes?: string;
}

export interface SettingsStore {
  /** The rules of a server, styles left out. */
  rules(server: string): Promise<readonly Rule[]>;
  /** Servers that have changed a setting at some time. */
  serversWith(key: SettingKey): Promise<readonly string[]>;
  /** Styles of a server by name: each the JSON text of its preset. */
  styles(server: string): Promise<ReadonlyMap<string, string>>;
  /** Stores the change and what it changes, both or neither. */
  apply(change: Change): Promise<void>;
  /** The latest first. */
  history(server: string, most: number): Promise<readonly Change[]>;
}
