import type { moderation as en } from '../en/moderation.ts';

export const moderation = {
  'moderation.refused':
    '이곳의 그림 검사를 통과하지 못해서 그림을 남기지 않았어요. 다른 설명으로 시도해 보세요.',
  'rules.broken': '이 요청은 이곳의 {rule} 규칙에 어긋나서 그리지 않았어요. 다른 내용으로 요청해 주세요.',
  'rules.list':
    '프롬프트 규칙이에요. 글자 사이에 기호를 넣거나 비슷하게 생긴 글자를 써도 걸러져요. 어긴 사람에게는 규칙 이름만 보여요.',
  'rules.none': '아직 프롬프트 규칙이 없어요. 예: /rules set weapons 총 | 기관총 | 폭탄*',
  'rules.set': '{name} 규칙에 있는 것은 프롬프트에 쓸 수 없어요: {words}',
  'rules.removed': '{name} 규칙을 더는 적용하지 않아요.',
  'rules.unknown': '{name} 규칙이 없어요. {offer}',
  'rules.bad_name': '{name}: 규칙 이름으로 쓸 수 없어요. 글자, 숫자, -, _로 40자까지 써 주세요.',
  'rules.empty': '규칙에 단어이 없어요. 총 | 기관총처럼 |로 나누어 써 주세요.',
  'rules.term_too_long': '규칙의 항목이 {count}자인데 한도는 {limit}자예요. 줄여 주세요.',
  'rules.term_too_short': '{term}: 너무 짧아요. 글자 하나는 거의 모든 프롬프트에 있어요. 단어을 써 주세요.',
  'rules.too_many':
    '{what, select, rules {규칙} terms {단어과 구절} other {패턴}} 수가 {count}개가 되는데, 모든 규칙을 합한 한도는 {limit}개예요. 먼저 몇 개를 지워 주세요.',
  'rules.bad_pattern':
    '{pattern}: 읽을 수 없는 패턴이에요. 전후방 탐색과 역참조가 없는 RE2 문법을 써 주세요.',
  'rules.large_pattern': '{pattern}: 반복을 펼치면 너무 커져요. 중괄호 안의 숫자를 줄여 주세요.',
  'rules.empty_pattern':
    '{pattern}: 단어이 없는 프롬프트에도 맞아서 모든 요청을 막게 돼요. 글자를 하나 이상 넣어 주세요.',
  'rules.long_request':
    '요청의 글을 모두 합하면 {count}자인데, 프롬프트를 검사하는 곳에서는 {limit}자까지 가능해요. 줄이거나 그림 수를 줄여 주세요.',
  'moderation.unchecked':
    '그림을 검사하지 못해서 보여 드릴 수 없어요. 다시 시도하거나 관리자에게 문의해 주세요.',
  'moderation.no_checker':
    '{model} 모델에는 안전 검사기가 없는데, 이곳에서는 그림을 검사해요. 다른 모델을 고르거나 관리자에게 문의해 주세요.',
  'moderation.none_has_checker':
    '설치된 모델 중에 안전 검사기가 있는 것이 없어서 모든 요청이 거절돼요. 운영자가 모든 모델에 쓸 검사기를 지정할 수 있어요: DARKROOM_CLASSIFIER',
  'moderation.some_lack_checker':
    '다음 모델 {count}개에는 안전 검사기가 없어서 요청이 거절돼요: {names}. 운영자가 모든 모델에 쓸 검사기를 지정할 수 있어요: DARKROOM_CLASSIFIER',
  'moderation.no_review_channel':
    'review_channel이 설정되지 않았어요. 그림은 /review에서 기다리지만 아무에게도 알리지 않아요. 정해 주세요: /config set review_channel #이름',
  'moderation.refused_several':
    '그림 중에 그림 검사를 통과하지 못한 것이 있어서 모두 남기지 않았어요. 다른 설명으로 시도해 보세요.',
  'review.held': '그림 검사에 걸린 그림이에요. 검토자가 공개할지 정할 때까지 기다려 주세요.',
  'review.held_several':
    '그림 중에 검사에 걸린 그림이 있어요. 검토자가 공개할지 정할 때까지 모두 기다려 주세요.',
  'review.not_approved': '검토자가 이 그림을 승인하지 않아서 삭제했어요.',
  'review.not_approved_several': '검토자가 이 그림들을 승인하지 않아서 모두 삭제했어요.',
  'review.waiting': '{name} 님의 그림 {count}장이 {at}부터 결정을 기다리고 있어요.',
  'review.prompt': '프롬프트',
  'review.negative': '제외 프롬프트',
  'review.found': '검사 결과',
  'review.finding': '그림 {number}: {label} (점수 {score})',
  'review.unchecked': '그림 {number}: 검사하지 못함',
  'review.picture': '결정을 기다리는 그림 {count}장 중 {number}번',
  'review.one_picture': '결정을 기다리는 그림',
  'review.decided_about': '{decision} 프롬프트: {prompt}',
  'review.only_reviewers': '기다리는 그림은 관리자와 review_roles 역할만 결정할 수 있어요.',
  'review.gone': '그 그림은 삭제되었거나 보관 기간이 지나서 더는 기다리지 않아요.',
  'review.decided_already': '{name} 님이 이미 결정한 그림이에요.',
  'review.done.approve': '{reviewer} 님이 {name} 님의 그림을 승인했어요.',
  'review.done.reject': '{reviewer} 님이 {name} 님의 그림을 거절했어요.',
  'review.done.ban': '{reviewer} 님이 {name} 님의 그림을 거절하고 그 사람을 차단했어요.',
  'review.none': '결정을 기다리는 그림이 없어요.',
  'review.count': '결정을 기다리는 그림: {count}장',
  'review.history': '최근 결정 기록이에요:',
  'review.no_history': '아직 결정한 그림이 없어요.',
  'review.deleted_job': '작업이 삭제된 사람',
  'review.channel_gone':
    '검토 채널 {channel}에 글을 올릴 수 없어요. 걸린 그림은 /review에서 기다려요. 다른 채널을 정해 주세요: /config set review_channel #이름',
} as const satisfies Record<keyof typeof en, string>;
