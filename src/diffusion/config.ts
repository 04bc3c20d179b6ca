/** scheduler_config.json as the samplers need it: diffusers' keys, with the defaults of the class in question. */
import { DarkroomError } from '../errors.ts';
import type { SamplerName } from '../request.ts';

export type TimestepSpacing = 'leading' | 'linspace' | 'trailing';
export type PredictionType = 'epsilon' | 'v_prediction' | 'sample';

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
}

/** Keys that say what is done here anyway, or act on nothing that is done here; with the values they may have. */
const FIXED: Readonly<Record<string, readonly unknown[]>> = {
  thresholding: [false],
  interpolation_type: ['linear'],
  final_sigmas_type: ['zero'],
  timestep_type: ['discrete'],
  use_exponential_sigmas: [false, null],
  use_beta_sigmas: [false, null],
  use_lu_lambdas: [false, null],
  use_flow_sigmas: [false, null],
  use_dynamic_shifting: [false],
  sigma_min: [null],
  sigma_max: [null],
  variance_type: [null],
  solver_order: [2],
  algorithm_type: ['dpmsolver++'],
  solver_type: ['midpoint'],
  lower_order_final: [true],
  euler_at_final: [false],
};
const HARMLESS = new Set(
  (
    '_class_name _diffusers_version skip_prk_steps dynamic_thresholding_ratio sample_max_value lambda_min_clipped ' +
    'flow_shift time_shift_type use_karras_sigmas'
  ).split(' '),
);

/**
 * @param config scheduler_config.json with the request's scheduler_config laid over it
 * @throws DarkroomError('unsupported' | 'bad_request') naming key and value
 */
export function readSchedulerConfig(
  config: Readonly<Record<string, unknown>>,
  sampler: SamplerName,
): SchedulerConfig {
  const rest = new Map(Object.entries(config).filter(([key]) => !HARMLESS.has(key)));
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
  const choice = <T extends string>(key: string, choices: readonly T[], fallback: T) =>
    take(key, fallback, (v): v is T => choices.some((c) => c === v), `one of ${choices.join(', ')}`);

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
    schedule: choice('beta_schedule', ['linear', 'scaled_linear', 'squaredcos_cap_v2'], 'linear'),
    trained: rest.get('trained_betas'),
  });
  rest.delete('trained_betas');
  const clips = flag('clip_sample', true);
  const range = number('clip_sample_range', 1);
  const result: SchedulerConfig = {
    numTrainTimesteps,
    betas,
    rescaleBetasZeroSnr: flag('rescale_betas_zero_snr', false),
    predictionType: choice('prediction_type', ['epsilon', 'v_prediction', 'sample'], 'epsilon'),
    timestepSpacing: choice(
      'timestep_spacing',
      ['leading', 'linspace', 'trailing'],
      isDdim ? 'leading' : 'linspace',
    ),
    stepsOffset: number('steps_offset', 0),
    setAlphaToOne: flag('set_alpha_to_one', true),
    clipSampleRange: isDdim && clips ? range : undefined,
  };
  for (const [key, value] of rest) {
    if (FIXED[key]?.includes(value)) continue;
    throw new DarkroomError(
      'unsupported',
      `scheduler_config: ${key} ${show(value)} is not in this version of Darkroom. Leave it out.`,
    );
  }
  return result;
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

const show = (value: unknown) => JSON.stringify(value) ?? String(value);
