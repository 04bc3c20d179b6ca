/** Settings as the sum of their changes: the rules of a server are what its changes have left. */
import type { Rule } from '../settings/resolve.ts';
import type { SettingKey } from '../settings/schema.ts';
import type { Change, SettingsStore } from '../settings/store.ts';
import { json, type Sql } from './sql.ts';

export function createSettings(sql: Sql): SettingsStore {
  /** The last change of each key, scope and target of a server that left a value. */
  const standing = async (server: string): Promise<Change[]> => {
    const rows = await sql.query<{ data: Change }>(
      `select data from (
         select distinct on (data->>'key', data->>'scope', data->>'target') data, number
         from darkroom.change where server = $1
         order by data->>'key', data->>'scope', data->>'target', number desc) latest
       where data ? 'after' order by number`,
      [server],
    );
    return rows.map(({ data }) => data);
  };
  return {
    async rules(server) {
      return (await standing(server)).flatMap(({ key, scope, target, after, at, author }): Rule[] =>
        key.startsWith('style.')
          ? []
          : [{ key: key as SettingKey, scope, target, value: after!, at, by: author.name }],
      );
    },
    async tenantsWith(key) {
      const rows = await sql.query<{ server: string }>(
        "select distinct server from darkroom.change where data->>'key' = $1",
        [key],
      );
      return rows.map(({ server }) => server);
    },
    async styles(server) {
      const found = (await standing(server)).filter(({ key }) => key.startsWith('style.'));
      return new Map(found.map(({ key, after }) => [key.slice('style.'.length), String(after)]));
    },
    async apply(change) {
      await sql.query('insert into darkroom.change (id, server, data) values ($1, $2, $3)', [
        change.id,
        change.tenant,
        json(change),
      ]);
    },
    async history(server, most) {
      const rows = await sql.query<{ data: Change }>(
        'select data from darkroom.change where server = $1 order by number desc limit $2',
        [server, most],
      );
      return rows.map(({ data }) => data);
    },
  };
}
