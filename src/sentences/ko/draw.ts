import type { draw as en } from '../en/draw.ts';

export const draw = {
  'draw.not_in_prompt': '프롬프트에 없어서 바꿀 내용을 더했어요: {word}',
  'draw.changed': '그림의 프롬프트를 이렇게 바꿨어요: {prompt}',
  'draw.changed_negative': '그림의 프롬프트를 이렇게 바꿨어요: {prompt}. 제외 프롬프트: {negative}',
  'draw.no_subject':
    '무엇을 그릴지 적어 주세요. 예: 탁자 위의 빨간 머그잔, 수채화. 또는 바탕이 될 그림을 첨부해 주세요.',
  'draw.address': '{host}의 그림은 가져올 수 없어요. 그림을 직접 첨부해 주세요.',
  'draw.that_address': '그 주소',
  'draw.other_files': '그림이 아니라서 쓰지 않은 파일: {names}',
  'draw.other_files_more': '그림이 아니라서 쓰지 않은 파일: {names} 외 {more}개',
  'draw.nothing_to_edit':
    '편집할 그림이 없어요. 그림에 답장하거나 그림을 첨부하고, 어떻게 바꿀지 적어 주세요.',
  'draw.attached_used': '답장한 메시지의 그림 대신 첨부한 그림을 썼어요.',
  'draw.no_picture_option': '{option} 옵션에는 그림을 쓸 수 없어요.',
  'draw.too_many_references':
    '그림을 {count}장 첨부했지만 편집에는 마스크 외에 최대 {limit}장까지 쓸 수 있어요.',
  'draw.too_many_pictures':
    '그림을 {count}장 첨부했지만 최대 3장까지 쓸 수 있어요: 원본, 마스크, 컨트롤 그림',
  'draw.mask_alone':
    '마스크를 쓰려면 다시 그릴 그림이 필요해요. 그림도 함께 첨부하거나 그 그림에 답장해 주세요.',
  'draw.not_transparent': '그림에 투명한 부분이 없어요. 다른 부분을 고르거나 마스크를 첨부해 주세요.',
  'draw.mostly_transparent':
    '그림의 {share}%가 투명해요. 투명한 부분을 다시 그리려면 --region transparent를 붙이고, 전체를 바꾸려면 배경이 있는 그림을 보내 주세요.',
  'draw.filled_white': '그림의 투명한 부분을 흰색으로 채웠어요.',
  'draw.pose_and_control': '--pose {pose}, --control {control}: 함께 쓸 수 없어요. 하나를 빼 주세요.',
  'draw.control_needs_picture':
    '--control {kind}에는 본뜰 그림이 필요해요. 그림을 첨부하거나 그림에 답장해 주세요.',
  'draw.say_control': '컨트롤 그림에서 무엇을 본뜰지 붙여 주세요. 예: --control canny',
  'draw.no_controlnets':
    '{model} 모델에는 ControlNet이 없어서 {kind} 컨트롤을 쓸 수 없어요. 다른 모델을 골라 주세요.',
  'draw.no_controlnet': '{model} 모델에는 {kind}용 ControlNet이 없어요. {offer}',
  'draw.first_of': '그림 {count}장 중 첫 번째에서 시작했어요.',
  'draw.reply_without_picture':
    '답장한 메시지에 그림이 없어요. 그림이 있는 메시지에 답장하거나, 답장 없이 프롬프트를 보내 주세요.',
  'draw.source_deleted': '바탕이 될 그림이 삭제됐어요. 다른 그림을 골라 주세요.',
  'draw.uploaded_picture': '올린 그림',
  'draw.uploaded_mask': '올린 마스크',
  'draw.uploaded_control': '올린 컨트롤 그림',
  'draw.untaught': '이 작은 모델이 배우지 않은 말: {words}. 아는 말: {known} 등. 전체는 /help에 있어요.',
  'draw.untaught_more':
    '이 작은 모델이 배우지 않은 말: {words} 외 {more}개. 아는 말: {known} 등. 전체는 /help에 있어요.',
  'draw.no_nets': '{name} ControlNet은 없어요. 설치된 ControlNet이 없어요.',
  'draw.no_net': '{name} ControlNet은 없어요. {offer}',
  'draw.net_of_no_kind':
    '{name} ControlNet이 어떤 그림을 따르는지 알 수 없어요. --control 뒤에 다음 중 하나를 붙여 주세요: {kinds}. raw는 그림을 그대로 써요.',
} as const satisfies Record<keyof typeof en, string>;
