import type { style as en } from '../en/style.ts';

export const style = {
  'style.list': '/imagine --style에 쓸 수 있는 화풍:',
  'style.without': '{template}\n제외: {negative}',
  'style.built_in': '{name}: 기본 화풍이에요. 바꾸려면 같은 이름으로 화풍을 추가해 주세요.',
  'style.none': '{name} 화풍은 없어요. {offer}',
  'style.none_added': '{name} 화풍은 없어요. 아직 추가한 화풍이 없어요.',
  'style.bad_name': '화풍 이름으로 쓸 수 없어요: {name}. 영문자, 숫자, 공백, -, _를 40자까지 쓸 수 있어요.',
  'style.no_place':
    "템플릿에 '{prompt}' 자리가 없어요. 사용자의 글이 들어갈 곳에 넣어 주세요. 예: '{prompt}', oil painting",
} as const satisfies Record<keyof typeof en, string>;
