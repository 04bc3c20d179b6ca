import type { scheduler as en } from '../en/scheduler.ts';

export const scheduler = {
  'scheduler.not_boolean': 'scheduler_config: {flag} {value}: true나 false만 쓸 수 있어요.',
  'scheduler.two_schedules': 'scheduler_config: 서로 다른 스케줄이에요: {flags}. 하나를 빼 주세요.',
  'scheduler.not_to_zero':
    'scheduler_config: {option} 옵션으로는 final_sigmas_type "zero"까지 갈 수 없어요. final_sigmas_type "sigma_min"을 추가해 주세요.',
  'scheduler.no_trained_betas':
    'scheduler_config: 이 클래스의 trained_betas는 이 버전의 Darkroom에 없어요. 빼 주세요.',
  'scheduler.trained_betas': 'scheduler_config: trained_betas에는 0에서 1 사이의 수가 {count}개 있어야 해요.',
  'scheduler.betas': 'scheduler_config: beta_start {start}, beta_end {end}: 0에서 1 사이에서 커져야 해요.',
  'scheduler.predict_x0':
    'scheduler_config: predict_x0 false는 prediction_type "flow_prediction"과 함께 쓸 수 없어요. 빼 주세요.',
  'scheduler.sigmas': 'scheduler_config: sigma_min {sigmaMin} 값이 sigma_max {sigmaMax}보다 작아야 해요.',
  'scheduler.noise_prediction':
    'scheduler_config: algorithm_type "noise_prediction", {other}: 함께 쓸 수 없어요. "data_prediction"을 써 주세요.',
  'scheduler.no_option':
    'scheduler_config: {sampler} 샘플러에는 {key} {value} 옵션이 없어요. 빼거나 다른 샘플러를 골라 주세요.',
  'scheduler.not_here': 'scheduler_config: {key} {value}: 이 버전의 Darkroom에 없어요. 빼 주세요.',
  'scheduler.not_allowed': 'scheduler_config: {key} {value}: {allowed}만 쓸 수 있어요.',
  'scheduler.a_number': '수',
  'scheduler.a_number_from': '{low}에서 {high} 사이의 수',
  'scheduler.a_whole_number_from': '{low}에서 {high} 사이의 정수',
  'scheduler.a_whole_number': '정수',
  'scheduler.whole_numbers': '정수의 목록',
  'scheduler.above_zero': '0보다 큰 수',
  'scheduler.true_or_false': 'true나 false',
  'scheduler.one_of': '다음 중 하나({choices})',
  'scheduler.other_kind':
    '{sampler} 샘플러의 대상: {kind}. 이 모델의 방식: {own}. 이 샘플러로 시도해 보세요: {names}',
  'scheduler.kind.diffusion': '타임스텝 디퓨전',
  'scheduler.kind.flow': '정류 흐름(rectified flow)',
  'scheduler.kind.edm': 'EDM 방식',
  'scheduler.few_timesteps':
    '{sampler} 샘플러로 {steps}단계를 그리기에는 타임스텝이 {usable}개뿐이에요(original_inference_steps {original}). {limit}단계 이하로 시도해 보세요.',
  'scheduler.prk_steps':
    'skip_prk_steps가 false인 pndm에는 {least}단계 이상이 필요한데 {steps}단계예요. 단계를 늘리거나 skip_prk_steps true를 추가해 주세요.',
  'scheduler.no_step': '강도 {strength}: {steps}단계 중 실행할 단계가 없어요.',
} as const satisfies Record<keyof typeof en, string>;
