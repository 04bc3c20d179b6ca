/** Numbered migrations, each applied once, in order, in one transaction with its number. */
import { DarkroomError } from '../errors.ts';
import { tables } from './migrations/001-tables.ts';
import { fairShare } from './migrations/002-fair-share.ts';
import { operators } from './migrations/003-operators.ts';
import { oneStep } from './migrations/004-one-step.ts';
import { jobFrame } from './migrations/005-job-frame.ts';
import type { Database, Sql } from './sql.ts';

/** Migration n is the n-th; never changed once released. */
const MIGRATIONS: readonly string[] = [tables, fairShare, operators, oneStep, jobFrame];

/** Held while migrating, so that programs that start together take turns. */
const LOCK = 7340;

/**
 * Brings the schema `darkroom` up to this program's version.
 * @throws DarkroomError('misconfigured') where the database is newer than the program: nothing is migrated down
 */
export async function migrate(database: Database): Promise<void> {
  const version = await database.transaction(async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(${LOCK})`);
    await tx.query('create schema if not exists darkroom');
    await tx.query(
      `create table if not exists darkroom.migration
         (number int primary key, at timestamptz not null default now())`,
    );
    return versionOf(tx);
  });
  if (version > MIGRATIONS.length) {
    throw new DarkroomError(
      'misconfigured',
      `The database has schema ${version}, and this program knows up to ${MIGRATIONS.length}. Use the newer Darkroom that made it, or restore a backup.`,
    );
  }
  for (let number = version + 1; number <= MIGRATIONS.length; number++) {
    await database.script(statementOf(number, MIGRATIONS[number - 1]!));
  }
}

/** One script, so that a migration is there as a whole or not at all, also where another program was first. */
const statementOf = (number: number, text: string) => `
begin;
select pg_advisory_xact_lock(${LOCK});
do $migration$ begin
  if exists (select from darkroom.migration where number = ${number}) then return; end if;
  execute $text$ ${text} $text$;
  insert into darkroom.migration(number) values (${number});
end $migration$;
commit;`;

async function versionOf(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ version: number }>(
    'select coalesce(max(number), 0)::int as version from darkroom.migration',
  );
  return row?.version ?? 0;
}
