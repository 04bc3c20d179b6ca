/** What a picture can be used as: what its model and this machine can take from it, and the pose it was made with. */
import { CONTROL_KINDS } from '../src/request.ts';
import type { JobRecord } from '../src/store/jobs.ts';

/** @returns kinds of control pictures in their usual order; all where the record does not say */
export function usesOf({ frame, request }: Pick<JobRecord, 'frame' | 'request'>): string[] {
  const { uses = CONTROL_KINDS } = frame ?? {};
  const own = poseOf(request) === undefined ? [] : ['openpose'];
  return CONTROL_KINDS.filter((kind) => kind !== 'raw' && (uses.includes(kind) || own.includes(kind)));
}

/** The pose that a picture was made with. */
export const poseOf = ({ controls }: JobRecord['request']) =>
  controls.find(({ kind }) => kind === 'openpose');
