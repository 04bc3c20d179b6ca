/** Whether one more job of a user is accepted: caps on what waits and on what a day may use. */
import { DarkroomError } from '../errors.ts';
import type { Share } from '../job.ts';
import { type Sentence, sentence } from '../sentences.ts';
import type { Sql } from '../store/sql.ts';

/** Jobs that one user may have waiting, where no admin has said otherwise. */
export const WAITING_PER_USER = 20;

export interface Applicant {
  /** The id of the user, or of the group that is charged as one user. */
  readonly user: string;
  /** As in darkroom.flow. */
  readonly tenant: string;
  readonly share?: Share | undefined;
  /** GPU-seconds that the job is expected to take. */
  readonly cost: number;
  /** How many pictures it makes. */
  readonly pictures: number;
}

/** A cap is reached. The sentence is made outside the transaction, where the forecast may be asked. */
export class CapReached extends Error {
  readonly cap: 'waiting' | 'waiting pictures' | 'day' | 'tenant day';
  readonly limit: number;
  /** Jobs, pictures, or GPU-seconds. */
  readonly used: number;
  /** GPU-seconds of the job that was refused; its pictures, where those are counted. */
  readonly cost: number;
  /** Seconds until there is room; undefined where that depends on the queue, or where there will never be room. */
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
 * Called under the queue's lock, so that two submissions cannot both take the last one under a cap.
 *
 * A day is the last 24 hours: all of it may be used in one burst, and each job's part comes back 24 hours after it
 * ended. What waits or runs counts with its estimate, so that a burst cannot outrun what it uses.
 * @throws CapReached
 */
export async function admit(tx: Sql, applicant: Applicant, waitingPerUser: number): Promise<void> {
  const { user, tenant, share, cost } = applicant;
  const limit = share?.waiting ?? waitingPerUser;
  const [row] = await tx.query<{ waiting: number; pictures: number }>(
    // The pictures of a sweep are one job among others.
    `select count(distinct coalesce(frame->'cell'->>'sweep', id))::int as waiting, coalesce(sum(coalesce((request->>'numImages')::int, 1)), 0)::int as pictures
     from darkroom.job
     where user_id = $1 and state = 'queued' and ($2::text is null or tenant = $2)`,
    // An admin's cap holds for that tenant; Darkroom's own for all of them together.
    [user, share?.waiting === undefined ? null : tenant],
  );
  const { waiting, pictures } = row!;
  // An admin's cap counts pictures, as the setting says; Darkroom's own counts jobs.
  if (share?.waiting !== undefined && pictures + applicant.pictures > limit) {
    throw new CapReached('waiting pictures', { limit, used: pictures, cost: applicant.pictures });
  }
  if (share?.waiting === undefined && waiting >= limit) {
    throw new CapReached('waiting', { limit, used: waiting, cost });
  }
  if (share?.gpuSecondsPerDay !== undefined) {
    await requireDay(tx, 'day', share.gpuSecondsPerDay, cost, tenant, user);
  }
  if (share?.tenantGpuSecondsPerDay !== undefined) {
    await requireDay(tx, 'tenant day', share.tenantGpuSecondsPerDay, cost, tenant, null);
  }
}

async function requireDay(
  tx: Sql,
  cap: 'day' | 'tenant day',
  limit: number,
  cost: number,
  tenant: string,
  user: string | null,
): Promise<void> {
  const [day] = await tx.query<{ used: number; frees_in: number | null }>(
    `with spent as (
       select case when actual is null then greatest(cost, used) else actual end as seconds,
         case when actual is null then null else ended_at + interval '24 hours' end as frees
       from darkroom.job
       where tenant = $1 and ($2::text is null or user_id = $2)
         and coalesce(ended_at, 'infinity') > clock_timestamp() - interval '24 hours'
         and (charged is not null or state = 'queued')
     ), total as (select coalesce(sum(seconds), 0) as used from spent),
     freed as (select frees, sum(seconds) over (order by frees nulls last rows unbounded preceding) as back from spent)
     select (select used from total)::float8 as used,
       (select extract(epoch from min(frees) - clock_timestamp()) from freed, total
        where frees is not null and used - back + $3::float8 <= $4::float8)::float8 as frees_in`,
    [tenant, user, cost, limit],
  );
  const { used, frees_in } = day!;
  if (used + cost <= limit) return;
  throw new CapReached(cap, { limit, used, cost, freesIn: frees_in ?? undefined });
}

/**
 * @param waitSeconds until the first of the user's waiting jobs starts, by the forecast
 * @returns one sentence that names the cap, what is used, and when it frees
 */
export function describeCap(
  { cap, limit, used, cost, freesIn }: CapReached,
  waitSeconds: number | undefined,
  { isGroup = false, isSweep = false }: { readonly isGroup?: boolean; readonly isSweep?: boolean } = {},
): DarkroomError {
  const refuse = (words: Sentence) => new DarkroomError('too_many', words);
  if (cap === 'waiting' || cap === 'waiting pictures') {
    const isJobs = cap === 'waiting';
    if (limit === 0) return refuse(sentence(isJobs ? 'quota.none_jobs' : 'quota.none_pictures'));
    if (!isJobs && cost > limit) {
      const key = isSweep ? 'quota.sweep_at_once' : 'quota.pictures_at_once';
      return refuse(sentence(key, { count: cost, limit }));
    }
    const starts =
      waitSeconds === undefined
        ? sentence('quota.wait')
        : sentence('quota.next_starts', { time: about(waitSeconds) });
    const own = isJobs ? 'quota.jobs' : 'quota.pictures';
    const ofGroup = isJobs ? 'quota.group_jobs' : 'quota.group_pictures';
    return refuse(sentence(isGroup ? ofGroup : own, { used, limit, starts }));
  }
  const isOwn = cap === 'day';
  const numbers = { cost: round(cost), limit: round(limit) };
  if (cost > limit) {
    if (isSweep) {
      return refuse(sentence(isOwn ? 'quota.sweep_beyond_own' : 'quota.sweep_beyond_server', numbers));
    }
    return refuse(sentence(isOwn ? 'quota.request_beyond_own' : 'quota.request_beyond_server', numbers));
  }
  const frees =
    freesIn === undefined
      ? sentence('quota.frees_later')
      : sentence('quota.frees_in', { time: about(freesIn) });
  const key = isOwn ? (isGroup ? 'quota.group_day' : 'quota.day') : 'quota.server_day';
  return refuse(sentence(key, { ...numbers, used: round(used), frees }));
}

const round = (seconds: number) => (seconds < 10 ? Math.round(seconds * 10) / 10 : Math.round(seconds));

function about(seconds: number): Sentence {
  if (seconds < 90) return sentence('quota.about_seconds', { seconds: Math.max(1, Math.round(seconds)) });
  if (seconds < 5400) return sentence('quota.about_minutes', { minutes: Math.round(seconds / 60) });
  return sentence('quota.about_hours', { hours: Math.round(seconds / 3600) });
}
