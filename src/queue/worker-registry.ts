/** Running workers: each registers itself now and then, and one that was not seen for a while no longer counts. */
import type { Sql } from '../store/sql.ts';

interface RegisteredWorker {
  readonly id: string;
  /** Names of the models that it runs. */
  readonly models: readonly string[];
  readonly slots: number;
}

/** Seconds after which a worker that was not seen no longer counts. */
export const ABSENT = 30;
/** Of darkroom.worker: it takes jobs. */
export const IS_PRESENT = `not is_draining and seen > clock_timestamp() - interval '${ABSENT} s'`;

export async function registerWorker(
  sql: Sql,
  worker: RegisteredWorker & { readonly isDraining: boolean },
): Promise<void> {
  const { id, models, slots, isDraining } = worker;
  await sql.query(
    `insert into darkroom.worker (id, models, slots, is_draining) values ($1, $2, $3, $4)
     on conflict (id) do update set models = excluded.models, is_draining = excluded.is_draining,
       seen = clock_timestamp()`,
    [id, [...models], slots, isDraining],
  );
}

export async function unregisterWorker(sql: Sql, id: string): Promise<void> {
  await sql.query('delete from darkroom.worker where id = $1', [id]);
}

/** Those that take jobs, in the order of their ids. */
export function readWorkers(sql: Sql): Promise<RegisteredWorker[]> {
  return sql.query<RegisteredWorker & Record<string, unknown>>(
    `select id, models, slots from darkroom.worker
     where ${IS_PRESENT} order by id`,
  );
}
