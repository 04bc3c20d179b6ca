/** What each class of diffusers 0.42 takes in its scheduler_config.json, and what it assumes where that is silent. */
import type { SamplerName } from '../request.ts';
import type { BetaSchedule } from './betas.ts';

export type TimestepSpacing = 'leading' | 'linspace' | 'trailing';
export type PredictionType = 'epsilon' | 'v_prediction' | 'sample' | 'flow_prediction';

export interface SchedulerClass {
  readonly options: ReadonlySet<string>;
  /** Options that the class takes and then never reads. */
  readonly idle: ReadonlySet<string>;
  readonly betas: { readonly start: number; readonly end: number; readonly schedule: BetaSchedule };
  readonly betaSchedules: readonly BetaSchedule[];
  readonly predictionTypes: readonly PredictionType[];
  readonly timestepSpacing: TimestepSpacing;
  readonly clipSample: boolean;
  readonly setAlphaToOne: boolean;
  readonly lowerOrderFinal: boolean;
}

const words = (...lists: string[]): ReadonlySet<string> => new Set(lists.join(' ').split(' '));

const BETAS = 'num_train_timesteps beta_start beta_end beta_schedule trained_betas prediction_type';
const SPACED = `${BETAS} timestep_spacing steps_offset`;
const ZERO_SNR = 'rescale_betas_zero_snr';
const CURVES = 'use_karras_sigmas use_exponential_sigmas use_beta_sigmas';
const CLIPS = 'clip_sample clip_sample_range';
const THRESHOLDING = 'thresholding dynamic_thresholding_ratio sample_max_value';
const SOLVER = 'solver_order algorithm_type solver_type lower_order_final';
const SHIFTS =
  'use_dynamic_shifting base_shift max_shift base_image_seq_len max_image_seq_len time_shift_type';
const FLOW = `use_flow_sigmas flow_shift ${SHIFTS}`;
const ENDS = 'sigma_min sigma_max final_sigmas_type';
const DISTILLED = 'original_inference_steps timestep_scaling set_alpha_to_one';

const PLAIN: Omit<SchedulerClass, 'options'> = {
  idle: new Set(),
  betas: { start: 0.0001, end: 0.02, schedule: 'linear' },
  betaSchedules: ['linear', 'scaled_linear', 'squaredcos_cap_v2'],
  predictionTypes: ['epsilon', 'v_prediction', 'sample'],
  timestepSpacing: 'linspace',
  clipSample: false,
  setAlphaToOne: true,
  lowerOrderFinal: true,
};
const TWO_TYPES = ['epsilon', 'v_prediction'] as const;
const FOUR_TYPES = ['epsilon', 'v_prediction', 'sample', 'flow_prediction'] as const;
const K_BETAS = { start: 0.00085, end: 0.012, schedule: 'linear' } as const;
const LCM_BETAS = { start: 0.00085, end: 0.012, schedule: 'scaled_linear' } as const;

const multistep: SchedulerClass = {
  ...PLAIN,
  options: words(
    SPACED,
    ZERO_SNR,
    CURVES,
    THRESHOLDING,
    SOLVER,
    FLOW,
    'euler_at_final use_lu_lambdas final_sigmas_type lambda_min_clipped variance_type',
  ),
  predictionTypes: FOUR_TYPES,
};
const heun: SchedulerClass = {
  ...PLAIN,
  options: words(SPACED, CURVES, CLIPS),
  betas: K_BETAS,
  betaSchedules: [...PLAIN.betaSchedules, 'exp'],
};
const kdpm2: SchedulerClass = {
  ...PLAIN,
  options: words(SPACED, CURVES),
  betas: K_BETAS,
  predictionTypes: TWO_TYPES,
};

export const SCHEDULER_CLASSES: Readonly<Record<SamplerName, SchedulerClass>> = {
  ddim: {
    ...PLAIN,
    options: words(SPACED, ZERO_SNR, CLIPS, THRESHOLDING, 'set_alpha_to_one'),
    timestepSpacing: 'leading',
    clipSample: true,
  },
  ddpm: {
    ...PLAIN,
    options: words(SPACED, ZERO_SNR, CLIPS, THRESHOLDING, 'variance_type'),
    betaSchedules: [...PLAIN.betaSchedules, 'sigmoid', 'laplace'],
    timestepSpacing: 'leading',
    clipSample: true,
  },
  pndm: {
    ...PLAIN,
    options: words(SPACED, 'skip_prk_steps set_alpha_to_one'),
    predictionTypes: TWO_TYPES,
    timestepSpacing: 'leading',
    setAlphaToOne: false,
  },
  lms: { ...PLAIN, options: words(SPACED, CURVES) },
  euler: {
    ...PLAIN,
    options: words(SPACED, ZERO_SNR, CURVES, ENDS, 'interpolation_type timestep_type'),
  },
  euler_a: { ...PLAIN, options: words(SPACED, ZERO_SNR), predictionTypes: TWO_TYPES },
  heun,
  dpm2: kdpm2,
  dpm2_a: kdpm2,
  dpmpp_2m: multistep,
  dpmpp_2m_sde: multistep,
  dpmpp_3m_sde: multistep,
  dpmpp_sde: { ...kdpm2, options: words(SPACED, CURVES, 'noise_sampler_seed') },
  dpmpp_2s: {
    ...multistep,
    options: words(
      BETAS,
      CURVES,
      THRESHOLDING,
      SOLVER,
      FLOW,
      'final_sigmas_type lambda_min_clipped variance_type',
    ),
    lowerOrderFinal: false,
  },
  unipc: {
    ...multistep,
    options: words(
      SPACED,
      ZERO_SNR,
      CURVES,
      THRESHOLDING,
      FLOW,
      ENDS,
      'solver_order solver_type lower_order_final predict_x0 disable_corrector solver_p shift_terminal',
    ),
  },
  deis: { ...multistep, options: words(SPACED, CURVES, THRESHOLDING, SOLVER, FLOW) },
  lcm: {
    ...PLAIN,
    options: words(SPACED, ZERO_SNR, CLIPS, THRESHOLDING, DISTILLED),
    idle: words('timestep_spacing steps_offset'),
    betas: LCM_BETAS,
    timestepSpacing: 'leading',
  },
  tcd: {
    ...PLAIN,
    options: words(SPACED, ZERO_SNR, CLIPS, THRESHOLDING, DISTILLED),
    idle: words('timestep_spacing steps_offset', CLIPS, THRESHOLDING, 'timestep_scaling'),
    betas: LCM_BETAS,
    timestepSpacing: 'leading',
  },
  flow_euler: {
    ...PLAIN,
    options: words(
      CURVES,
      SHIFTS,
      'num_train_timesteps shift invert_sigmas shift_terminal stochastic_sampling',
    ),
  },
  flow_heun: { ...PLAIN, options: words('num_train_timesteps shift') },
};

/** Options of no class here but of others in diffusers, which from_config drops when a model changes its class. */
export const OPTIONS_ELSEWHERE = words(
  'gamma eta clip_denoised s_noise s_churn rho sigma_data sigma_schedule upscale_mode scale_factors',
  'predictor_order corrector_order tau_func snr correct_steps',
);

/**
 * What the class of a name stands for that it shares with others. It lies over the model's own scheduler_config
 * and under the request's.
 */
export const NAMED_OPTIONS: Readonly<Partial<Record<SamplerName, Readonly<Record<string, unknown>>>>> = {
  dpmpp_2m_sde: { algorithm_type: 'sde-dpmsolver++', solver_order: 2 },
  dpmpp_3m_sde: { algorithm_type: 'sde-dpmsolver++', solver_order: 3 },
};
