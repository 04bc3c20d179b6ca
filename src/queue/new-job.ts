/** A job on its way into the queue. */
import type { Share } from '../job.ts';
import type { GenerationRequest } from '../request.ts';
import type { Words } from '../sentences.ts';
import type { JobFrame } from '../store/jobs.ts';
import { json, type Sql } from '../store/sql.ts';

/** Who is charged for a job: the user, or the group of their share. */
export interface Flow {
  /** Never empty; a direct message is a tenant of its own. */
  readonly tenant: string;
  readonly user: { readonly id: string; readonly name: string };
  readonly tenantWeight?: number;
  readonly userWeight?: number;
}

export interface NewJob extends Flow {
  readonly id: string;
  readonly platform: string;
  readonly channel: string;
  readonly request: GenerationRequest;
  /** Ids in the picture store by the reference in the request. */
  readonly inputs: Readonly<Record<string, string>>;
  readonly notes: readonly Words[];
  readonly share?: Share;
  readonly frame?: JobFrame;
  /** GPU-seconds expected. */
  readonly cost: number;
}

/** One more job of its user waits; from here on the queue's lock is held. */
export async function lineUp(tx: Sql, { tenant, user, share, ...job }: NewJob): Promise<void> {
  await tx.query('select darkroom.submit($1, $2, $3, $4)', [
    tenant,
    share?.group ?? user.id,
    job.tenantWeight ?? 1,
    job.userWeight ?? 1,
  ]);
}

/** @param state `cancelled` for a job that is not started yet */
export async function insertJob(tx: Sql, job: NewJob, state: 'queued' | 'cancelled'): Promise<void> {
  const { id, tenant, user, platform, channel, request, inputs, notes, cost } = job;
  const group = job.share?.group;
  await tx.query(
    `insert into darkroom.job (id, tenant, user_id, requested_by, user_name, platform, channel, request, inputs, model, notes,
       cost, share, frame, state)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15)`,
    [
      ...[id, tenant, group ?? user.id, group === undefined ? null : user.id, user.name.replaceAll('\0', '')],
      ...[platform, channel],
      ...[json(request), json(inputs), request.model],
      ...[json(notes), cost, job.share === undefined ? null : json(job.share), json(job.frame ?? {}), state],
    ],
  );
}
