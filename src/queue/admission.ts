/** Whether one more job of a user is let into the line: caps on what waits and on what a day may use. */
import { DarkroomError } from '../errors.ts';
import type { Share } from '../job.ts';
import type { Sql } from '../store/sql.ts';

/** Jobs that one user may have waiting, where no admin has said otherwise. */
export const WAITING_PER_USER = 20;

export interface Applicant {
  readonly member: string;
  /** As the line has it. */
  readonly server: string;
  readonly share?: Share | undefined;
  /** GPU-seconds that the job is expected to take. */
  readonly cost: number;
}

/** A cap is reached. The sentence is made outside the transaction, where the line may be asked for its forecast. */
export class CapReached extends Error {
  readonly cap: 'waiting' | 'day' | 'server day';
  readonly limit: number;
  /** Jobs, or GPU-seconds. */
  readonly used: number;
  /** GPU-seconds of the job that was refused. */
  readonly cost: number;
  /** Seconds until there is room; undefined where that hangs on the line, or where there will never be. */
  readonly freesIn: number | undefined;

  constructor(
    cap: CapReached['cap'],
    numbers: {
      readonly limit: number;
      readonly used: number;
      readonly cost: number;
      readonly freesIn?: number | undefined;
    },
  ) {
    super(`cap of ${cap} reached`);
    this.name = 'CapReached';
    this.cap = cap;
    this.limit = numbers.limit;
    this.used = numbers.used;
    this.cost = numbers.cost;
    this.freesIn = numbers.freesIn;
  }
}

/**
 * Called behind the line's lock, so that two submissions cannot both take the last place under a cap.
 *
 * A day is the last 24 hours: all of it may be used in one burst, and each job's part comes back 24 hours after it
 * ended. What waits or runs counts with its estimate, so that a burst cannot outrun the bill.
 * @throws CapReached
 */
export async function admit(tx: Sql, applicant: Applicant, waitingPerUser: number): Promise<void> {
  const { member, server, share, cost } = applicant;
  const limit = share?.waiting ?? waitingPerUser;
  const [row] = await tx.query<{ waiting: number }>(
    `select count(*)::int as waiting from darkroom.job
     where member = $1 and state = 'queued' and ($2::text is null or server = $2)`,
    // An admin's cap is one of that server; Darkroom's own holds over all of them.
    [member, share?.waiting === undefined ? null : server],
  );
  const { waiting } = row!;
  if (waiting >= limit) throw new CapReached('waiting', { limit, used: waiting, cost });
  if (share?.gpuSecondsPerDay !== undefined) {
    await demandDay(tx, 'day', share.gpuSecondsPerDay, cost, server, member);
  }
  if (share?.tenantGpuSecondsPerDay !== undefined) {
    await demandDay(tx, 'server day', share.tenantGpuSecondsPerDay, cost, server, null);
  }
}

async function demandDay(
  tx: Sql,
  cap: 'day' | 'server day',
  limit: number,
  cost: number,
  server: string,
  member: string | null,
): Promise<void> {
  const [day] = await tx.query<{ used: number; frees_in: number | null }>(
    `with spent as (
       select case when actual is null then greatest(cost, used) else actual end as seconds,
         case when actual is null then null else ended_at + interval '24 hours' end as frees
       from darkroom.job
       where server = $1 and ($2::text is null or member = $2)
         and coalesce(ended_at, 'infinity') > clock_timestamp() - interval '24 hours'
         and (charged is not null or state = 'queued')
     ), total as (select coalesce(sum(seconds), 0) as used from spent),
     freed as (select frees, sum(seconds) over (order by frees nulls last rows unbounded preceding) as back from spent)
     select (select used from total)::float8 as used,
       (select extract(epoch from min(frees) - clock_timestamp()) from freed, total
        where frees is not null and used - back + $3::float8 <= $4::float8)::float8 as frees_in`,
    [server, member, cost, limit],
  );
  const { used, frees_in } = day!;
  if (used + cost <= limit) return;
  throw new CapReached(cap, { limit, used, cost, freesIn: frees_in ?? undefined });
}

/**
 * @param waitSeconds until the first of the user's waiting jobs begins to be drawn, by the line's forecast
 * @returns one sentence that names the cap, what is used, and when it frees
 */
export function describeCap(
  { cap, limit, used, cost, freesIn }: CapReached,
  waitSeconds: number | undefined,
): DarkroomError {
  if (cap === 'waiting') {
    if (limit === 0) {
      return new DarkroomError('too_many', 'You may have 0 pictures waiting here. Ask an admin for more.');
    }
    const frees = waitSeconds === undefined ? '' : ` in ${words(waitSeconds)}`;
    return new DarkroomError(
      'too_many',
      `You have ${used} pictures waiting; the limit is ${limit}. The next place frees${frees}; wait for it, or cancel one in /queue.`,
    );
  }
  const whose = cap === 'day' ? 'You have' : 'This server has';
  const own = cap === 'day' ? 'your limit' : "the server's limit";
  if (cost > limit) {
    return new DarkroomError(
      'too_many',
      `This picture takes about ${round(cost)} GPU-seconds; ${own} is ${round(limit)} in 24 hours. Ask for a smaller size, fewer steps or fewer pictures.`,
    );
  }
  const frees = freesIn === undefined ? 'when what waits has ended' : `in ${words(freesIn)}`;
  return new DarkroomError(
    'too_many',
    `${whose} used or ordered ${round(used)} GPU-seconds of the last 24 hours and this picture takes about ${round(cost)}; ${own} is ${round(limit)}. There is room again ${frees}.`,
  );
}

const round = (seconds: number) => (seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds));

function words(seconds: number): string {
  if (seconds < 90) return `about ${Math.max(1, Math.round(seconds))} s`;
  if (seconds < 5400) return `about ${Math.round(seconds / 60)} minutes`;
  return `about ${Math.round(seconds / 3600)} hours`;
}
