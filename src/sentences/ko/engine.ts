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
  'engine.weights_idle': '{encoder} 인코더는 글을 문장으로 읽어서, {text} 속 낱말의 가중치는 효과가 없어요.',
  'engine.weight_range': '{text}의 {value} 값이 -{limit}~{limit} 범위를 벗어나서 {used} 값을 썼어요.',
  'engine.no_size_fits':
    '어떤 크기도 들어가지 않아요. 더 작은 모델을 고르거나, 운영자에게 메모리가 더 큰 장치를 요청해 주세요.',
  'engine.fits': '{width}x{height} 크기는 그릴 수 있어요.',
  'engine.text.prompt': '프롬프트',
  'engine.text.negative': '제외 프롬프트',
  'engine.the_weight': '가중치 {weight}',
  'engine.a_weight': '가중치',
} as const satisfies Record<keyof typeof en, string>;
