import type { control as en } from '../en/control.ts';

export const control = {
  'control.nobody':
    'openpose 그림에서 사람을 찾지 못했어요. 다른 그림을 보내거나 자세 이름을 적어 주세요: {poses}',
  'control.no_body': '자세 파일의 {number}번째 사람은 몸의 키포인트가 없어서 뺐어요.',
  'control.canvas_fitted': '자세의 {width}x{height} 캔버스를 {newWidth}x{newHeight} 크기에 맞췄어요.',
  'control.bad_pose':
    '자세 파일을 쓸 수 없어요: {what}. OpenPose JSON이나 골격 그림(raw), 또는 자세 이름을 보내 주세요.',
  'control.pose_people': '사람이 {count}명이에요(최대 {limit}명)',
  'control.pose_no_keypoints': '{number}번째 사람의 pose_keypoints_2d가 없어요',
  'control.pose_all_missing': '키포인트가 하나도 없어요',
  'control.pose_outside':
    '자세가 {width}x{height} 그림 밖에 있어요. canvas_width와 canvas_height를 적어 주세요',
  'control.pose_long': '{count}자예요(최대 {limit}자)',
  'control.pose_not_json': 'JSON이 아니에요',
  'control.pose_frames': '프레임이 {count}개예요(하나만 쓸 수 있어요)',
  'control.pose_no_object': 'people 목록이 있는 객체가 아니에요',
  'control.pose_no_people': 'people 목록이 없어요',
  'control.pose_points': '{number}번째 사람의 점이 {count}개예요(BODY_18은 18개, BODY_25는 25개)',
  'control.pose_not_numbers': '{number}번째 사람의 키포인트에 수가 아닌 값이 있어요',
  'control.pose_numbers':
    '{number}번째 사람의 pose_keypoints_2d에 수가 {count}개예요(BODY_18은 54개, BODY_25는 75개)',
  'control.pose_canvas': 'canvas_width나 canvas_height가 픽셀 수가 아니에요',
  'control.none_installed':
    '설치된 ControlNet이 없어요. DARKROOM_MODELS의 controlnet 같은 폴더에 넣어 주세요.',
  'control.none_called': '{name} ControlNet은 없어요. {offer}',
  'control.followed':
    '{kind} 그림을 {name} ControlNet으로 따라 그렸어요. 다른 것은 --controlnet으로 골라요: {others}',
  'control.unsupported':
    '{model} 모델에서는 ControlNet을 쓸 수 없어요. Stable Diffusion 1, 2, XL 모델에서 쓸 수 있어요. 컨트롤을 빼거나 다른 모델을 골라 주세요.',
  'control.detector_unloaded':
    '{kind}.onnx 검출기를 불러오지 못했어요. ONNX 모델이 아니거나 onnxruntime으로 실행할 수 없는 모델이에요. 운영자에게 알려 주세요.',
  'control.detector_names':
    '검출기의 {kind}.json에 적힌 {field} {name} 항목이 모델에 없어요. 모델에 있는 것: {names}',
  'control.has_kinds': '쓸 수 있는 컨트롤: {kinds}.',
  'control.of_no_kind':
    '무엇을 따라 그리는지 알 수 없는 ControlNet: {names}. --controlnet으로 하나를 골라 주세요.',
  'control.put_one': '이런 모델용 ControlNet을 DARKROOM_MODELS에 넣거나 다른 모델을 골라 주세요.',
  'control.names_more': '{names} 외 {more}개',
  'control.none_for': '{model} 모델에는 {kind}용 ControlNet이 없어요.',
  'control.none_of_its_own': '{model} 모델에는 자체 {kind}용 ControlNet이 없어요.',
  'control.name_one': '컨트롤의 controlnet 필드에 이름을 적어 주세요.',
  'control.unknown_pose': '알 수 없는 자세예요: {name}. {offer}',
  'control.cover': '{from} 크기의 {kind} 그림을 {to} 크기로 맞추고 남는 부분을 잘랐어요.',
  'control.fill': '{from} 크기의 {kind} 그림을 {to} 크기로 맞추고 둘레를 채웠어요.',
  'control.stretch': '{from} 크기의 {kind} 그림을 {to} 크기로 늘렸어요.',
  'control.no_pose_detector':
    '자세 검출기가 없어서 사진에서 자세를 읽을 수 없어요. OpenPose JSON을 보내거나, dancing 같은 자세 이름을 적거나, 그려진 골격을 raw로 보내 주세요.',
  'control.no_depth_detector':
    '깊이 검출기가 없어서 사진에서 깊이를 읽을 수 없어요. 깊이 그림(가까운 곳이 흰색)을 raw로 보내 주세요.',
  'control.raw_needs_net':
    '--control raw는 그림을 그대로 써요. 그 그림을 따라 그릴 ControlNet의 이름을 --controlnet으로 적어 주세요.',
  'control.unknown_region': '알 수 없는 부분이에요: {name}. {offer}',
  'control.detector_answer':
    '{kind} 검출기의 결과가 {kind}.json의 내용과 맞지 않아요. 운영자에게 그 파일을 고쳐 달라고 요청해 주세요.',
} as const satisfies Record<keyof typeof en, string>;
