import type { lora as en } from '../en/lora.ts';

export const lora = {
  'lora.replaced':
    '요청한 뒤에 {name} LoRA가 다른 파일로 바뀌었어요({found}, 요청: {hash}). 새 파일을 쓰려면 다시 요청해 주세요.',
  'lora.upscaler_replaced':
    '요청한 뒤에 {name} 업스케일러가 다른 파일로 바뀌었어요({found}, 요청: {hash}). 새 파일을 쓰려면 다시 요청해 주세요.',
  'lora.not_finite':
    '{name} LoRA 파일이 손상됐어요. {layer} 층의 값에 NaN이나 무한대가 있어요. 다시 내려받거나 빼 주세요.',
  'lora.none_installed': '설치된 LoRA가 없어요. DARKROOM_MODELS 폴더에 넣어 주세요.',
  'lora.none_called': '{name} LoRA는 없어요. {offer}',
  'lora.unreadable': '{name} LoRA를 읽을 수 없어요.',
  'lora.no_upscaler_installed':
    '설치된 업스케일러가 없어요. DARKROOM_MODELS의 ESRGAN이나 upscale_models 같은 폴더에 넣어 주세요.',
  'lora.no_upscaler_called': '{name} 업스케일러는 없어요. {offer}',
  'lora.upscaler_unreadable': '{name} 업스케일러를 읽을 수 없어요.',
  'lora.idle': '{name} LoRA: 모든 층의 alpha가 0이라 효과가 없어요.',
  'lora.idle_layers': '{name} LoRA: 층 {modules}개 중 {idle}개는 alpha가 0이라 효과가 없어요.',
  'lora.other_kind':
    '{name}: 이 버전의 Darkroom에서 쓸 수 없는 종류예요({kind}). LoRA, LoHa, LoKr, DoRA, 차이 파일을 쓸 수 있어요.',
  'lora.adapters':
    '{name}: 어댑터가 {count}개 들어 있는데({adapters}), Darkroom은 파일 하나에서 어댑터 하나만 읽어요. 어댑터마다 다른 파일에 저장해 주세요.',
  'lora.dtype': '{name}: {tensor} 값의 형식({dtype})을 읽을 수 없어요. LoRA 파일에 쓸 수 있는 형식: {known}',
  'lora.broken': '{name} LoRA를 쓸 수 없어요: {what}. 파일을 다시 내려받거나 빼 주세요.',
  'lora.of_other':
    '{name}: {origin}용 LoRA라 {model} 모델에 맞지 않아요(텐서 {total}개 중 맞는 것: {fitting}). 같은 계열의 모델을 고르거나 LoRA를 빼 주세요.',
  'lora.of_kin':
    '{name}: {origin}용 LoRA라 {model} 모델에는 쓸 수 없어요. 같은 계열의 모델을 고르거나 LoRA를 빼 주세요.',
  'lora.foreign':
    '{name}: {model} 모델에 맞는 LoRA가 아니에요(텐서 {total}개 중 맞는 것: {fitting}). 다른 모델을 고르거나 LoRA를 빼 주세요.',
  'lora.no_vae_installed': '설치된 VAE가 없어요. DARKROOM_MODELS의 vae 같은 폴더에 넣어 주세요.',
  'lora.no_vae_called': '{name} VAE는 없어요. {offer}',
  'lora.other_vae':
    '{name} VAE는 {factor}x{factor}픽셀마다 잠재 채널 {channels}개인데, {model} 모델에는 {ownFactor}x{ownFactor}픽셀마다 {own}개가 필요해요. 같은 계열의 VAE를 골라 주세요.',
  'lora.unused': '{name}: 텐서 {total}개 중 {used}개를 썼어요. 이 모델에 자리가 없는 것: {tensors}',
  'lora.unused_more':
    '{name}: 텐서 {total}개 중 {used}개를 썼어요. 이 모델에 자리가 없는 것: {tensors} 외 {more}개',
  'lora.for_another': '다른 모델용 LoRA: {name}',
  'lora.for': '{origin}용 LoRA: {name}',
  'lora.without_weight': '가중치 없음',
  'lora.of_size': '{size}',
  'lora.misfit':
    '{model} 모델에 맞지 않아요({whose}). {layer}: {rows} x {columns} 층을 바꾸는데 이 모델의 층은 다음과 같아요: {here}. 같은 계열의 모델을 고르거나 LoRA를 빼 주세요.',
} as const satisfies Record<keyof typeof en, string>;
