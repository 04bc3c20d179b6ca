/** Settings as the sum of their changes: a tenant's rules are what its changes have left. */
import type { Rule } from '../settings/resolve.ts';
import type { SettingKey } from '../settings/schema.ts';
import type { Change, SettingsStore } from '../settings/store.ts';
import { json, type Sql } from './sql.ts';

/** What is kept by names of its own, beside the rules. */
const NAMED = /^(style|wildcard|rule|model)\./;

export function createSettings(sql: Sql): SettingsStore {
  /** A tenant's latest change of each key, scope and target, where it left a value. */
  const standing = async (tenant: string): Promise<Change[]> => {
    const rows = await sql.query<{ data: Change }>(
      `select data from (
         select distinct on (data->>'key', data->>'scope', data->>'target') data, number
         from darkroom.change where tenant = $1
         order by data->>'key', data->>'scope', data->>'target', number desc) latest
       where data ? 'after' order by number`,
      [tenant],
    );
    return rows.map(({ data }) => data);
  };
  const named = async (tenant: string, prefix: string) => {
    const found = (await standing(tenant)).filter(({ key }) => key.startsWith(prefix));
    return new Map(found.map(({ key, after }) => [key.slice(prefix.length), String(after)]));
  };
  return {
    async rules(tenant) {
      return (await standing(tenant)).flatMap(({ key, scope, target, after, at, author }): Rule[] =>
        NAMED.test(key)
          ? []
          : [{ key: key as SettingKey, scope, target, value: after!, at, by: author.name }],
      );
    },
    async tenantsWith(key) {
      const rows = await sql.query<{ tenant: string }>(
        "select distinct tenant from darkroom.change where data->>'key' = $1",
        [key],
      );
      return rows.map(({ tenant }) => tenant);
    },
    styles: (tenant) => named(tenant, 'style.'),
    wildcards: (tenant) => named(tenant, 'wildcard.'),
    promptRules: (tenant) => named(tenant, 'rule.'),
    models: (tenant) => named(tenant, 'model.'),
    async apply(change) {
      await sql.query('insert into darkroom.change (id, tenant, data) values ($1, $2, $3)', [
        change.id,
        change.tenant,
        json(change),
      ]);
    },
    async history(tenant, most) {
      const rows = await sql.query<{ data: Change }>(
        'select data from darkroom.change where tenant = $1 order by number desc limit $2',
        [tenant, most],
      );
      return rows.map(({ data }) => data);
    },
  };
}
