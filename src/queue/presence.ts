/** Workers that are there: each says so now and then, and one that was not heard of for a while counts no more. */
import type { Sql } from '../store/sql.ts';

export interface Presence {
  readonly id: string;
  /** Names of the models that it runs. */
  readonly models: readonly string[];
  readonly seats: number;
}

/** Seconds after which a worker that was not seen counts no more. */
export const ABSENT = 30;

/** @param worker.memory bytes of its device @param worker.warm models that are open there */
export async function announce(
  sql: Sql,
  worker: Presence & {
    readonly memory: number;
    readonly warm: readonly string[];
    readonly isDraining: boolean;
  },
): Promise<void> {
  const { id, models, memory, seats, warm, isDraining } = worker;
  await sql.query(
    `insert into darkroom.worker (id, models, memory, seats, warm, is_draining) values ($1, $2, $3, $4, $5, $6)
     on conflict (id) do update set warm = excluded.warm, is_draining = excluded.is_draining,
       seen = clock_timestamp()`,
    [id, [...models], memory, seats, [...warm], isDraining],
  );
}

export async function leave(sql: Sql, id: string): Promise<void> {
  await sql.query('delete from darkroom.worker where id = $1', [id]);
}

/** Those that take jobs, in the order of their ids. */
export function readWorkers(sql: Sql): Promise<Presence[]> {
  return sql.query<Presence & Record<string, unknown>>(
    `select id, models, seats from darkroom.worker
     where not is_draining and seen > clock_timestamp() - interval '${ABSENT} s' order by id`,
  );
}
