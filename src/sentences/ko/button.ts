import type { button as en } from '../en/button.ts';

export const button = {
  'button.cancel': '취소',
  'button.cancel_number': '{number}번 취소',
  'button.undo': '되돌리기',
  'button.try_again': '다시 시도',
  'button.delete': '삭제',
  'button.vary': '변형',
  'button.edit': '편집',
  'button.upscale': '확대',
  'button.use': '활용',
  'button.upscale_number': 'U{number}',
  'button.vary_number': 'V{number}',
  'button.picture_number': '그림 {number}',
  'button.start_from': '그림 {number}에서 시작',
  'button.reroll': '새로 뽑기',
  'button.creative': '확대 (다시 그리기)',
  'button.recipe': '레시피',
  'button.notes': '참고 사항',
  'button.again': '다시 만들기',
} as const satisfies Record<keyof typeof en, string>;
