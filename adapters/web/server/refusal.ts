/** Refusals whose HTTP status does not follow from their code. */
import { DarkroomError, type ErrorCode } from '../../../src/errors.ts';
import type { Words } from '../../../src/sentences.ts';

const STATUS = {
  forbidden: 403,
  not_found: 404,
  cancelled: 409,
  too_large: 413,
  too_many: 429,
  engine_failed: 503,
  misconfigured: 500,
  internal: 500,
} as const satisfies Partial<Record<ErrorCode, number>>;

export type RefusalStatus = 400 | 401 | 405 | 408 | 415 | (typeof STATUS)[keyof typeof STATUS];

export class HttpRefusal extends DarkroomError {
  readonly status: RefusalStatus;

  constructor(status: RefusalStatus, code: ErrorCode, words: Words) {
    super(code, words);
    this.status = status;
  }
}

/** The status of an answer to a call that failed. */
export function statusOf(error: unknown, code: ErrorCode): RefusalStatus {
  if (error instanceof HttpRefusal) return error.status;
  return Object.hasOwn(STATUS, code) ? STATUS[code as keyof typeof STATUS] : 400;
}
