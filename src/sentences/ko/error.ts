import type { error as en } from '../en/error.ts';

export const error = {
  'error.internal': '문제가 생겼어요. 자세한 이유는 운영자의 로그에 있어요.',
  'error.database_away':
    '지금 Darkroom이 데이터베이스에 연결할 수 없어요. 접수된 작업은 사라지지 않아요. 1분 뒤에 다시 시도해 주세요.',
  'error.disk_full':
    'Darkroom 데이터베이스의 디스크가 가득 찼어요. 접수된 작업은 사라지지 않아요. 운영자가 공간을 비운 뒤에 다시 시도해 주세요.',
  'error.did_you_mean': '혹시 이 이름인가요? {names}',
  'error.known': '쓸 수 있는 이름: {names}',
  'error.row': '{first} {second}',
  'error.model_files': '이 모델 파일은 쓸 수 없어요. 운영자를 위한 설명: {reason}',
} as const satisfies Record<keyof typeof en, string>;
