/**
 * Writes what a release stores in its embedded database as SQL, for test/store/upgrade.test.ts. To be run when a release
 * is made, over a data folder that this release's `darkroom serve` has used:
 * `node scripts/make-upgrade-fixture.ts DATA test/store/fixtures/VERSION.sql`
 */
import { writeFileSync } from 'node:fs';
import { tablesOf } from '../src/store/backup/backup.ts';
import { openEmbedded } from '../src/store/embedded.ts';
import { STEPS, versionOf } from '../src/store/migrate.ts';

const [folder, file] = process.argv.slice(2);
if (folder === undefined || file === undefined)
  throw new Error('Name the data folder and the file to write.');
const database = await openEmbedded(folder);
const version = await versionOf(database);
if (version !== STEPS.length)
  throw new Error(`The folder has schema version ${version}, not ${STEPS.length}.`);
const quote = (text: string) => `'${text.replaceAll("'", "''")}'`;
const lines = [
  'create schema darkroom;',
  'create table darkroom.schema_version (number int primary key, at timestamptz not null default now());',
  ...STEPS,
  ...STEPS.map((_, i) => `insert into darkroom.schema_version (number) values (${i + 1});`),
];
for (const table of await tablesOf(database)) {
  const rows = await database.query<{ row: string }>(
    `select to_jsonb(t)::text as row from darkroom.${table} t`,
  );
  lines.push(`truncate darkroom.${table} cascade;`);
  for (const { row } of rows) {
    lines.push(
      `insert into darkroom.${table} overriding system value select * from jsonb_populate_record(null::darkroom.${table}, ${quote(row)});`,
    );
  }
}
// Rows that come later are numbered after these.
const identities = await database.query<{ table: string; column: string }>(
  `select table_name as table, column_name as column from information_schema.columns
   where table_schema = 'darkroom' and is_identity = 'YES' order by 1`,
);
for (const { table, column } of identities) {
  lines.push(
    `select setval(pg_get_serial_sequence('darkroom.${table}', '${column}'), (select coalesce(max(${column}), 0) + 1 from darkroom.${table}), false);`,
  );
}
await database.close();
writeFileSync(file, `${lines.join('\n')}\n`);
console.log(`${lines.length} lines`);
