import type { choices as en } from '../en/choices.ts';

export const choices = {
  'choices.too_much': '{what} 선택지를 줄여 주세요.',
  'choices.too_many': '선택지를 뽑는 곳이 {limit}개를 넘어요.',
  'choices.too_long': '선택지를 뽑으면 프롬프트가 {limit}자를 넘어요.',
  'choices.no_folder':
    '와일드카드 폴더(DARKROOM_WILDCARDS)를 읽을 수 없어요. 운영자가 경로나 권한을 고쳐야 해요.',
  'choices.large_list':
    '{name} 와일드카드 파일이 {size}바이트예요. 최대 {limit}바이트예요. 운영자에게 줄여 달라고 요청해 주세요.',
  'choices.round': '{name} 와일드카드가 자기 자신을 불러요: {round}. 관리자가 그 목록을 고칠 수 있어요.',
  'choices.many_lists': '프롬프트에 와일드카드가 {limit}개를 넘어요. 더 적게 써 주세요.',
  'choices.empty': '{name} 와일드카드가 비어 있어요.',
  'choices.no_list': '{name} 와일드카드는 없어요. 혹시 이 이름인가요? {near}',
  'choices.bad_weight':
    '중괄호 안의 가중치는 {example}처럼 0부터 999999까지의 수로 써 주세요. 다음은 쓸 수 없어요: {typed}',
  'choices.bad_count':
    '고를 개수는 {example}처럼 0부터 999까지의 정수로 써 주세요. 다음은 쓸 수 없어요: {typed}',
  'choices.few': '{typed}: 고를 수 있는 것은 {asked}개가 아니라 {count, plural, other {#}}개예요.',
  'choices.none_taken': '{typed}: 선택지를 하나도 고르지 않아요.',
  'choices.no_weight': '선택지의 가중치가 모두 0이라서 고를 수 없어요. 하나 이상은 0보다 크게 써 주세요.',
  'choices.deep': '프롬프트의 선택지가 {limit}겹 넘게 들어 있어요. 중괄호를 줄여 주세요.',
  'choices.no_value':
    '{typed} 변수에 값이 없어요. {example}처럼 먼저 값을 써 주세요. 글자 그대로 그리려면 {flag} 옵션을 붙여 주세요.',
  'choices.near_value': '{typed} 변수에 값이 없어요. 혹시 이 이름인가요? {near}',
  'choices.own_value': '{typed} 값 안에 같은 변수가 또 들어 있어요. 다른 값을 써 주세요.',
  'choices.sampler': '{typed}의 {sign} 기호는 효과가 없어요. 선택지는 시드로 골라요.',
} as const satisfies Record<keyof typeof en, string>;
