import type { quota as en } from '../en/quota.ts';

export const quota = {
  'quota.none_jobs': '여기에서는 대기 작업을 둘 수 없어요. 관리자에게 한도를 올려 달라고 요청해 주세요.',
  'quota.none_pictures':
    '여기에서는 대기 중인 그림을 둘 수 없어요. 관리자에게 한도를 올려 달라고 요청해 주세요.',
  'quota.pictures_at_once':
    '그림 {count}장을 요청했지만 최대 {limit}장까지 대기할 수 있어요. --n {limit} 값으로 시도해 보세요.',
  'quota.wait': '하나가 시작될 때까지 기다리거나',
  'quota.next_starts': '다음 작업은 {time} 뒤에 시작해요. 그때까지 기다리거나',
  'quota.jobs': '대기 작업이 {used}개이고 한도는 {limit}개예요. {starts} /queue에서 하나를 취소해 주세요.',
  'quota.pictures':
    '대기 중인 그림이 {used}장이고 한도는 {limit}장이에요. {starts} /queue에서 하나를 취소해 주세요.',
  'quota.group_jobs':
    '같은 네트워크의 새 방문자들과 합쳐 대기 작업이 {used}개이고 한도는 {limit}개예요. {starts} /queue에서 하나를 취소해 주세요.',
  'quota.group_pictures':
    '같은 네트워크의 새 방문자들과 합쳐 대기 중인 그림이 {used}장이고 한도는 {limit}장이에요. {starts} /queue에서 하나를 취소해 주세요.',
  'quota.request_beyond_own':
    '이 요청에는 GPU 시간이 약 {cost}초 필요하지만, 내 한도는 24시간에 {limit}초예요. 크기나 단계 수, 장수를 줄여 주세요.',
  'quota.request_beyond_server':
    '이 요청에는 GPU 시간이 약 {cost}초 필요하지만, 서버의 한도는 24시간에 {limit}초예요. 크기나 단계 수, 장수를 줄여 주세요.',
  'quota.frees_later': '대기 작업이 끝나면',
  'quota.frees_in': '{time} 뒤에',
  'quota.day':
    '최근 24시간 동안 GPU 시간을 {used}초 쓰거나 요청했고 이번 요청에는 약 {cost}초가 필요한데, 내 한도는 {limit}초예요. {frees} 다시 요청할 수 있어요.',
  'quota.group_day':
    '같은 네트워크의 새 방문자들과 합쳐 최근 24시간 동안 GPU 시간을 {used}초 쓰거나 요청했고 이번 요청에는 약 {cost}초가 필요한데, 한도는 {limit}초예요. {frees} 다시 요청할 수 있어요.',
  'quota.server_day':
    '이 서버는 최근 24시간 동안 GPU 시간을 {used}초 쓰거나 요청했고 이번 요청에는 약 {cost}초가 필요한데, 서버의 한도는 {limit}초예요. {frees} 다시 요청할 수 있어요.',
  'quota.about_seconds': '약 {seconds}초',
  'quota.about_minutes': '약 {minutes}분',
  'quota.about_hours': '약 {hours}시간',
  'queue.no_machine': '{model} 모델이 있는 기기가 지금 없어요. 다른 모델을 골라 주세요: {models}',
  'queue.model_removed':
    '기다리는 동안 {model} 모델이 이 기기에서 삭제됐어요. 다른 모델을 골라 다시 요청해 주세요.',
  'queue.stopped_twice': '이 그림을 만드는 동안 엔진이 두 번 멈췄어요. 크기나 장수를 줄여 주세요.',
  'queue.input_deleted': '이 작업에 쓸 그림이 삭제됐어요. 다른 그림을 골라 주세요.',
  'queue.moved': '그리던 중에 {device} 장치에 문제가 생겨 다른 장치에서 처음부터 다시 그렸어요.',
  'queue.restarted': '그리던 중에 {device} 장치에 문제가 생겨 처음부터 다시 그렸어요.',
} as const satisfies Record<keyof typeof en, string>;
