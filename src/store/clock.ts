/**
 * A clock for retention. A clock that jumps ahead by a year must not delete a year of pictures: what is old is deleted
 * only after the database's clock has run steadily for a day. A jump is a difference to a clock that never jumps; while
 * no process ran, a gap that is longer than an ordinary pause.
 */
import type { Database } from './sql.ts';

export interface RetentionClock {
  /** @returns milliseconds since 1970; undefined while the clock is not trusted: delete nothing then */
  now(): Promise<number | undefined>;
}

/** Seconds. */
const DAY = 86_400;
/** Seconds by which the two clocks may differ from one look to the next. */
const TOLERANCE = 600;
/** Seconds between two looks of different processes that are an ordinary pause. */
const PAUSE = 2 * DAY;

/** @param monotonic milliseconds of a clock that never jumps */
export function createRetentionClock(
  database: Database,
  monotonic: () => number = () => performance.now(),
): RetentionClock {
  let last: { readonly now: number; readonly monotonic: number } | undefined;
  return {
    now: () =>
      database.transaction(async (tx) => {
        const [row] = await tx.query<{ now: number; seen: number | null; steady: number | null }>(
          `select extract(epoch from clock_timestamp())::float8 as now, extract(epoch from seen)::float8 as seen,
             steady_seconds as steady
           from (select 1) one left join (select * from darkroom.clock for update) clock on true`,
        );
        const { now, seen, steady } = row!;
        const ticked = monotonic() / 1000;
        const passed = seen === null ? 0 : now - seen;
        const isSteady =
          last === undefined
            ? passed > -TOLERANCE && passed < PAUSE
            : Math.abs(now - last.now - (ticked - last.monotonic)) < TOLERANCE;
        last = { now, monotonic: ticked };
        // Before the first look there is nothing old.
        const total = steady === null ? DAY : isSteady ? steady + Math.max(0, passed) : 0;
        await tx.query(
          `insert into darkroom.clock (seen, steady_seconds) values (to_timestamp($1), $2)
           on conflict (is_on) do update set seen = excluded.seen, steady_seconds = excluded.steady_seconds`,
          [now, total],
        );
        return total >= DAY ? now * 1000 : undefined;
      }),
  };
}
