/** What is wrong with a scheduler_config, and with a sampler on a model. */
export const scheduler = {
  'scheduler.not_boolean': 'scheduler_config: {flag} {value} is not true or false.',
  'scheduler.two_schedules': 'scheduler_config: {flags} name two schedules. Leave one out.',
  'scheduler.not_to_zero':
    'scheduler_config: {option} does not reach final_sigmas_type "zero". Add final_sigmas_type "sigma_min".',
  'scheduler.no_trained_betas':
    'scheduler_config: trained_betas is not in this version of Darkroom for this class. Leave it out.',
  'scheduler.trained_betas': 'scheduler_config: trained_betas is not {count} numbers within 0..1.',
  'scheduler.betas': 'scheduler_config: beta_start {start} and beta_end {end} must rise within 0..1.',
  'scheduler.predict_x0':
    'scheduler_config: predict_x0 false does not go with prediction_type "flow_prediction". Leave it out.',
  'scheduler.sigmas': 'scheduler_config: sigma_min {sigmaMin} is not below sigma_max {sigmaMax}.',
  'scheduler.noise_prediction':
    'scheduler_config: algorithm_type "noise_prediction" does not go with {other}. Take "data_prediction".',
  'scheduler.no_option':
    'scheduler_config: {key} {value} is no option of {sampler}. Leave it out or take another sampler.',
  'scheduler.not_here': 'scheduler_config: {key} {value} is not in this version of Darkroom. Leave it out.',
  'scheduler.not_allowed': 'scheduler_config: {key} {value} is not {allowed}.',
  'scheduler.a_number': 'a number',
  'scheduler.a_number_from': 'a number from {low} to {high}',
  'scheduler.a_whole_number_from': 'a whole number from {low} to {high}',
  'scheduler.a_whole_number': 'a whole number',
  'scheduler.whole_numbers': 'a list of whole numbers',
  'scheduler.above_zero': 'a number above 0',
  'scheduler.true_or_false': 'true or false',
  'scheduler.one_of': 'one of {choices}',
  'scheduler.other_kind': '{sampler} is for {kind}; this model is {own}. Try {names}.',
  'scheduler.kind.diffusion': 'a diffusion over timesteps',
  'scheduler.kind.flow': 'a rectified flow',
  'scheduler.kind.edm': 'a model in EDM form',
  'scheduler.few_timesteps':
    '{sampler} has {usable} timesteps for {steps} steps (original_inference_steps {original}). Try {limit} steps or fewer.',
  'scheduler.prk_steps':
    'pndm with skip_prk_steps false needs {least} steps or more, not {steps}. Add steps, or skip_prk_steps true.',
  'scheduler.no_step': 'strength {strength} of {steps} steps leaves no step to run.',
} as const;
