import type { engine as en } from '../en/engine.ts';

export const engine = {
  'engine.guidance_idle': '{model} 모델은 가이던스 없이 학습돼서 가이던스 {guidance} 값이 효과가 없어요.',
  'engine.no_encoder': '{model} 모델에는 {ordinal} 텍스트 인코더가 없어서 {field} 값이 효과가 없어요.',
  'engine.field_idle': '{model} 모델은 {field} 값을 읽지 않아서 효과가 없어요.',
  'engine.clip_skip_idle': '{model} 모델은 CLIP 층의 값을 쓰지 않아서 clip_skip이 효과가 없어요.',
  'engine.guess_idle': '컨트롤이 없으면 guess_mode가 효과가 없어요.',
  'engine.embedding_of_other': '{name} 임베딩은 {model} 모델과 다른 계열용이라 이름을 글로 읽었어요.',
  'engine.upscaler_memory':
    '{name} 업스케일러에는 {needed}GB가 필요한데 {device} 장치에는 {room}GB가 있어요. 더 작은 것이나 lanczos를 골라 주세요.',
  'engine.memory':
    '{model} 모델로 {width}x{height} 크기로 그리려면 {needed}GB가 필요한데 {device} 장치에는 {room}GB가 있어요. {way}',
  'engine.ordinal.1': '두 번째',
  'engine.ordinal.2': '세 번째',
  'engine.the_negative_prompt': '제외 프롬프트',
  'engine.idle_at_guidance':
    '가이던스 {guidance}에서는 효과가 없는 값: {what}. {least}보다 큰 가이던스를 골라 주세요.',
  'engine.idle_on_model': '{model} 모델은 classifier-free guidance 없이 그려서 효과가 없는 값: {what}',
  'engine.unread': '{text}의 끝부분은 읽지 못했어요. 여기부터: “{words}”',
  'engine.unread_t5': 'T5가 {text}의 끝부분을 읽지 못했어요. 여기부터: “{words}”',
  'engine.weights_idle': '{encoder} 인코더는 글을 문장으로 읽어서, {text} 속 단어의 가중치는 효과가 없어요.',
  'engine.weight_range': '{text}의 {value} 값이 -{limit}~{limit} 범위를 벗어나서 {used} 값을 썼어요.',
  'engine.no_size_fits':
    '어떤 크기로도 그릴 수 없어요. 더 작은 모델을 고르거나, 운영자에게 메모리가 더 큰 장치를 요청해 주세요.',
  'engine.fits': '{width}x{height} 크기는 그릴 수 있어요.',
  'engine.text.prompt': '프롬프트',
  'engine.text.negative': '제외 프롬프트',
  'engine.the_weight': '가중치 {weight}',
  'engine.a_weight': '가중치',
  'engine.channels':
    '{model} 모델의 디노이저는 채널 {channels}개를 읽어요. Darkroom은 채널 {own}개, 인페인팅용은 {inpainting}개인 디노이저를 실행해요. 다른 모델을 골라 주세요.',
  'engine.needs_mask':
    '{model} 모델은 인페인팅 모델이라 바탕이 될 그림과 마스크가 필요해요. 둘 다 첨부하거나 다른 모델을 골라 주세요.',
  'engine.multiple':
    '{label} {side}: {model} 모델에는 {multiple}의 배수가 필요해요. {near} 값으로 시도해 보세요.',
  'engine.too_large':
    '{label} {side}: {model} 모델은 최대 {limit}까지 그려요. {width}x{height} 크기로 시도해 보세요.',
  'engine.device_memory':
    '{device} 장치의 남은 메모리가 부족해요. 다른 프로그램이 쓰고 있을 수 있어요. 크기나 장수를 줄이거나 그 프로그램을 닫아 주세요.',
  'engine.device_lost':
    '절전이나 드라이버 재설정 뒤처럼 {device} 장치가 멈췄어요. 다시 요청해 주세요. 또 그러면 운영자가 기기를 다시 시작해야 해요.',
  'engine.cause_guidance': '가이던스 {guidance} 값 때문인 것 같아요. {usual} 값으로 시도해 보세요.',
  'engine.cause_weights':
    '{model} 모델의 가중치가 손상됐거나, 이 scheduler_config와 {sampler} 샘플러가 맞지 않는 것 같아요.',
  'engine.not_finite': '{calls}단계 중 {call}단계에서 잠재값이 NaN이나 무한대가 됐어요. {cause}',
  'engine.precision_idle':
    '{precision} 정밀도는 UNet이 있는 모델용이라 {model} 모델에는 효과가 없어요. float32로 그렸어요.',
  'engine.cancelled': '작업을 취소했어요.',
  'engine.stopped': '엔진이 멈췄어요.',
  'engine.model_stopped': '그림을 그리던 중에 모델이 멈췄어요.',
  'engine.device_unusable': '{device} 장치를 쓸 수 없어요: {reason}. auto로 하면 쓸 수 있는 장치를 골라요.',
  'engine.cuda_libraries':
    '{device} 장치를 쓸 수 없어요: CUDA 라이브러리를 불러올 수 없어요. darkroom gpu install을 다시 실행해 주세요. auto로 하면 쓸 수 있는 장치를 골라요.',
  'engine.no_card': '{device} 장치가 없어요. nvidia-smi -L로 카드를 확인해 주세요.',
  'engine.no_webgpu':
    '그래픽 드라이버를 찾지 못해 webgpu를 쓸 수 없어요. Linux에서는 libvulkan1과 카드의 Vulkan 드라이버가 필요해요.',
  'engine.model_unloaded': '모델을 불러오지 못했어요. 자세한 이유는 운영자의 로그에 있어요.',
  'engine.out_of_memory':
    '이 기기의 메모리가 부족해요. 크기를 줄이거나, 다른 프로그램이 메모리를 비운 뒤에 다시 요청해 주세요.',
  'engine.cannot_refine':
    '{model} 모델은 인페인팅 모델이라 그림을 다듬을 수 없어요. strength를 0으로 하거나 다른 모델을 골라 주세요.',
  'engine.thin_mask': '마스크가 너무 얇아서 {blur}픽셀 흐림 없이 썼어요.',
  'engine.no_picture':
    '이 모델의 {network}에서 그림 대신 NaN이나 무한대 값이 나왔어요. 다른 시드나 크기로 시도해 보세요. 그래도 같으면 가중치가 손상된 거예요.',
  'engine.input_gone': '더 이상 없는 파일이에요: {what}. 다시 첨부해 주세요.',
  'engine.stopping': 'Darkroom이 멈추는 중이에요. 다시 켜진 뒤에 요청해 주세요.',
  'engine.clip_skip':
    'clip_skip {clipSkip}: {model} 모델의 텍스트 인코더에서는 최대 {limit}개 층을 건너뛸 수 있어요. 0이나 1로 시도해 보세요.',
  'engine.input.control': '{kind} 컨트롤 그림',
  'engine.input.reference': '참고 그림',
  'engine.input.source': '바탕이 될 그림',
  'engine.input.mask': '마스크',
  'engine.no_precision': '{asker} {precision}: 알 수 없는 정밀도예요. 쓸 수 있는 값: {known}',
  'engine.cpu_precision':
    '{asker} {precision}: CPU에서만 쓸 수 있어요({names}). 빼거나 cpu 장치를 골라 주세요.',
  'engine.gpu_precision':
    '{asker} {precision}: GPU에서만 쓸 수 있어요({names}). 빼거나 webgpu 장치를 골라 주세요.',
  'engine.no_float16':
    '{asker} float16: {device} 장치에 없거나 그 결과가 틀려서 쓸 수 없어요. float32를 써 주세요.',
  'engine.device_precision': '{device} 장치의 정밀도: {precision}',
  'engine.int8_idle': '{asker} int8: 이 CPU에서는 쓰지 않아요({reason}). float32를 써 주세요.',
} as const satisfies Record<keyof typeof en, string>;
