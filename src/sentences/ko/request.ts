import type { request as en } from '../en/request.ts';

export const request = {
  'request.control_start':
    '컨트롤의 시작 {start} 값이 끝 {end}보다 작지 않아요. 전체 단계인 0~1로 시도해 보세요.',
  'request.loras_differ': '선택지에 따라 그림마다 LoRA가 달라져요. 그림을 한 장씩 요청해 주세요.',
  'request.nothing_to_enlarge':
    '{upscaler} 업스케일러로 확대할 것이 없어요. --upscale 2, 또는 그림과 함께 --upscale-image 2를 붙여 주세요.',
  'request.refine_strength':
    'strength {strength}: 다른 그림이 되어 버려요. upscale_image에는 0~{limit}만 쓸 수 있어요. 더 크게 다시 그리려면 --upscale을 쓰세요.',
  'request.upscale_needs_picture':
    'upscale_image를 쓰려면 그림이 필요해요. 그림을 첨부하거나 그림에 답장해 주세요.',
  'request.upscale_and': 'upscale_image, {other}: 함께 쓸 수 없어요. 하나를 빼 주세요.',
  'request.upscale_one': 'upscale_image는 그림 한 장만 만들어요. 장수를 빼 주세요.',
  'request.outpaint_needs_picture':
    'zoom과 pan을 쓰려면 그림이 필요해요. 그림을 첨부하거나 그림에 답장해 주세요.',
  'request.outpaint_and': 'outpaint, {other}: 함께 쓸 수 없어요. 하나를 빼 주세요.',
  'request.needs_picture': '{option}: 바탕이 될 그림이 필요해요. 그림을 첨부하거나 이 옵션을 빼 주세요.',
  'request.needs_mask': '{option}: 마스크가 필요해요. 마스크를 첨부하거나 이 옵션을 빼 주세요.',
  'request.no_own_upscaler': 'enlarge: {model} 모델에는 자체 업스케일러가 없어요. 이 옵션을 빼 주세요.',
  'request.hires_and_mask': 'hires와 mask_image는 함께 쓸 수 없어요. 하나를 빼 주세요.',
  'request.bad_lora_tag':
    '{tag}: 읽을 수 없어요. <lora:이름:0.8>, 또는 텍스트 인코더와 나머지를 나누어 <lora:이름:0.5:0.8>로 적어 주세요.',
  'request.many_loras': 'LoRA가 {count}개예요. 함께 쓸 수 있는 것은 최대 {limit}개예요. 몇 개를 빼 주세요.',
  'request.other_lora':
    '여기의 {name} LoRA는 요청한 파일과 달라서({hash}, 요청: {asked}) 그림이 다를 수 있어요.',
  'request.lora_at_zero': '가중치 0에서는 {name} LoRA가 효과가 없어요.',
  'request.outpaint_nothing': 'zoom 1에서는 더 그릴 곳이 없어요. zoom 1.5나 pan left로 시도해 보세요.',
  'request.not_multiple': '{label} {side}: {multiple}의 배수가 아니에요. {near} 값으로 시도해 보세요.',
  'request.beyond_model':
    '{label} {side}: 이 모델의 한도를 넘어요. 최대 {limit}까지 그려요. {width}x{height} 크기로 시도해 보세요.',
  'request.bad_ratio': '--ar {text}: 1:4에서 4:1 사이의 비율이 아니에요. --ar 3:2로 시도해 보세요.',
  'request.no_step':
    '{label} {strength}: {steps}단계 중 실행할 단계가 없어요. {least} 이상으로 시도해 보세요.',
  'request.too_large': '그림이 {width}x{height} 크기가 돼요. 한 변은 최대 {limit}픽셀이에요.',
  'request.not_larger':
    'upscale_image는 그림을 키우는 옵션이에요. {width}x{height} 크기는 원래 크기 {ownWidth}x{ownHeight}보다 작아요.',
  'request.latent_elsewhere':
    '{label}: latent는 --upscale 2처럼 두 번째 단계에만 쓸 수 있어요. lanczos나 업스케일러 이름으로 시도해 보세요.',
  'request.model_has_none':
    '{label}: 이 모델에는 자체 업스케일러가 없어요. lanczos나 업스케일러 이름으로 시도해 보세요.',
  'request.not_size': '--{flag} {value}: 가로x세로 형식이 아니에요. --{flag} 256x256처럼 적어 주세요.',
  'request.not_crop': '--crop {value}: 위,왼쪽 형식이 아니에요. --crop 0,0처럼 적어 주세요.',
  'request.high_guidance':
    '가이던스 {guidance}에서는 색이 타거나 그림이 깨지기 쉬워요. 이 모델에는 {usual} 정도가 좋아요.',
  'request.no_schedule': '알 수 없는 스케줄이에요: {name}. {offer}',
  'request.no_sampler': '알 수 없는 샘플러예요: {name}. {offer}',
  'request.sampler_schedule': '{sampler} 샘플러에는 {name} 스케줄이 없어요. 쓸 수 있는 스케줄: {schedules}',
  'request.settings_in_words':
    '일반 단어로 읽었어요: {words}. 설정은 --seed 42 --ar 16:9처럼 플래그로 적어요.',
  'request.plain_words':
    "글자 그대로 읽은 부분: {words}. 프롬프트에는 가중치 (red:1.3), 선택지 '{red|blue}', BREAK를 쓸 수 있어요.",
  'request.picture_is': '그림이 {width}x{height} 크기예요',
  'request.picture_on_canvas': '그 캔버스에서는 그림이 {width}x{height} 크기가 돼요',
  'request.outpaint_small': '{what}. 이어 그리려면 각 변이 {least}픽셀 이상이어야 해요.',
  'request.outpaint_outside':
    'outpaint: {left},{top} 위치에 놓인 {keptWidth}x{keptHeight} 그림이 {width}x{height} 캔버스를 벗어나요.',
  'request.outpaint_fields':
    'outpaint에는 zoom과 pan을 써요. width, height, left, top, kept_width, kept_height는 모두 함께 써야 해요.',
  'request.outpaint_reduced':
    '결과가 {limit}픽셀보다 커지지 않도록 그림을 {width}x{height}에서 {keptWidth}x{keptHeight} 크기로 줄였어요.',
  'request.reference_small':
    '편집할 그림은 각 변이 {least}픽셀 이상이어야 해요. 이 그림은 {width}x{height} 크기예요.',
  'request.reference_narrow':
    '편집할 그림의 긴 변은 짧은 변의 {ratio}배까지만 쓸 수 있어요. 이 그림은 {width}x{height} 크기예요. 잘라서 보내 주세요.',
  'request.other_words':
    'picture_words에는 그림 {words}장의 글이 있는데 요청한 그림은 {count}장이에요. 이 값을 빼 주세요.',
  'request.no_references':
    'reference_images: {model} 모델은 참고 그림으로 편집할 수 없어요. 다시 그릴 그림 한 장을 image로 주거나 FLUX.2 klein 모델을 골라 주세요.',
  'request.many_references':
    '편집에 쓸 그림이 {count}장이에요. 최대 {limit}장까지 쓸 수 있어요. 몇 장을 빼 주세요.',
  'request.strength_idle':
    '{model} 모델은 그림을 참고해 지시대로 편집해서 강도 {strength} 값이 효과가 없어요.',
  'request.two_samplers':
    'sampler {sampler}, scheduler_config의 _class_name {className}: 서로 다른 샘플러예요. 하나를 빼 주세요.',
  'request.hires_size': 'hires에는 scale, 또는 width와 height 중 한쪽만 써요. scale 2로 시도해 보세요.',
  'request.upscale_size':
    'upscale_image에는 scale, 또는 width와 height 중 한쪽만 써요. scale 2로 시도해 보세요.',
  'request.left_controls': '컨트롤 {count}개: 명령에는 하나만 쓸 수 있어요.',
  'request.left_control_picture': '--control {kind}의 그림: 첨부하거나 그 그림에 답장해 주세요.',
  'request.left_source': '바탕이 된 그림: 그 그림에 답장으로 명령을 보내거나 그림을 첨부해 주세요.',
  'request.left_reference': '편집에 쓴 그림: 그 그림에 답장으로 명령을 보내거나 그림을 첨부해 주세요.',
  'request.left_references': '편집에 쓴 그림들: 순서대로 첨부해 주세요.',
  'request.left_mask': '마스크: 그림과 함께 mask.png로 첨부해 주세요.',
  'request.not_json': '--{flag}: JSON이 아니에요: {value}',
} as const satisfies Record<keyof typeof en, string>;
