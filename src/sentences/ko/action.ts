import type { action as en } from '../en/action.ts';

export const action = {
  'action.unknown': '알 수 없는 버튼이에요: {verb}. {offer}',
  'action.no_such_picture': '그 메시지에는 그림이 {count}장 있어요.',
  'action.choose_picture': '그 메시지에는 그림이 {count}장 있어요. 그중에서 골라 주세요.',
  'action.no_picture_yet': '그 메시지에는 아직 그림이 없어요. 기다리거나 다른 그림을 골라 주세요.',
  'action.same_pixels': '이전 그림과 모든 픽셀이 같아요.',
  'action.other_files': '이전 그림과 달라요. 그사이에 다음 이름의 파일이 다른 파일로 바뀌었어요: {names}.',
  'action.other_pixels': '다른 장치나 정밀도, 버전에서 그려서 이전 그림과 일부 픽셀이 달라요.',
  'action.ended': '이미 끝난 작업이에요.',
  'action.job_gone': '더 이상 없는 작업이에요. 프롬프트를 다시 보내 주세요.',
  'action.deleted_for_good': '이미 완전히 삭제됐어요.',
  'action.delete_sure': '이 그림을 완전히 삭제할까요?',
  'action.not_yours_to_cancel': '이 그림을 요청한 {name} 님과 관리자만 취소할 수 있어요.',
  'action.not_yours_to_delete': '이 그림을 요청한 {name} 님과 관리자만 삭제할 수 있어요.',
  'action.upscaled_stays':
    '확대한 그림은 매번 똑같이 나와요. 변형을 쓰거나, 확대하기 전 그림에서 새로 뽑아 주세요.',
  'action.choose_control': '그림에서 무엇을 본뜰지 골라 주세요: 윤곽선, 자세, 선, 깊이',
  'action.say_edit': '어떤 그림이 되어야 하는지 적어 주세요. 그림에 답장으로 프롬프트를 보내면 돼요.',
  'action.say_use': '이 그림의 형태로 무엇을 그릴지 적어 주세요.',
  'action.inpainting_model': '그린 모델: {model} (같은 계열의 인페인팅 모델).',
  'action.largest_here': '이 그림은 이미 {size} 크기예요. 여기에서는 한 변이 최대 {limit}픽셀이에요.',
  'action.largest_of_model': '이 그림은 이미 {size} 크기예요. 이 모델은 한 변을 최대 {limit}픽셀까지 그려요.',
} as const satisfies Record<keyof typeof en, string>;
