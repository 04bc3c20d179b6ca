/**
 * Writes all that the store holds into one file: the rows of the database as they are at one moment, and the pictures
 * that they name. It may be written while Darkroom runs. Rows are JSON, so a backup of the embedded database can be
 * restored into PostgreSQL, and the other way round. Models are not part of it, nor is what only the running program needs.
 */
import { versionOf } from '../migrate.ts';
import type { PictureStore } from '../pictures.ts';
import type { Database, Sql } from '../sql.ts';
import { type AddEntry, MANIFEST, writeArchive } from './archive.ts';

/** Files, and a bucket far away, may take longer between two statements than a transaction has otherwise. */
export const UNHURRIED = 'set local idle_in_transaction_session_timeout = 0';

interface Manifest {
  /** Of the file's own layout. */
  readonly format: 1;
  /** Release that wrote it. */
  readonly darkroom: string;
  /** The schema's version. */
  readonly schema: number;
  /** ISO 8601. */
  readonly at: string;
  readonly database: Database['kind'];
  /** Rows of each table. */
  readonly tables: Readonly<Record<string, number>>;
}

interface BackupOptions {
  readonly database: Database;
  readonly pictures: Pick<PictureStore, 'get'>;
  /** Version of this release. */
  readonly release: string;
  /** Ends it, and removes what was written. */
  readonly signal?: AbortSignal;
}

interface BackupSummary {
  readonly bytes: number;
  readonly rows: number;
  readonly pictures: number;
  /** Pictures that were deleted while the backup was written. */
  readonly missing: number;
}

/** What runs now, or is written in another form: pictures are entries of their own. */
const LEFT_OUT = ['schema_version', 'job_event', 'worker', 'picture_bytes'];
/** Rows that are fetched at a time. */
const ROWS = 500;
/** Characters after which a part of a table is written. */
const PART = 2 ** 20;
/** Pictures that are read at a time. */
const READ_AHEAD = 8;

/** Tables that a backup has, as they were made: what refers to another table comes after it. */
export async function tablesOf(sql: Sql): Promise<string[]> {
  const rows = await sql.query<{ name: string }>(
    `select relname as name from pg_class where relnamespace = 'darkroom'::regnamespace and relkind = 'r'
       and relname <> all($1) order by oid`,
    [LEFT_OUT],
  );
  return rows.map(({ name }) => name);
}

/**
 * @param file must not exist
 * @throws DarkroomError('forbidden') where it cannot be written; nothing is left of it then
 */
export async function writeBackup(file: string, options: BackupOptions): Promise<BackupSummary> {
  const { database, pictures, signal } = options;
  let rows = 0;
  let missing = 0;
  let ids: string[] = [];
  const bytes = await writeArchive(file, async (add) => {
    await database.transaction(async (tx) => {
      await tx.query('set transaction isolation level repeatable read, read only');
      await tx.query(UNHURRIED);
      const tables = await countRows(tx, await tablesOf(tx));
      await add(MANIFEST, `${JSON.stringify(await describe(tx, tables, options), null, 2)}\n`);
      for (const [table, count] of Object.entries(tables)) {
        if (count > 0) await addTable(tx, table, add, signal);
        rows += count;
      }
      const known = await tx.query<{ id: string }>('select id from darkroom.picture where not is_condemned');
      ids = known.map(({ id }) => id);
    });
    for (let i = 0; i < ids.length; i += READ_AHEAD) {
      signal?.throwIfAborted();
      const batch = ids.slice(i, i + READ_AHEAD);
      const found = await Promise.all(batch.map((id) => pictures.get(id)));
      for (const [k, picture] of found.entries()) {
        if (picture === undefined) missing++;
        else await add(`pictures/${batch[k]}.png`, picture);
      }
    }
  });
  return { bytes, rows, pictures: ids.length - missing, missing };
}

async function countRows(tx: Sql, tables: readonly string[]): Promise<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const table of tables) {
    const [row] = await tx.query<{ rows: number }>(`select count(*)::int as rows from darkroom.${table}`);
    counts[table] = row!.rows;
  }
  return counts;
}

async function describe(
  tx: Sql,
  tables: Manifest['tables'],
  { database, release }: BackupOptions,
): Promise<Manifest> {
  const at = new Date().toISOString();
  return { format: 1, darkroom: release, schema: await versionOf(tx), at, database: database.kind, tables };
}

/** The rows pass as text: JavaScript's numbers would round a bigint. */
async function addTable(
  tx: Sql,
  table: string,
  add: AddEntry,
  signal: AbortSignal | undefined,
): Promise<void> {
  await tx.query(
    `declare rows_of_${table} no scroll cursor for select to_jsonb(t)::text as line from darkroom.${table} t`,
  );
  let part: string[] = [];
  let length = 0;
  let number = 0;
  const flush = async () => {
    number++;
    await add(`database/${table}-${String(number).padStart(6, '0')}.ndjson`, part.join(''));
    part = [];
    length = 0;
  };
  for (;;) {
    signal?.throwIfAborted();
    const lines = await tx.query<{ line: string }>(`fetch ${ROWS} from rows_of_${table}`);
    for (const { line } of lines) {
      part.push(`${line}\n`);
      length += line.length;
      if (length >= PART) await flush();
    }
    if (lines.length < ROWS) break;
  }
  if (part.length > 0) await flush();
  await tx.query(`close rows_of_${table}`);
}
