/** Where settings are kept, with who changed what. The durable store implements it. */
import type { Rule } from './resolve.ts';
import type { Scope, SettingKey, SettingValue } from './schema.ts';

/** A change of one setting, as the audit log keeps it. Styles, wildcards and rules about prompts are changed the same way, by their own keys. */
export interface Change {
  readonly id: string;
  readonly tenant: string;
  readonly at: number;
  /** Id and name of who changed it. */
  readonly author: { readonly id: string; readonly name: string };
  readonly key: SettingKey | `style.${string}` | `wildcard.${string}` | `rule.${string}` | `model.${string}`;
  readonly scope: Scope;
  readonly target: string;
  /** Undefined where it was, or now is, not set. */
  readonly before?: SettingValue;
  readonly after?: SettingValue;
  /** The change that this one takes back. */
  readonly undoes?: string;
}

export interface SettingsStore {
  /** A tenant's rules, without its styles, wildcards and rules about prompts. */
  rules(tenant: string): Promise<readonly Rule[]>;
  /** Tenants that have ever changed this setting. */
  tenantsWith(key: SettingKey): Promise<readonly string[]>;
  /** A tenant's styles by name: each the JSON text of its preset. */
  styles(tenant: string): Promise<ReadonlyMap<string, string>>;
  /** A tenant's wildcards by name: each a choice a line. */
  wildcards(tenant: string): Promise<ReadonlyMap<string, string>>;
  /** A tenant's rules about prompts by name: each a term a line. */
  promptRules(tenant: string): Promise<ReadonlyMap<string, string>>;
  /** What admins say of a model, by its name: the JSON text of its tuning. */
  models(tenant: string): Promise<ReadonlyMap<string, string>>;
  /** Stores the change and what it changes, both or neither. */
  apply(change: Change): Promise<void>;
  /** The latest first. */
  history(tenant: string, most: number): Promise<readonly Change[]>;
}
