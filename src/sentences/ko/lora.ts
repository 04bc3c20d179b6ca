import type { lora as en } from '../en/lora.ts';

export const lora = {
  'lora.replaced':
    '요청한 뒤에 {name} LoRA가 다른 파일로 바뀌었어요({found}, 요청: {hash}). 새 파일을 쓰려면 다시 요청해 주세요.',
  'lora.upscaler_replaced':
    '요청한 뒤에 {name} 업스케일러가 다른 파일로 바뀌었어요({found}, 요청: {hash}). 새 파일을 쓰려면 다시 요청해 주세요.',
  'lora.not_finite':
    '{name} LoRA 파일이 손상됐어요. {tensor} 값에 NaN이나 무한대가 있어요. 다시 내려받거나 빼 주세요.',
  'lora.none_installed': '설치된 LoRA가 없어요. DARKROOM_MODELS 폴더에 넣어 주세요.',
  'lora.none_called': '{name} LoRA는 없어요. {offer}',
  'lora.unreadable': '{name} LoRA를 읽을 수 없어요.',
  'lora.no_upscaler_installed':
    '설치된 업스케일러가 없어요. DARKROOM_MODELS의 ESRGAN이나 upscale_models 같은 폴더에 넣어 주세요.',
  'lora.no_upscaler_called': '{name} 업스케일러는 없어요. {offer}',
  'lora.upscaler_unreadable': '{name} 업스케일러를 읽을 수 없어요.',
} as const satisfies Record<keyof typeof en, string>;
