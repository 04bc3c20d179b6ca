/** What rows of a report are called. */
import type { PlainKey, Say } from '../sentences.ts';
import type { UsageSum } from '../store/usage.ts';

/** Why something was not drawn: refusals by what refused them, and codes of errors. */
const REASONS = {
  waiting: 'usage.reason.waiting',
  gpu_time: 'usage.reason.gpu_time',
  banned: 'usage.reason.banned',
  paused: 'usage.reason.paused',
  place: 'usage.reason.place',
  role: 'usage.reason.role',
  model: 'usage.reason.model',
  limit: 'usage.reason.limit',
  moderation: 'usage.reason.moderation',
  bad_request: 'usage.reason.bad_request',
  bad_picture: 'usage.reason.bad_picture',
  bad_model: 'usage.reason.bad_model',
  unsupported: 'usage.reason.unsupported',
  not_found: 'usage.reason.not_found',
  forbidden: 'usage.reason.forbidden',
  too_large: 'usage.reason.too_large',
  too_many: 'usage.reason.too_many',
  cancelled: 'usage.reason.cancelled',
  engine_failed: 'usage.reason.engine_failed',
  misconfigured: 'usage.reason.misconfigured',
  internal: 'usage.reason.internal',
} as const satisfies Readonly<Record<string, PlainKey>>;

export type Reason = keyof typeof REASONS;

/** In words; a reason of a newer release by its name. */
export const reasonTitle = (reason: string, say: Say): string =>
  Object.hasOwn(REASONS, reason) ? say(REASONS[reason as Reason]) : reason;

/** A person by name, where it is known; guests of one network by what they are. */
export function sumTitle({ key, name }: UsageSum, say: Say): string {
  if (name !== undefined && name !== '') return name;
  if (key === '@') return say('usage.direct');
  return key.startsWith('web-address:') ? say('usage.guests') : key;
}
