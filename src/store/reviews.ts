/** Pictures that wait for a reviewer, and what reviewers decided. */
import type { JobRecord } from './jobs.ts';
import type { PictureStore } from './pictures.ts';
import { type Database, json, type Sql } from './sql.ts';

export type Verdict = 'approved' | 'rejected' | 'banned';

/** A job whose pictures wait, or waited. */
export interface Review {
  readonly job: string;
  /** As in JobRecord.share. */
  readonly tenant: string;
  /** Milliseconds since 1970 when it was held. */
  readonly at: number;
  /** `banned`: rejected, and whoever asked for it was banned. */
  readonly state: 'held' | Verdict;
  /** Empty once it is decided. */
  readonly pictures: JobRecord['pictures'];
  /** Who decided it, and when. */
  readonly decided?: { readonly by: string; readonly at: number };
}

/** A message in which reviewers see pictures that wait. */
interface ReviewMessage {
  readonly job: string;
  readonly platform: string;
  readonly channel: string;
  /** Empty where the message cannot be changed, and only its files can be deleted. */
  readonly message: string;
  /** Ids of files that the platform keeps beside the message. */
  readonly files?: readonly string[];
}

/** A message of a review channel that is being posted, or was when the program ended. */
interface PendingMessage {
  readonly number: string;
  readonly tenant: string;
  /** As the setting names it. */
  readonly channel: string;
  /** Milliseconds since 1970: it was posted after that. */
  readonly since: number;
}

/** A message that no longer should show its pictures. */
type SettledMessage = ReviewMessage & {
  readonly number: string;
  /** Where it is not known whether and where it was posted. */
  readonly pending?: PendingMessage;
};

export interface ReviewStore {
  get(job: string): Promise<Review | undefined>;
  /** Those of a tenant that wait, the oldest first. @param most how many at most */
  held(tenant: string, most: number): Promise<Review[]>;
  /** Pictures of a tenant that wait. */
  countHeld(tenant: string): Promise<number>;
  /** What was decided in a tenant, the latest first. */
  decided(tenant: string, most: number): Promise<Review[]>;
  /**
   * Decides it, once: the pictures become their job's, or they are deleted and the job ends as failed. Either end is
   * shown in the job's message again.
   * @param error of a job whose pictures are rejected
   * @returns whether it was still waiting
   */
  decide(
    job: string,
    verdict: Verdict,
    by: { readonly id: string; readonly name: string },
    error: NonNullable<JobRecord['error']>,
  ): Promise<boolean>;
  /** Whether a picture waits for a reviewer, so that nobody else may see it. */
  isHeld(picture: string): Promise<boolean>;
  /**
   * Notes that a job's message is going to be posted to a review channel.
   * @returns undefined where it was posted already; `isAgain` where it may have been
   */
  beginMessage(
    message: Pick<ReviewMessage, 'job' | 'platform' | 'channel'> & { readonly tenant: string },
  ): Promise<{ readonly pending: PendingMessage; readonly isAgain: boolean } | undefined>;
  /** @param pending what beginMessage() noted */
  noteMessage(message: ReviewMessage, pending?: string): Promise<void>;
  /**
   * Takes messages whose pictures no longer wait: decided, deleted or expired; nobody else gets them for half a minute.
   * @param job only those of this one
   */
  takeSettled(platforms: readonly string[], job?: string): Promise<SettledMessage[]>;
  /** The message shows that, or is gone. */
  messageSettled(number: string): Promise<void>;
}

interface ReviewRow {
  readonly [column: string]: unknown;
  readonly job: string;
  readonly tenant: string;
  readonly at: Date;
  readonly state: 'held' | 'approved' | 'rejected';
  readonly is_ban: boolean;
  readonly pictures: Review['pictures'];
  readonly decided_name: string | null;
  readonly decided_at: Date | null;
}

interface PendingRow {
  readonly [column: string]: unknown;
  readonly number: string;
  /** Null where the message stands in no review channel. */
  readonly tenant: string | null;
  readonly channel: string;
  readonly at: Date;
}

const pendingOf = ({ number, tenant, channel, at }: PendingRow): PendingMessage => ({
  ...{ number, channel, tenant: tenant ?? '' },
  since: at.getTime(),
});

export function createReviews(database: Database, stored: PictureStore): ReviewStore {
  const find = async (where: string, values: unknown[]) =>
    (
      await database.query<ReviewRow>(
        `select job, tenant, at, state, is_ban, pictures, decided_name, decided_at from darkroom.review where ${where}`,
        values,
      )
    ).map(reviewOf);
  return {
    async get(job) {
      return (await find('job = $1', [job]))[0];
    },
    held: (tenant, most) => find("tenant = $1 and state = 'held' order by at limit $2", [tenant, most]),
    async countHeld(tenant) {
      const [row] = await database.query<{ count: number }>(
        "select coalesce(sum(jsonb_array_length(pictures)), 0)::int as count from darkroom.review where tenant = $1 and state = 'held'",
        [tenant],
      );
      return row!.count;
    },
    decided: (tenant, most) =>
      find("tenant = $1 and state <> 'held' order by decided_at desc limit $2", [tenant, most]),
    async decide(job, verdict, by, error) {
      const pictures = await database.transaction((tx) => decideIn(tx, { job, verdict, by, error }));
      if (pictures === undefined) return false;
      // Condemned by now, so that they go later if this is cut off.
      if (verdict !== 'approved') await Promise.all(pictures.map(({ id }) => stored.remove(id)));
      return true;
    },
    async isHeld(picture) {
      const [row] = await database.query<{ is_held: boolean }>(
        `select exists (select from darkroom.review where state = 'held' and pictures @> $1) as is_held`,
        [json([{ id: picture }])],
      );
      return row!.is_held;
    },
    async beginMessage({ job, platform, channel, tenant }) {
      const [before] = await database.query<PendingRow & { message: string }>(
        `select number::text, tenant, channel, at, message from darkroom.review_message
         where job = $1 and tenant is not null order by number limit 1`,
        [job],
      );
      if (before !== undefined)
        return before.message === '' ? { pending: pendingOf(before), isAgain: true } : undefined;
      const [row] = await database.query<PendingRow>(
        `insert into darkroom.review_message (platform, channel, message, job, tenant) values ($1, $2, '', $3, $4)
         returning number::text, tenant, channel, at`,
        [platform, channel, job, tenant],
      );
      return { pending: pendingOf(row!), isAgain: false };
    },
    async noteMessage({ platform, channel, message, job, files = [] }, pending) {
      // A pending one that was given up is noted all the same: its message is there.
      await database.query(
        `with noted as (
           update darkroom.review_message set channel = $2, message = $3, files = $5 where number = $6::bigint returning number
         )
         insert into darkroom.review_message (platform, channel, message, job, files)
         select $1, $2, $3, $4, $5 where not exists (select from noted)`,
        [platform, channel, message, job, json(files), pending ?? null],
      );
    },
    async takeSettled(platforms, job) {
      const rows = await database.query<ReviewMessage & PendingRow>(
        `update darkroom.review_message m set taken_until = clock_timestamp() + interval '30 seconds'
         where platform = any($1) and ($2::text is null or job = $2)
           and coalesce(taken_until < clock_timestamp(), true)
           and not exists (select from darkroom.review r where r.job = m.job and r.state = 'held')
           -- What is being posted right now is noted soon.
           and (message <> '' or tenant is null or at < clock_timestamp() - interval '1 minute')
         returning number::text, job, platform, channel, message, files, tenant, at`,
        [[...platforms], job ?? null],
      );
      return rows.map(({ number, tenant, at, ...message }) => ({
        ...message,
        number,
        ...(message.message === '' &&
          tenant !== null && { pending: pendingOf({ number, tenant, at, channel: message.channel }) }),
      }));
    },
    async messageSettled(number) {
      await database.query('delete from darkroom.review_message where number = $1', [number]);
    },
  };
}

/** @returns the pictures that waited; undefined where it is decided already, or gone */
async function decideIn(
  tx: Sql,
  {
    job,
    verdict,
    by,
    error,
  }: {
    readonly job: string;
    readonly verdict: Verdict;
    readonly by: { readonly id: string; readonly name: string };
    readonly error: NonNullable<JobRecord['error']>;
  },
): Promise<Review['pictures'] | undefined> {
  const isApproved = verdict === 'approved';
  const state = isApproved ? 'approved' : 'rejected';
  const [held] = await tx.query<{ pictures: Review['pictures'] }>(
    "select pictures from darkroom.review where job = $1 and state = 'held' for update",
    [job],
  );
  if (held === undefined) return undefined;
  await tx.query(
    `update darkroom.review set state = $2, is_ban = $5, pictures = '[]', decided_by = $3, decided_name = $4,
       decided_at = clock_timestamp() where job = $1`,
    [job, state, by.id, by.name, verdict === 'banned'],
  );
  await tx.query(
    `update darkroom.job set pictures = $2, frame = frame || $3,
       state = case when $4 then state else 'failed' end, error = case when $4 then error else $5::jsonb end
     where id = $1`,
    [job, json(isApproved ? held.pictures : []), json({ review: state }), isApproved, json(error)],
  );
  if (!isApproved) {
    await tx.query(
      "update darkroom.picture set is_condemned = true where picture.job = $1 and kind = 'result'",
      [job],
    );
  }
  // The end is shown again, in the job's one message; also where it has not been shown yet.
  await tx.query(
    `insert into darkroom.outbox (job, platform) select id, platform from darkroom.job where id = $1
     on conflict (job) do update set taken_until = null`,
    [job],
  );
  return held.pictures;
}

function reviewOf({ at, decided_name: by, decided_at: when, ...row }: ReviewRow): Review {
  const { job, tenant, state, is_ban: isBan, pictures } = row;
  return {
    ...{ job, tenant, state: isBan ? 'banned' : state, pictures },
    at: at.getTime(),
    ...(by !== null && when !== null && { decided: { by, at: when.getTime() } }),
  };
}
