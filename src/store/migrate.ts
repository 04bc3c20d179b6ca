/** The schema `darkroom`: made where it is missing, and migrated by numbered steps from one release to the next. */
import { DarkroomError } from '../errors.ts';
import { fairShare } from './schema/fair-share.ts';
import { people } from './schema/people.ts';
import { tables } from './schema/tables.ts';
import type { Database, Sql } from './sql.ts';

/** Step n is the n-th, applied once, in one transaction with its number; never changed once released. */
const STEPS: readonly string[] = [tables + fairShare, people];

/** Held while migrating, so that programs that start together take turns. */
const LOCK = 7340;

/**
 * Brings the schema up to this program's version.
 * @throws DarkroomError('misconfigured') where the database is of a newer release, since nothing is migrated down, or
 *   of a build before the first release
 */
export async function migrate(database: Database): Promise<void> {
  const version = await database.transaction(async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(${LOCK})`);
    await refuseUnreleased(tx);
    await tx.query('create schema if not exists darkroom');
    await tx.query(
      `create table if not exists darkroom.schema_version
         (number int primary key, at timestamptz not null default now())`,
    );
    return versionOf(tx);
  });
  if (version > STEPS.length) {
    throw new DarkroomError(
      'misconfigured',
      `The database has schema version ${version}; this release knows versions up to ${STEPS.length}. Use the newer release of Darkroom that made it, or restore a backup.`,
    );
  }
  for (let number = version + 1; number <= STEPS.length; number++) {
    await database.script(statementOf(number, STEPS[number - 1]!));
  }
}

/** Builds before the first release counted their schema in another table. */
async function refuseUnreleased(sql: Sql): Promise<void> {
  const [row] = await sql.query<{ is_there: boolean }>(
    "select to_regclass('darkroom.migration') is not null as is_there",
  );
  if (row?.is_there !== true) return;
  throw new DarkroomError(
    'misconfigured',
    'The database was made by a development build of Darkroom from before 0.1.0, and cannot be upgraded. Set DARKROOM_DATA to a new folder, or DATABASE_URL to an empty database.',
  );
}

/** One script, so that a step is applied as a whole or not at all, also where another program was first. */
const statementOf = (number: number, text: string) => `
begin;
select pg_advisory_xact_lock(${LOCK});
do $migration$ begin
  if exists (select from darkroom.schema_version where number = ${number}) then return; end if;
  execute $text$ ${text} $text$;
  insert into darkroom.schema_version (number) values (${number});
end $migration$;
commit;`;

async function versionOf(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ version: number }>(
    'select coalesce(max(number), 0)::int as version from darkroom.schema_version',
  );
  return row?.version ?? 0;
}
