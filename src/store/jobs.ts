/** Jobs as the chat sees them: here they are read and removed; src/queue accepts and changes them. */
import type { ErrorWords } from '../errors.ts';
import type { Finding, JobState, Moderation, Share } from '../job.ts';
import type { GenerationRequest, RequestDraft } from '../request.ts';
import type { Locale, Words } from '../sentences.ts';
import type { PictureStore } from './pictures.ts';
import { json, type Sql } from './sql.ts';

/** How a picture was made from another one. */
export type OriginVerb =
  | 'again'
  | 'vary'
  | 'vary_subtle'
  | 'vary_strong'
  | 'edit'
  | 'upscale'
  | 'creative'
  | 'use'
  | 'reroll'
  | 'finish'
  | 'zoom'
  | 'pan';

export type FullForm = Pick<
  RequestDraft,
  'num_inference_steps' | 'guidance_scale' | 'sampler' | 'schedule' | 'loras'
>;

/** A sweep's own job, which draws nothing: each of its pictures is a job. */
export interface SweepFrame {
  /** Columns, rows and panels: the options in which the pictures differ, and their values as a line gives them. */
  readonly axes: readonly { readonly option: string; readonly values: readonly string[] }[];
  /** Jobs of the pictures, panel by panel, row by row. */
  readonly cells: readonly string[];
  /** The line that asked for it, without the command. */
  readonly line: string;
  /** Until it is started: what its pictures will be, in the order of `cells`. */
  readonly planned?: readonly PlannedCell[];
  /** When it has ended: its pictures in the order of `cells`, null where there is none. */
  readonly drawn?: readonly (JobRecord['pictures'][number] | null)[];
}

export type PlannedCell = Pick<JobRecord, 'request' | 'inputs' | 'notes'>;

/** What a job's message has besides its state, from its first one on. */
export interface JobFrame {
  /** Pictures that were uploaded with the request and are shown with it. */
  readonly inputs?: readonly {
    readonly id: string;
    readonly width: number;
    readonly height: number;
    readonly alt: string;
    /** Shown only to those who open it: a copy of a picture that the check has hidden. */
    readonly isSpoiler?: true;
  }[];
  /** Of whoever asked for it; English where it is absent. */
  readonly locale?: Locale;
  /** Only its user sees it. */
  readonly isPrivate?: boolean;
  /** Whoever asked is mentioned when it has ended. */
  readonly isMentioned?: boolean;
  /** Name of the thread that is opened for it. */
  readonly thread?: string;
  /** What it was made from: how, and the job of that picture where it is one of ours. */
  readonly origin?: {
    readonly verb: OriginVerb;
    readonly job?: string;
    /** Its number among the pictures of that job, where there are several. */
    readonly picture?: number;
    /** How many pictures the job has, where nobody said which one was meant. */
    readonly of?: number;
  };
  /** Which control pictures its model and machine can take from it. */
  readonly uses?: readonly string[];
  /** What was said of the picture that it was made from, and need not be said again. */
  readonly told?: readonly Words[];
  /** Of a draft: what of the request is otherwise in the full picture. */
  readonly finish?: FullForm;
  /** Of a sweep: many pictures that differ in one to three options. */
  readonly sweep?: SweepFrame;
  /** The sweep that it is one picture of. */
  readonly cell?: { readonly sweep: string };
  /** Somebody has deleted it, which can be undone for some seconds. */
  readonly isDeleted?: boolean;
  /** How its pictures are checked; absent where they are not. */
  readonly moderation?: Moderation;
  /** Set where its pictures wait for a reviewer, or waited. */
  readonly review?: 'held' | 'approved' | 'rejected';
  /** Longest side in pixels that its user may have pictures of there, where an admin has set one. */
  readonly maxSize?: number;
}

/** A job as it is stored: enough to run it again after a restart, and for its buttons to go on working. */
export interface JobRecord {
  readonly id: string;
  /** Milliseconds since 1970 when it was accepted. */
  readonly at: number;
  readonly user: { readonly id: string; readonly name: string };
  readonly platform: string;
  readonly channel: string;
  readonly request: GenerationRequest;
  /** Ids in the picture store by the reference that stands in the request. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly state: JobState;
  readonly notes: readonly Words[];
  readonly frame?: JobFrame;
  /** Finished pictures, picture i of seed + i; empty while they wait for a reviewer. */
  readonly pictures: readonly {
    readonly id: string;
    readonly width: number;
    readonly height: number;
    /** What the check of it found; absent where it was not checked. */
    readonly finding?: Finding;
  }[];
  /** By which it shares the GPU; absent in a direct message. */
  readonly share?: Share;
  /** From acceptance to picture. */
  readonly seconds?: number;
  readonly error?: ErrorWords;
}

export interface JobStore {
  /** @returns undefined for a job that is unknown or was removed */
  get(id: string): Promise<JobRecord | undefined>;
  /** The job that made a picture. */
  ofPicture(picture: string): Promise<JobRecord | undefined>;
  /** Whether a picture is, by its Finding.key, a copy of one that is hidden until somebody opens it. */
  isHiddenCopy(key: string): Promise<boolean>;
  /** Those of several jobs that are there, in no order. */
  getAll(ids: readonly string[]): Promise<JobRecord[]>;
  /** Sweeps that were offered before a time (milliseconds since 1970) and not started. */
  plannedBefore(at: number): Promise<JobRecord[]>;
  /** A user's jobs that wait or run, oldest first; of a sweep only the sweep itself. */
  aliveOf(user: string): Promise<JobRecord[]>;
  /** Jobs of these platforms that wait or run; of a sweep only the sweep itself. */
  alive(platforms: readonly string[]): Promise<JobRecord[]>;
  /**
   * Ended jobs of a tenant that were accepted before a time (milliseconds since 1970), oldest first.
   * @param most how many at most
   */
  endedBefore(tenant: string, at: number, most: number): Promise<JobRecord[]>;
  /** Marks a job as deleted, before it is removed for good, or takes that back. */
  setDeleted(id: string, isDeleted: boolean): Promise<void>;
  /** Jobs that are marked so. */
  deleted(): Promise<JobRecord[]>;
  /**
   * Forgets a job that has ended, its pictures and the uploads that were made for it. Its row keeps what accounting
   * needs: tenant, user id, model, times and cost; no prompt, no name.
   */
  remove(id: string): Promise<void>;
  /**
   * Takes an end that its thread does not show yet; nobody else gets it for half a minute.
   * @returns the job; undefined where there is nothing to show: shown already, being shown, or removed
   */
  takeEnd(id: string): Promise<JobRecord | undefined>;
  /** Ids of jobs whose end is not shown and taken by nobody. */
  endsOf(platforms: readonly string[]): Promise<string[]>;
  /** The thread shows the end. */
  endShown(id: string): Promise<void>;
}

interface JobRow {
  readonly [column: string]: unknown;
  readonly id: string;
  readonly at: Date;
  readonly user_id: string;
  readonly user_name: string;
  readonly platform: string;
  readonly channel: string;
  readonly request: GenerationRequest;
  readonly inputs: Record<string, string>;
  readonly state: JobState;
  readonly notes: Words[];
  readonly frame: JobFrame;
  readonly pictures: JobRecord['pictures'];
  readonly share: Share | null;
  readonly seconds: number | null;
  readonly error: NonNullable<JobRecord['error']> | null;
}

const COLUMNS =
  'id, at, coalesce(requested_by, user_id) as user_id, user_name, platform, channel, request, inputs, state, notes, frame, pictures, share, seconds, error';
/** The pictures of a sweep have no message of their own. */
const SHOWN = "not frame ? 'cell'";
const ALIVE = "state in ('queued', 'running') and not is_removed";

export function createJobs(sql: Sql, pictures: PictureStore): JobStore {
  const find = async (where: string, values: unknown[]) =>
    (await sql.query<JobRow>(`select ${COLUMNS} from darkroom.job where ${where}`, values)).map(recordOf);
  return {
    async get(id) {
      return (await find('id = $1 and not is_removed', [id]))[0];
    },
    async ofPicture(picture) {
      return (await find('pictures @> $1 and not is_removed', [json([{ id: picture }])]))[0];
    },
    async isHiddenCopy(key) {
      const [row] = await sql.query<{ is_hidden: boolean }>(
        `select exists (select from darkroom.job
           where pictures @> $1 and frame->>'moderation' = 'spoiler' and not is_removed) as is_hidden`,
        [json([{ finding: { key } }])],
      );
      return row!.is_hidden;
    },
    getAll: (ids) => find('id = any($1) and not is_removed', [[...ids]]),
    plannedBefore: (at) =>
      find("frame->'sweep' ? 'planned' and state = 'cancelled' and at < $1 and not is_removed", [
        new Date(at),
      ]),
    aliveOf: (user) =>
      find(
        `(requested_by = $1 or user_id = $1 and requested_by is null) and ${ALIVE} and ${SHOWN} order by number`,
        [user],
      ),
    alive: (platforms) =>
      find(`platform = any($1) and ${ALIVE} and ${SHOWN} order by number`, [[...platforms]]),
    endedBefore: (tenant, at, most) =>
      find(
        `tenant = $1 and at < $2 and state in ('done', 'failed', 'cancelled') and not is_removed
         order by at limit $3`,
        [tenant, new Date(at), most],
      ),
    async setDeleted(id, isDeleted) {
      await sql.query('update darkroom.job set frame = frame || $2 where id = $1', [id, json({ isDeleted })]);
    },
    deleted: () => find(`frame @> '{"isDeleted": true}' and not is_removed`, []),
    async remove(id) {
      await sql.query('select darkroom.forget($1)', [id]);
      await pictures.removeOf(id);
    },
    async takeEnd(id) {
      const [taken] = await sql.query(
        `update darkroom.outbox set taken_until = clock_timestamp() + interval '30 seconds', tries = tries + 1
         where job = $1 and coalesce(taken_until < clock_timestamp(), true) returning job`,
        [id],
      );
      return taken && (await find('id = $1 and not is_removed', [id]))[0];
    },
    async endsOf(platforms) {
      const rows = await sql.query<{ job: string }>(
        `select job from darkroom.outbox
         where platform = any($1) and coalesce(taken_until < clock_timestamp(), true) order by at`,
        [[...platforms]],
      );
      return rows.map(({ job }) => job);
    },
    async endShown(id) {
      await sql.query('delete from darkroom.outbox where job = $1', [id]);
    },
  };
}

function recordOf({ at, user_id, user_name, share, seconds, error, ...row }: JobRow): JobRecord {
  const { id, platform, channel, request, inputs, state, notes, frame, pictures } = row;
  return {
    ...{
      id,
      user: { id: user_id, name: user_name },
      platform,
      channel,
      request,
      inputs,
      state,
      notes,
      frame,
      pictures,
    },
    at: at.getTime(),
    ...(share !== null && { share }),
    ...(seconds !== null && { seconds }),
    ...(error !== null && { error }),
  };
}
