import type { queue as en } from '../en/queue.ts';

export const queue = {
  'queue.empty': '대기 중이거나 진행 중인 작업이 없어요.',
  'queue.jobs': '{count, plural, other {작업 #개 (오래된 것부터):}}',
} as const satisfies Record<keyof typeof en, string>;
