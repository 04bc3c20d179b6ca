import type { moderation as en } from '../en/moderation.ts';

export const moderation = {
  'moderation.refused':
    '이곳의 그림 검사를 통과하지 못해서 그림을 남기지 않았어요. 다른 설명으로 시도해 보세요.',
} as const satisfies Record<keyof typeof en, string>;
