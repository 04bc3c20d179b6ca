import type { style as en } from '../en/style.ts';

export const style = {
  'style.list': '/imagine --style에 쓸 수 있는 화풍:',
  'style.without': '{template}\n제외: {negative}',
  'style.built_in': '{name}: 기본 화풍이에요. 바꾸려면 같은 이름으로 화풍을 추가해 주세요.',
  'style.none': '{name} 화풍은 없어요. {offer}',
  'style.none_added': '{name} 화풍은 없어요. 아직 추가한 화풍이 없어요.',
  'style.bad_name': '화풍 이름으로 쓸 수 없어요: {name}. 영문자, 숫자, 공백, -, _를 40자까지 쓸 수 있어요.',
  'style.yours': '{name} (내 화풍)',
  'style.hidden': '{name} (같은 이름의 내 화풍이 대신 쓰여요)',
  'style.is_yours': '내 화풍이에요. 나만 볼 수 있고 어디에서나 쓸 수 있어요.',
  'style.is_shared': '관리자가 모두를 위해 추가한 화풍이에요.',
  'style.is_built_in': '기본 화풍이에요.',
  'style.precedence':
    '여기에 이름이 같은 화풍이 또 있어요: {name}. --style {name} 값을 쓰면 내 화풍이 적용되고, 다른 사람에게는 아무것도 바뀌지 않아요.',
  'style.own_added':
    '내 화풍으로 추가했어요. 어디에서나 --style {name} 값으로 쓸 수 있고 다른 사람에게는 보이지 않아요.',
  'style.own_changed': '내 화풍을 바꿨어요: {name}.',
  'style.own_removed': '내 화풍을 삭제했어요: {name}.',
  'style.again_shared': '이제 --style {name} 값은 여기의 다른 화풍을 뜻해요.',
  'style.too_many': '내 화풍은 {limit}개까지 둘 수 있어요. /style remove 명령으로 하나를 삭제해 주세요.',
  'style.only_mine':
    '모두가 쓸 화풍은 관리자({admins})만 추가할 수 있어요. --mine 플래그를 붙이면 내 화풍이 돼요.',
  'describe.style.show': '화풍 하나를 보여 줘요.',
  'describe.style.mine': '나만 보고 쓰는 내 화풍으로.',
  'describe.style.remove_mine': 'on: 내 화풍만, off: 관리자의 화풍만.',
  'style.no_place':
    "템플릿에 '{prompt}' 자리가 없어요. 사용자의 글이 들어갈 곳에 넣어 주세요. 예: '{prompt}', oil painting",
} as const satisfies Record<keyof typeof en, string>;
