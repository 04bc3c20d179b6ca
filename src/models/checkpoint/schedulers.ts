/**
 * The scheduler_config.json that a single file does not have: as the hub's folder of the same family has it, where
 * diffusers' from_single_file takes it from.
 */
import type { Prediction } from './prediction.ts';

export type SchedulerConfig = Readonly<Record<string, unknown>>;

const BETAS = {
  num_train_timesteps: 1000,
  beta_start: 0.00085,
  beta_end: 0.012,
  beta_schedule: 'scaled_linear',
  trained_betas: null,
  clip_sample: false,
};

/** Zero terminal SNR only makes sense where sampling starts at the last training step (Lin et al. 2023, section 3.3). */
const zeroSnr = ({ zeroTerminalSnr }: Prediction): SchedulerConfig =>
  zeroTerminalSnr ? { rescale_betas_zero_snr: true, timestep_spacing: 'trailing' } : {};

const LEADING = { ...BETAS, set_alpha_to_one: false, steps_offset: 1 };

const ddim = (prediction: Prediction): SchedulerConfig => ({
  _class_name: 'DDIMScheduler',
  ...LEADING,
  prediction_type: prediction.type,
  ...zeroSnr(prediction),
});

/** Stable Diffusion 1: PNDM, which knows no zero terminal SNR; DDIM where that is asked for. */
export const sd1Scheduler = (prediction: Prediction): SchedulerConfig =>
  prediction.zeroTerminalSnr
    ? ddim(prediction)
    : { _class_name: 'PNDMScheduler', ...LEADING, prediction_type: prediction.type, skip_prk_steps: true };

/** Stable Diffusion 2: DDIM where it predicts the velocity; the models of 512 pixels and for inpainting have PNDM. */
export const sd2Scheduler = (prediction: Prediction): SchedulerConfig =>
  prediction.type === 'epsilon' ? sd1Scheduler(prediction) : ddim(prediction);

/** Latent consistency models. */
export const lcmScheduler: SchedulerConfig = {
  _class_name: 'LCMScheduler',
  ...BETAS,
  set_alpha_to_one: true,
  steps_offset: 0,
  original_inference_steps: 50,
  timestep_scaling: 10,
};

/** Stable Diffusion XL: Euler; CosXL's sigmas where the file says so. */
export function sdxlScheduler(prediction: Prediction): SchedulerConfig {
  const { type, sigmas } = prediction;
  if (sigmas !== undefined) {
    return {
      _class_name: 'EDMEulerScheduler',
      num_train_timesteps: 1000,
      prediction_type: type,
      sigma_min: sigmas.min,
      sigma_max: sigmas.max,
      sigma_data: 1,
      sigma_schedule: 'exponential',
      rho: 7,
    };
  }
  return {
    _class_name: 'EulerDiscreteScheduler',
    ...BETAS,
    interpolation_type: 'linear',
    prediction_type: type,
    sample_max_value: 1,
    set_alpha_to_one: false,
    skip_prk_steps: true,
    steps_offset: 1,
    timestep_spacing: 'leading',
    use_karras_sigmas: false,
    ...zeroSnr(prediction),
  };
}

/** Playground 2.5. */
export const playgroundScheduler: SchedulerConfig = {
  _class_name: 'EDMDPMSolverMultistepScheduler',
  algorithm_type: 'dpmsolver++',
  dynamic_thresholding_ratio: 0.995,
  euler_at_final: false,
  final_sigmas_type: 'zero',
  lower_order_final: true,
  num_train_timesteps: 1000,
  prediction_type: 'epsilon',
  rho: 7,
  sample_max_value: 1,
  sigma_data: 0.5,
  sigma_max: 80,
  sigma_min: 0.002,
  solver_order: 2,
  solver_type: 'midpoint',
  thresholding: false,
};

/** Stable Diffusion 3 and 3.5. */
export const sd3Scheduler: SchedulerConfig = {
  _class_name: 'FlowMatchEulerDiscreteScheduler',
  num_train_timesteps: 1000,
  shift: 3,
};

/** FLUX.1 schnell. */
export const fluxSchnellScheduler: SchedulerConfig = {
  _class_name: 'FlowMatchEulerDiscreteScheduler',
  num_train_timesteps: 1000,
  shift: 1,
  use_dynamic_shifting: false,
};

/** FLUX.1 dev: its shift follows the size of the picture. */
export const fluxDevScheduler: SchedulerConfig = {
  _class_name: 'FlowMatchEulerDiscreteScheduler',
  num_train_timesteps: 1000,
  shift: 3,
  use_dynamic_shifting: true,
  base_shift: 0.5,
  max_shift: 1.15,
  base_image_seq_len: 256,
  max_image_seq_len: 4096,
};

/** @param shift 3 of Z-Image-Turbo, 6 of the base model: their weights have the same names and shapes */
export const zImageScheduler = (shift = 3): SchedulerConfig => ({
  _class_name: 'FlowMatchEulerDiscreteScheduler',
  num_train_timesteps: 1000,
  shift,
  use_dynamic_shifting: false,
});

/** FLUX.2 klein: its shift follows the size of the picture and the number of steps. */
export const flux2Scheduler: SchedulerConfig = { ...fluxDevScheduler, time_shift_type: 'exponential' };
