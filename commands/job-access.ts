/** Which jobs a user may see and change: their own, and the public ones of the tenant that they are in. */
import type { Invocation } from '../adapters/adapter.ts';
import { DarkroomError } from '../src/errors.ts';
import { sentence } from '../src/sentences.ts';
import type { JobRecord } from '../src/store/jobs.ts';
import { Policy } from './policy.ts';
import type { Ports } from './ports.ts';

/** @throws DarkroomError('not_found') for a job that was removed, and alike for one that the user may not see */
export async function requireJob(
  id: string,
  invocation: Invocation,
  { jobs }: Pick<Ports, 'jobs'>,
): Promise<JobRecord> {
  const record = await jobs.get(id);
  if (record !== undefined && record.frame?.isDeleted !== true && isVisible(record, invocation))
    return record;
  throw new DarkroomError('not_found', sentence('action.job_gone'));
}

/** A job whose deletion can still be undone. @throws DarkroomError('not_found') */
export async function requireDeletedJob(
  id: string,
  invocation: Invocation,
  { jobs }: Pick<Ports, 'jobs'>,
): Promise<JobRecord> {
  const record = await jobs.get(id);
  if (record?.frame?.isDeleted === true && isVisible(record, invocation)) return record;
  throw new DarkroomError('not_found', sentence('action.deleted_for_good'));
}

/** The job that made a picture; undefined for a picture of nobody's, or of a job that the user may not see. */
export async function findJobOfPicture(
  picture: string,
  invocation: Invocation,
  { jobs }: Pick<Ports, 'jobs'>,
): Promise<JobRecord | undefined> {
  const record = await jobs.ofPicture(picture);
  const isThere = record !== undefined && record.frame?.isDeleted !== true;
  return isThere && isVisible(record, invocation) ? record : undefined;
}

type Viewer = Pick<Invocation, 'platform'> & {
  readonly user: Pick<Invocation['user'], 'id'>;
  readonly where: { readonly tenant?: string | undefined };
};

export function isVisible({ user, platform, share, frame }: JobRecord, invocation: Viewer): boolean {
  if (user.id === invocation.user.id) return true;
  const isHere = platform === invocation.platform && share?.tenant === invocation.where.tenant;
  return isHere && share !== undefined && frame?.isPrivate !== true;
}

/** @throws DarkroomError('forbidden') for a job of somebody else, unless an admin asks */
export async function requireOwnJob(
  { user }: JobRecord,
  verb: 'cancel' | 'delete',
  invocation: Invocation,
  ports: Pick<Ports, 'settings' | 'admins'>,
): Promise<void> {
  if (user.id === invocation.user.id) return;
  if ((await Policy.of(invocation, ports)).isAdmin()) return;
  const key = verb === 'cancel' ? 'action.not_yours_to_cancel' : 'action.not_yours_to_delete';
  throw new DarkroomError('forbidden', sentence(key, { name: user.name }));
}
