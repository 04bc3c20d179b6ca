/** Why a request was refused, as one of a few reasons that are counted. */
import type { DarkroomError } from '../src/errors.ts';
import type { Key } from '../src/sentences.ts';
import type { Reason } from '../src/usage/titles.ts';

/** Sentences that say more than their code. */
const BY_KEY: readonly (readonly [start: string, reason: Reason])[] = [
  ['quota.day', 'gpu_time'],
  ['quota.group_day', 'gpu_time'],
  ['quota.server_day', 'gpu_time'],
  ['quota.request_beyond', 'gpu_time'],
  ['quota.', 'waiting'],
  ['policy.banned', 'banned'],
  ['policy.paused', 'paused'],
  ['policy.only_roles', 'role'],
  ['policy.model', 'model'],
  ['policy.at_most', 'limit'],
  ['policy.admins_only', 'forbidden'],
  ['policy.', 'place'],
  ['moderation.', 'moderation'],
  ['rules.broken', 'moderation'],
  ['licence.', 'model'],
];

export function reasonOf({ code, sentence }: DarkroomError): Reason {
  const key: Key | '' = sentence?.key ?? '';
  return BY_KEY.find(([start]) => key.startsWith(start))?.[1] ?? code;
}
