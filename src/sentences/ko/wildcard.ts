import type { wildcard as en } from '../en/wildcard.ts';

export const wildcard = {
  'wildcard.list': '와일드카드: 프롬프트에 __이름__ 형식으로 쓰면 그 자리에 목록의 한 줄이 들어가요.',
  'wildcard.none':
    '아직 와일드카드가 없어요. 관리자가 추가할 수 있어요: /wildcard set colour red | dark blue | green',
  'wildcard.more': '{count}개는 표시하지 않았어요.',
  'wildcard.bad_name':
    '{name}: 와일드카드 이름으로 쓸 수 없어요. 글자, 숫자, -, /, 하나씩 쓴 _로 {limit}자까지 써 주세요.',
  'wildcard.empty': '와일드카드에 단어가 없어요. red | blue처럼 |로 나누어 써 주세요.',
  'wildcard.too_long': '목록이 {count}자인데 한도는 {limit}자예요. 줄여 주세요.',
  'wildcard.unknown': '{name} 와일드카드가 없어요. /wildcard list에서 확인해 주세요.',
  'wildcard.is_file': '{name}: 운영자의 파일이라 채팅에서 삭제할 수 없어요.',
} as const satisfies Record<keyof typeof en, string>;
