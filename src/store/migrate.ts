/** The schema `darkroom`: made where it is missing, and migrated by numbered steps from one release to the next. */
import { DarkroomError } from '../errors.ts';
import { fairShare } from './schema/fair-share.ts';
import { gallery } from './schema/gallery.ts';
import { people } from './schema/people.ts';
import { review } from './schema/review.ts';
import { reviewMessage } from './schema/review-message.ts';
import { reviewRecord } from './schema/review-record.ts';
import { sweepUsage } from './schema/sweep-usage.ts';
import { tables } from './schema/tables.ts';
import { unfinished } from './schema/unfinished.ts';
import { usage } from './schema/usage.ts';
import type { Database, Sql } from './sql.ts';

/**
 * Step n is the n-th, applied once. A step that a release has is never changed (test/store/upgrade.test.ts holds their
 * hashes); what changes the schema is a new step at the end.
 */
export const STEPS: readonly string[] = [
  tables + fairShare,
  people,
  review,
  usage,
  gallery,
  sweepUsage,
  unfinished,
  reviewMessage,
  reviewRecord,
];

/** Held while migrating, so that programs that start together take turns. */
const LOCK = 7340;

/**
 * Brings the schema up to this program's version, in one transaction.
 * @returns how many steps were applied
 * @throws DarkroomError('misconfigured') where the database is of a newer release, since nothing is migrated down, or
 *   of a build before the first release
 */
export async function migrate(database: Database): Promise<number> {
  return database.transaction(async (tx) => {
    await tx.query(`select pg_advisory_xact_lock(${LOCK})`);
    await refuseUnreleased(tx);
    await tx.query('create schema if not exists darkroom');
    await tx.query(
      `create table if not exists darkroom.schema_version
         (number int primary key, at timestamptz not null default now())`,
    );
    const version = await versionOf(tx);
    requireKnownVersion('The database', version);
    return applySteps(tx, version, STEPS.length);
  });
}

/** @throws DarkroomError('misconfigured') for a schema of a newer release */
export function requireKnownVersion(what: string, version: number): void {
  if (version <= STEPS.length) return;
  throw new DarkroomError(
    'misconfigured',
    `${what} has schema version ${version}; this release knows versions up to ${STEPS.length}. Use the newer release of Darkroom that made it, or restore a backup.`,
  );
}

/**
 * Steps `from` + 1 to `to`.
 * @param from the schema's version, 0 for an empty schema
 * @returns how many
 */
export async function applySteps(tx: Sql, from: number, to: number): Promise<number> {
  for (let number = from + 1; number <= to; number++) {
    // `do` makes one statement of many.
    await tx.query(`do $step$ begin execute $text$ ${STEPS[number - 1]!} $text$; end $step$`);
    await tx.query('insert into darkroom.schema_version (number) values ($1)', [number]);
  }
  return to - from;
}

/** Builds before the first release counted their schema in another table. */
export async function refuseUnreleased(sql: Sql): Promise<void> {
  const [row] = await sql.query<{ is_there: boolean }>(
    "select to_regclass('darkroom.migration') is not null as is_there",
  );
  if (row?.is_there !== true) return;
  throw new DarkroomError(
    'misconfigured',
    'The database was made by a development build of Darkroom from before 0.1.0, and cannot be upgraded. Set DARKROOM_DATA to a new folder, or DATABASE_URL to an empty database.',
  );
}

/** 0 for an empty schema. */
export async function versionOf(sql: Sql): Promise<number> {
  const [row] = await sql.query<{ version: number }>(
    'select coalesce(max(number), 0)::int as version from darkroom.schema_version',
  );
  return row?.version ?? 0;
}
