import type { licence as en } from '../en/licence.ts';

export const licence = {
  'licence.if_revenue': '연 매출이 미화 {amount}달러 미만일 때',
  'licence.if_users': '한 달 사용자가 {amount}명 미만일 때',
  'licence.if_shared': '고친 모델을 같은 라이선스로 공개할 때',
  'licence.yes': '{licence}, 상업적 사용 가능',
  'licence.no': '{licence}, 상업적 사용 불가',
  'licence.conditional': '{licence}, 조건부 상업적 사용: {condition}',
  'licence.unclear': '{licence}, 상업적 사용을 허용하는지 알 수 없음',
  'licence.unnamed_yes': '상업적 사용 가능',
  'licence.unnamed_no': '상업적 사용 불가',
  'licence.unknown': '알 수 없음',
  'licence.stated': '{terms} (관리자가 밝힘)',
  'licence.state_it':
    '{terms}. 관리자가 밝힐 수 있어요: /models set {name} --licence 이름, 또는 --commercial yes 또는 no',
  'licence.refused':
    '이 서버에서는 상업적 사용이 허용된 것만 써요. 다음은 여기에서 쓸 수 없어요: {kind} {name} (라이선스: {terms}). {others}',
  'licence.refused_lent':
    '이 서버에서는 상업적 사용이 허용된 것만 써요. {model} 모델은 다른 파일에서 가져온 것도 쓰는데, 다음은 여기에서 쓸 수 없어요: {part} {name} (라이선스: {terms}). {others}',
  'licence.others': '쓸 수 있는 것: {names}',
  'licence.no_others':
    '설치된 것 중에 쓸 수 있는 것이 없어요. 관리자가 /models set 명령으로 라이선스를 밝힐 수 있어요.',
  'licence.no_others_here':
    '빼고 요청하거나, 관리자에게 /models set 명령으로 라이선스를 밝혀 달라고 해 주세요.',
  'licence.remain': '모델 {all}개 중 {count}개를 계속 쓸 수 있어요: {names}',
  'licence.none_remain':
    '설치된 모델 중에 상업적 사용을 허용하는 라이선스로 확인된 것이 없어서 모든 요청이 거절돼요. 아는 라이선스를 밝혀 주세요: /models set 이름 --commercial yes',
  'licence.default_lost':
    '기본 모델 {name}도 쓸 수 없게 돼요. 다른 모델을 정해 주세요: /config set default_model {other}',
  'licence.kept_out':
    '{terms}. 이 서버에서는 상업적 사용이 허용된 것만 쓰므로(commercial_only) 여기에서는 쓸 수 없어요.',
  'licence.kept_out_lent':
    '{terms}. 이 서버에서는 상업적 사용이 허용된 것만 쓰는데(commercial_only), 다른 파일에서 가져온 것이 그렇지 않아 여기에서는 쓸 수 없어요.',
  'licence.set_but_refused':
    '이 서버에서는 상업적 사용이 허용된 것만 쓰므로(commercial_only) 다음은 여전히 쓸 수 없어요: {names}',
  'licence.left_out': '여기에서는 상업적 사용이 허용된 것만 쓸 수 있어서 파일 {count}개를 뺐어요.',
  'licence.no_name': '라이선스 이름을 써 주세요: --licence apache-2.0',
  'licence.is_set': '관리자가 밝힌 {name} 라이선스: {flags}. 그림은 달라지지 않아요.',
  'licence.say_which':
    '{licence} 라이선스가 상업적 사용을 허용하는지 알 수 없어서 허용하지 않는 것으로 봐요. 아신다면 --commercial yes 또는 no를 붙여 주세요.',
  'models.set_only_licence': '{name}에는 --licence와 --commercial만 설정할 수 있어요. 모델이 아니에요.',
  'models.which_kind': '이름이 {name}인 파일이 여럿 있어요. 다음 중 하나를 써 주세요: {names}',
  'describe.models.licence': '파일에 적혀 있지 않은 라이선스. 예: apache-2.0',
  'describe.models.commercial': '라이선스가 상업적 사용을 허용하는지 여부.',
} as const satisfies Record<keyof typeof en, string>;
