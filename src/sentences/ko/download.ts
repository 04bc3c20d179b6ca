import type { download as en } from '../en/download.ts';

export const download = {
  'download.not_allowed':
    '{what}의 모델은 여기에서 받을 수 없어요. 운영자가 허용한 곳: {allowed} (DARKROOM_MODELS_ADD)',
  'download.not_from_chats':
    '여기에서는 채팅으로 모델을 받을 수 없어요. 운영자가 DARKROOM_MODELS_ADD로 허용하거나 darkroom models add를 실행할 수 있어요.',
  'download.draws_nothing':
    '이 프로세스는 그림을 그리지 않아요. 워커가 있는 기기에서 darkroom models add를 실행해 주세요.',
  'download.queue_full': '이미 내려받기 {count}개가 기다리고 있어요. 몇 개가 끝난 뒤에 다시 시도해 주세요.',
  'download.waiting': '다른 내려받기 {count}개를 기다리는 중',
  'download.share': '{total} 중 {bytes}',
  'download.pace': '{total} 중 {bytes}, 초당 {rate}, {time} 남음',
  'download.seconds': '{count}초',
  'download.minutes': '{count}분',
  'download.fact.model': '모델',
  'download.fact.page': '페이지',
  'download.fact.licence': '라이선스',
  'download.fact.access': '접근 권한',
  'download.fact.size': '크기',
  'download.fact.cached': '캐시',
  'download.fact.format': '형식',
  'download.fact.note': '참고',
  'download.no_licence': '표시 없음',
  'download.files': '파일 {count, plural, other {#개}}, {size}',
  'download.in_cache': '그중 {count}개는 이 기기의 Hub 캐시에 있어요',
  'download.pickles': 'PyTorch 피클. Darkroom은 코드를 실행하지 않고 읽어요',
} as const satisfies Record<keyof typeof en, string>;
