/** scheduler_config.json as the samplers need it: diffusers' keys, with the defaults of the class in question. */
import { DarkroomError, offerNames } from '../errors.ts';
import { SAMPLER_CLASS, type SamplerName, type ScheduleName, samplerOfClass } from '../request.ts';

export type TimestepSpacing = 'leading' | 'linspace' | 'trailing';
export type PredictionType = 'epsilon' | 'v_prediction' | 'sample';
type Json = Readonly<Record<string, unknown>>;

export interface SchedulerConfig {
  readonly numTrainTimesteps: number;
  readonly betas: readonly number[];
  readonly rescaleBetasZeroSnr: boolean;
  readonly predictionType: PredictionType;
  readonly timestepSpacing: TimestepSpacing;
  readonly stepsOffset: number;
  /** DDIM alone: the alpha before the first timestep is 1, else that of timestep 0. */
  readonly setAlphaToOne: boolean;
  /** DDIM alone: the denoised estimate is kept within -range..range. */
  readonly clipSampleRange: number | undefined;
  /** Where the sigmas end: at 0, or at that of timestep 0. */
  readonly finalSigmasType: 'zero' | 'sigma_min';
  /** Euler alone: where Karras sigmas end and start, in place of the schedule's own ends. */
  readonly sigmaMin: number | undefined;
  readonly sigmaMax: number | undefined;
  readonly solver: SolverConfig;
}

/** DPM-Solver++ alone. */
export interface SolverConfig {
  readonly order: 1 | 2 | 3;
  readonly type: 'midpoint' | 'heun';
  readonly lowerOrderFinal: boolean;
  readonly eulerAtFinal: boolean;
}

const COMMON =
  'num_train_timesteps beta_start beta_end beta_schedule trained_betas prediction_type timestep_spacing ' +
  'steps_offset rescale_betas_zero_snr';
const THRESHOLDING = 'thresholding dynamic_thresholding_ratio sample_max_value';
const SIGMAS = 'use_exponential_sigmas use_beta_sigmas final_sigmas_type';
const words = (...lists: string[]) => new Set(lists.join(' ').split(' '));

/** The options that a class has. `use_karras_sigmas` is the request's schedule (chooseSchedule). */
const OPTIONS: Readonly<Partial<Record<SamplerName, ReadonlySet<string>>>> = {
  ddim: words(COMMON, THRESHOLDING, 'clip_sample clip_sample_range set_alpha_to_one'),
  euler: words(COMMON, SIGMAS, 'interpolation_type sigma_min sigma_max timestep_type'),
  euler_a: words(COMMON),
  dpmpp_2m: words(
    COMMON,
    THRESHOLDING,
    SIGMAS,
    'solver_order algorithm_type solver_type lower_order_final euler_at_final use_lu_lambdas use_flow_sigmas',
    'flow_shift lambda_min_clipped variance_type use_dynamic_shifting time_shift_type',
  ),
};

/** Options of no class here but of others in diffusers, which from_config drops when a model changes its class. */
const ELSEWHERE = words(
  'skip_prk_steps predict_x0 solver_p disable_corrector original_inference_steps timestep_scaling gamma eta',
  'clip_denoised noise_sampler_seed s_noise s_churn rho sigma_data',
  'sigma_schedule shift shift_terminal base_shift max_shift base_image_seq_len max_image_seq_len invert_sigmas',
  'stochastic_sampling upscale_mode scale_factors predictor_order corrector_order tau_func snr correct_steps',
);

/** Options that are carried out for these values alone. */
const FIXED: Readonly<Record<string, readonly unknown[]>> = {
  thresholding: [false],
  interpolation_type: ['linear'],
  timestep_type: ['discrete'],
  use_exponential_sigmas: [false, null],
  use_beta_sigmas: [false, null],
  use_lu_lambdas: [false, null],
  use_flow_sigmas: [false, null],
  use_dynamic_shifting: [false],
  lambda_min_clipped: [Number.NEGATIVE_INFINITY, null],
  variance_type: [null],
  // 'deis' is what a DEIS config says; DPM-Solver++ reads it as its own.
  algorithm_type: ['dpmsolver++', 'deis'],
};
/** They say how something is done that is refused above. */
const IDLE = words('dynamic_thresholding_ratio sample_max_value flow_shift time_shift_type');

/**
 * The sampler of a request: scheduler_config's `_class_name` picks one over the request's own.
 * @throws DarkroomError('unsupported') for a class that is not here
 */
export function chooseSampler(override: Json, sampler: SamplerName): SamplerName {
  const wanted = override['_class_name'];
  const found = wanted === undefined ? sampler : samplerOfClass(wanted);
  if (found !== undefined) return found;
  throw new DarkroomError(
    'unsupported',
    `scheduler_config: _class_name ${show(wanted)} is not in this version of Darkroom. ${offerNames(String(wanted), Object.values(SAMPLER_CLASS))}`,
  );
}

/** The schedule of a request: scheduler_config's `use_karras_sigmas` goes over the request's own. */
export function chooseSchedule(override: Json, schedule: ScheduleName): ScheduleName {
  const karras = override['use_karras_sigmas'] ?? schedule === 'karras';
  if (typeof karras === 'boolean') return karras ? 'karras' : 'normal';
  throw new DarkroomError(
    'bad_request',
    `scheduler_config: use_karras_sigmas ${show(karras)} is not true or false.`,
  );
}

/**
 * A model's config read as another class than its own keeps what stands in it, drops what that class does not
 * have, and takes the class's defaults for the rest, as diffusers' from_config does.
 * @param base the model's scheduler_config.json
 * @param override the request's scheduler_config, laid over it
 * @throws DarkroomError('unsupported' | 'bad_request') naming key and value
 */
export function readSchedulerConfig(base: Json, override: Json, sampler: SamplerName): SchedulerConfig {
  const rest = new Map<string, unknown>();
  for (const [key, value] of Object.entries(correctLikeStableDiffusion(base, sampler))) {
    if (!isDropped(key, sampler)) rest.set(key, value);
  }
  for (const [key, value] of Object.entries(override)) {
    if (key.startsWith('_') || key === 'use_karras_sigmas') continue;
    if (isDropped(key, sampler)) {
      throw new DarkroomError(
        'unsupported',
        `scheduler_config: ${key} ${show(value)} is no option of ${sampler}. Leave it out or take another sampler.`,
      );
    }
    rest.set(key, value);
  }
  const take = <T>(key: string, fallback: T, check: (value: unknown) => value is T, allowed: string): T => {
    const value = rest.get(key) ?? fallback;
    rest.delete(key);
    if (!check(value)) {
      throw new DarkroomError('bad_request', `scheduler_config: ${key} ${show(value)} is not ${allowed}.`);
    }
    return value;
  };
  const number = (key: string, fallback: number) =>
    take(key, fallback, (v): v is number => typeof v === 'number' && Number.isFinite(v), 'a number');
  const flag = (key: string, fallback: boolean) =>
    take(key, fallback, (v): v is boolean => typeof v === 'boolean', 'true or false');
  const choice = <T>(key: string, choices: readonly T[], fallback: T) =>
    take(key, fallback, (v): v is T => choices.some((c) => c === v), `one of ${choices.join(', ')}`);
  const sigma = (key: string) =>
    take<number | undefined>(
      key,
      undefined,
      (v): v is number | undefined =>
        v === undefined || (typeof v === 'number' && v > 0 && Number.isFinite(v)),
      'a number above 0',
    );

  const numTrainTimesteps = take(
    'num_train_timesteps',
    1000,
    (v): v is number => Number.isInteger(v) && Number(v) > 1 && Number(v) <= 100_000,
    'a whole number from 2 to 100000',
  );
  const isDdim = sampler === 'ddim';
  const betas = readBetas({
    count: numTrainTimesteps,
    start: number('beta_start', 0.0001),
    end: number('beta_end', 0.02),
    schedule: choice('beta_schedule', ['linear', 'scaled_linear', 'squaredcos_cap_v2'] as const, 'linear'),
    trained: rest.get('trained_betas'),
  });
  rest.delete('trained_betas');
  const clips = flag('clip_sample', true);
  const range = number('clip_sample_range', 1);
  // The names that DEIS and UniPC have for their solvers are read as midpoint, as in diffusers.
  const solverType = choice('solver_type', ['midpoint', 'heun', 'logrho', 'bh1', 'bh2'] as const, 'midpoint');
  const result: SchedulerConfig = {
    numTrainTimesteps,
    betas,
    rescaleBetasZeroSnr: flag('rescale_betas_zero_snr', false),
    predictionType: choice('prediction_type', ['epsilon', 'v_prediction', 'sample'] as const, 'epsilon'),
    timestepSpacing: choice(
      'timestep_spacing',
      ['leading', 'linspace', 'trailing'] as const,
      isDdim ? 'leading' : 'linspace',
    ),
    stepsOffset: number('steps_offset', 0),
    setAlphaToOne: flag('set_alpha_to_one', true),
    clipSampleRange: isDdim && clips ? range : undefined,
    finalSigmasType: choice('final_sigmas_type', ['zero', 'sigma_min'] as const, 'zero'),
    sigmaMin: sigma('sigma_min'),
    sigmaMax: sigma('sigma_max'),
    solver: {
      order: choice('solver_order', [1, 2, 3] as const, 2),
      type: solverType === 'heun' ? 'heun' : 'midpoint',
      lowerOrderFinal: flag('lower_order_final', true),
      eulerAtFinal: flag('euler_at_final', false),
    },
  };
  for (const [key, value] of rest) {
    if (IDLE.has(key) || FIXED[key]?.includes(value)) continue;
    throw new DarkroomError(
      'unsupported',
      `scheduler_config: ${key} ${show(value)} is not in this version of Darkroom. Leave it out.`,
    );
  }
  return result;
}

/** Whether diffusers knows an option, but not for this sampler's class. */
function isDropped(key: string, sampler: SamplerName): boolean {
  if (key.startsWith('_') || key === 'use_karras_sigmas') return true;
  if (OPTIONS[sampler]?.has(key)) return false;
  return ELSEWHERE.has(key) || Object.values(OPTIONS).some((options) => options.has(key));
}

/**
 * diffusers' Stable Diffusion pipelines take neither a clipped estimate nor another offset than 1 from a folder:
 * they correct what it says, and the defaults of the folder's own class.
 */
function correctLikeStableDiffusion(base: Json, sampler: SamplerName): Json {
  const isOwnClass = base['_class_name'] === SAMPLER_CLASS[sampler];
  const corrected = { ...base };
  if (isOwnClass || 'steps_offset' in base) corrected['steps_offset'] = 1;
  if (isOwnClass || 'clip_sample' in base) corrected['clip_sample'] = false;
  return corrected;
}

interface BetaOptions {
  readonly count: number;
  readonly start: number;
  readonly end: number;
  readonly schedule: 'linear' | 'scaled_linear' | 'squaredcos_cap_v2';
  readonly trained: unknown;
}

function readBetas({ count, start, end, schedule, trained }: BetaOptions): number[] {
  if (trained !== undefined && trained !== null) {
    const fits = Array.isArray(trained) && trained.length === count && trained.every((b) => b > 0 && b < 1);
    if (fits) return trained;
    throw new DarkroomError(
      'bad_request',
      `scheduler_config: trained_betas is not ${count} numbers within 0..1.`,
    );
  }
  if (!(start > 0 && start <= end && end < 1)) {
    throw new DarkroomError(
      'bad_request',
      `scheduler_config: beta_start ${start} and beta_end ${end} must rise within 0..1.`,
    );
  }
  const line = (from: number, to: number) => (_: unknown, i: number) =>
    from + ((to - from) * i) / (count - 1);
  const steps = { length: count };
  if (schedule === 'linear') return Array.from(steps, line(start, end));
  if (schedule === 'scaled_linear') {
    return Array.from(steps, line(Math.sqrt(start), Math.sqrt(end))).map((root) => root ** 2);
  }
  // Nichol and Dhariwal 2021, section 3.2.
  const bar = (t: number) => Math.cos(((t + 0.008) / 1.008) * (Math.PI / 2)) ** 2;
  return Array.from(steps, (_, i) => Math.min(1 - bar((i + 1) / count) / bar(i / count), 0.999));
}

const show = (value: unknown) =>
  typeof value === 'number' ? String(value) : (JSON.stringify(value) ?? String(value));
