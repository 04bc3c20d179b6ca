/**
 * Puts a backup in the place of what the store holds. The whole file is read and compared with its sums first; then the
 * database changes in one transaction. A backup of an older release is restored into its own schema, and upgraded as a
 * data folder of that release would be.
 */
import { z } from 'zod';
import { DarkroomError } from '../../errors.ts';
import { applySteps, refuseUnreleased, requireKnownVersion, STEPS } from '../migrate.ts';
import type { PictureBytes } from '../pictures.ts';
import type { Database, Sql } from '../sql.ts';
import { contentOf, notBackup, readArchive, sha256, verifyArchive } from './archive.ts';
import { tablesOf, UNHURRIED } from './backup.ts';

interface RestoreOptions {
  readonly database: Database;
  /** Where pictures go; within the transaction where they are rows. */
  readonly bytesIn: (tx: Sql) => Promise<PictureBytes>;
  /** Whether data that is there may be replaced. */
  readonly replace: boolean;
  /** Gives each job that waits a ticket, and takes all others back. */
  readonly issue: (tx: Sql, tickets: number) => Promise<void>;
}

interface RestoreSummary {
  readonly rows: number;
  readonly pictures: number;
  /** Jobs that are drawn at the next start. */
  readonly waiting: number;
  readonly at: string;
  readonly release: string;
}

const MANIFEST = z.object({
  format: z.literal(1),
  darkroom: z.string().max(100),
  schema: z.int().min(1),
  at: z.iso.datetime(),
  tables: z.record(z.string(), z.int().min(0)),
});

/** Tables that have rows only where somebody has used the program. */
const USED = ['job', 'message', 'person', 'change', 'picture'];

/**
 * @throws DarkroomError('bad_request') for a file that is no whole backup, ('forbidden') where there is data and it may
 *   not be replaced, ('misconfigured') for a backup of a newer release, and where other processes use the database
 */
export async function restoreBackup(file: string, options: RestoreOptions): Promise<RestoreSummary> {
  const { manifest: text, sums } = await verifyArchive(file);
  const manifest = readManifest(file, text);
  requireKnownVersion(`The backup ${file}`, manifest.schema);
  const { database, bytesIn } = options;
  const written: string[] = [];
  let before: ReadonlySet<string> = new Set();
  const undo = async () => {
    // Rows went with the transaction; files and objects did not.
    const bytes = await bytesIn(database);
    for (const id of written) if (!before.has(id)) await bytes.delete(id);
  };
  const restored = await database
    .transaction(async (tx) => {
      await tx.query(UNHURRIED);
      await requireFree(tx, options.replace);
      before = await picturesThere(tx);
      await tx.query('drop schema if exists darkroom cascade');
      await tx.query('create schema darkroom');
      await tx.query(
        'create table darkroom.schema_version (number int primary key, at timestamptz not null default now())',
      );
      await applySteps(tx, 0, manifest.schema);
      const columns = await columnsOf(tx);
      // Rows that the schema itself brings are in the backup.
      await tx.query(`truncate ${[...columns.keys()].map((table) => `darkroom.${table}`).join(', ')}`);
      const bytes = await bytesIn(tx);
      for await (const { name, bytes: content } of readArchive(file)) {
        const { table, picture } = contentOf(name);
        if (sums.get(name) !== sha256(content) && (table ?? picture) !== undefined) {
          throw notBackup(file, `${name} changed while it was read`);
        }
        if (table !== undefined) await insertRows(tx, file, table, columns.get(table), content);
        if (picture === undefined) continue;
        await writePicture(bytes, picture, content);
        written.push(picture);
      }
      await continueNumbers(tx);
      await applySteps(tx, manifest.schema, STEPS.length);
      const waiting = await requeue(tx);
      await options.issue(tx, waiting);
      return waiting;
    })
    .catch(async (error: unknown) => {
      await undo();
      throw error;
    });
  const kept = new Set(written);
  const bytes = await bytesIn(database);
  for (const id of before) if (!kept.has(id)) await bytes.delete(id);
  const rows = Object.values(manifest.tables).reduce((sum, count) => sum + count, 0);
  return { rows, pictures: written.length, waiting: restored, at: manifest.at, release: manifest.darkroom };
}

function readManifest(file: string, text: string): z.output<typeof MANIFEST> {
  try {
    return MANIFEST.parse(JSON.parse(text));
  } catch (cause) {
    throw notBackup(file, 'its manifest is not one that this release knows', cause);
  }
}

async function requireFree(tx: Sql, replace: boolean): Promise<void> {
  const [row] = await tx.query<{ used: boolean; busy: boolean }>(
    `select to_regclass('darkroom.job') is not null as used,
       exists (select from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()
         and application_name = 'darkroom listener') as busy`,
  );
  if (row!.busy) {
    throw new DarkroomError(
      'misconfigured',
      'Darkroom runs on this database. Stop every darkroom serve and darkroom worker on it, then restore.',
    );
  }
  if (!row!.used || replace) return;
  await refuseUnreleased(tx);
  const counts: string[] = [];
  for (const table of USED) {
    const [found] = await tx.query<{ rows: number }>(`select count(*)::int as rows from darkroom.${table}`);
    if (found!.rows > 0) counts.push(`${found!.rows} in ${table}`);
  }
  if (counts.length === 0) return;
  throw new DarkroomError(
    'forbidden',
    `The database has data already (rows: ${counts.join(', ')}). Restore into an empty one, or add --replace, which deletes what is there and its pictures.`,
  );
}

async function picturesThere(tx: Sql): Promise<Set<string>> {
  const [row] = await tx.query<{ is_there: boolean }>(
    "select to_regclass('darkroom.picture') is not null as is_there",
  );
  if (!row!.is_there) return new Set();
  const rows = await tx.query<{ id: string }>('select id from darkroom.picture');
  return new Set(rows.map(({ id }) => id));
}

/** Columns that are stored, by table. */
async function columnsOf(tx: Sql): Promise<Map<string, readonly string[]>> {
  const tables = await tablesOf(tx);
  const rows = await tx.query<{ table: string; columns: string[] }>(
    `select table_name as table, array_agg(quote_ident(column_name)::text order by ordinal_position) as columns
     from information_schema.columns
     where table_schema = 'darkroom' and table_name = any($1) and is_generated = 'NEVER' group by table_name`,
    [tables],
  );
  const byName = new Map(rows.map(({ table, columns }) => [table, columns]));
  return new Map(tables.map((table) => [table, byName.get(table)!]));
}

async function insertRows(
  tx: Sql,
  file: string,
  table: string,
  columns: readonly string[] | undefined,
  content: Uint8Array,
): Promise<void> {
  if (columns === undefined) throw notBackup(file, `its schema has no table ${table}`);
  const list = columns.join(', ');
  const lines = Buffer.from(content).toString().trimEnd().split('\n');
  await tx.query(
    `insert into darkroom.${table} (${list}) overriding system value
     select ${list} from jsonb_populate_recordset(null::darkroom.${table}, $1::jsonb)`,
    [`[${lines.join(',')}]`],
  );
}

/** A picture that is there already, as a restore that was cut off leaves it, is not written again. */
async function writePicture(bytes: PictureBytes, id: string, content: Uint8Array): Promise<void> {
  const there = await bytes.read(id);
  if (there !== undefined && Buffer.compare(there, content) === 0) return;
  if (there !== undefined) await bytes.delete(id);
  await bytes.write(id, content);
}

/** Rows that come later are numbered after those of the backup. */
async function continueNumbers(tx: Sql): Promise<void> {
  const identities = await tx.query<{ table: string; column: string }>(
    `select table_name as table, column_name as column from information_schema.columns
     where table_schema = 'darkroom' and is_identity = 'YES'`,
  );
  for (const { table, column } of identities) {
    await tx.query(
      `select setval(pg_get_serial_sequence('darkroom.${table}', '${column}'),
         (select coalesce(max(${column}), 0) + 1 from darkroom.${table}), false)`,
    );
  }
}

/** No worker holds a job of the backup: what had not ended waits again, as if never dispatched. @returns how many */
async function requeue(tx: Sql): Promise<number> {
  // What was charged for a job that had not settled is given back.
  await tx.query(
    `update darkroom.flow f set tag = f.tag - j.charged / f.weight
     from (select tenant, account, sum(charged) as charged from darkroom.job,
             lateral (values (''), (user_id)) as accounts(account)
           where ticket is not null and actual is null and charged is not null group by tenant, account) j
     where f.tenant = j.tenant and f.user_id = j.account`,
  );
  // Without tries a change of its attempt does not count as a lease that lapsed.
  await tx.query(
    "update darkroom.job set tries = 0 where state in ('queued', 'running') or ticket is not null",
  );
  await tx.query(
    `update darkroom.job set state = 'queued', charged = null, used = 0, dispatched_at = null
     where state in ('queued', 'running')`,
  );
  await tx.query(
    `update darkroom.job set ticket = null, attempt = null, worker = null,
       actual = case when state = 'queued' then null else coalesce(actual, used) end
     where ticket is not null`,
  );
  await tx.query(
    `update darkroom.flow f set waiting = (select count(*) from darkroom.job j
       where j.tenant = f.tenant and f.user_id in ('', j.user_id) and j.state = 'queued') where f.tenant <> ''`,
  );
  const [row] = await tx.query<{ waiting: number }>(
    "select count(*)::int as waiting from darkroom.job where state = 'queued'",
  );
  return row!.waiting;
}
