/** What a scheduler class of diffusers takes in its scheduler_config.json, and what it assumes where that is silent. */
import type { BetaSchedule } from './betas.ts';

export type TimestepSpacing = 'leading' | 'linspace' | 'trailing';
export type PredictionType = 'epsilon' | 'v_prediction' | 'sample' | 'flow_prediction';
export type SolverAlgorithm = 'dpmsolver++' | 'dpmsolver' | 'sde-dpmsolver++' | 'sde-dpmsolver';

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
  /** max_shift where the config has none: the class's own default, or the pipeline's where the class has no such option. */
  readonly maxShift: number;
  readonly solver: SolverClass;
}

/** Options of the multistep and singlestep solvers. */
interface SolverClass {
  readonly orders: readonly number[];
  /** Values of algorithm_type that are carried out. */
  readonly algorithms: readonly (SolverAlgorithm | 'deis')[];
  /** The class computes the same whichever of them is set. */
  readonly ignoresAlgorithm: boolean;
  readonly type: 'midpoint' | 'bh2';
  readonly lowerOrderFinal: boolean;
  /** Algorithms that diffusers leaves undefined at solver_order 3. */
  readonly withoutThirdOrder: readonly SolverAlgorithm[];
}

/** Names of options in lists that are separated by spaces. */
export const words = (...lists: string[]): ReadonlySet<string> => new Set(lists.join(' ').split(' '));

export const BETAS = 'num_train_timesteps beta_start beta_end beta_schedule trained_betas prediction_type';
export const SPACED = `${BETAS} timestep_spacing steps_offset`;
export const ZERO_SNR = 'rescale_betas_zero_snr';
export const CURVE_FLAGS = 'use_karras_sigmas use_exponential_sigmas use_beta_sigmas';
export const CLIPS = 'clip_sample clip_sample_range';
export const THRESHOLDING = 'thresholding dynamic_thresholding_ratio sample_max_value';
export const SOLVER = 'solver_order algorithm_type solver_type lower_order_final';
export const SHIFTS =
  'use_dynamic_shifting base_shift max_shift base_image_seq_len max_image_seq_len time_shift_type';
export const FLOW = `use_flow_sigmas flow_shift ${SHIFTS}`;
export const ENDS = 'sigma_min sigma_max final_sigmas_type';
export const DISTILLED = 'original_inference_steps timestep_scaling set_alpha_to_one';

export const TWO_TYPES = ['epsilon', 'v_prediction'] as const;
export const FOUR_TYPES = ['epsilon', 'v_prediction', 'sample', 'flow_prediction'] as const;

/** What most classes assume. */
export const PLAIN: Omit<SchedulerClass, 'options'> = {
  idle: new Set(),
  betas: { start: 0.0001, end: 0.02, schedule: 'linear' },
  betaSchedules: ['linear', 'scaled_linear', 'squaredcos_cap_v2'],
  predictionTypes: ['epsilon', 'v_prediction', 'sample'],
  timestepSpacing: 'linspace',
  clipSample: false,
  setAlphaToOne: true,
  maxShift: 1.16,
  solver: {
    orders: [1, 2, 3],
    algorithms: ['dpmsolver++', 'dpmsolver', 'sde-dpmsolver++', 'sde-dpmsolver', 'deis'],
    ignoresAlgorithm: false,
    type: 'midpoint',
    lowerOrderFinal: true,
    withoutThirdOrder: ['sde-dpmsolver'],
  },
};

/** The classes after k-diffusion that look ahead: Heun, DPM2 and DPM++ SDE. */
export const K_DIFFUSION: Omit<SchedulerClass, 'options'> = {
  ...PLAIN,
  betas: { start: 0.00085, end: 0.012, schedule: 'linear' },
};

/** Models that were trained by sigmas. */
export const EDM: Omit<SchedulerClass, 'options'> = {
  ...PLAIN,
  predictionTypes: TWO_TYPES,
  solver: {
    ...PLAIN.solver,
    algorithms: ['dpmsolver++', 'sde-dpmsolver++'],
    withoutThirdOrder: ['sde-dpmsolver++'],
  },
};
export const EDM_OPTIONS =
  'num_train_timesteps prediction_type sigma_min sigma_max sigma_data sigma_schedule rho final_sigmas_type';

/** LCM and TCD. */
export const FEW_STEPS: Omit<SchedulerClass, 'options' | 'idle'> = {
  ...PLAIN,
  betas: { start: 0.00085, end: 0.012, schedule: 'scaled_linear' },
  timestepSpacing: 'leading',
};
