/** scheduler_config.json as the samplers need it: diffusers' keys, with the defaults of the class in question. */
import { DarkroomError } from '../errors.ts';
import type { SamplerName } from '../request.ts';
import { scheduleBetas } from './betas.ts';
import { correctedByPipeline, type PipelineHabits } from './pipeline-habits.ts';
import {
  NAMED_OPTIONS,
  OPTIONS_ELSEWHERE,
  type PredictionType,
  SCHEDULER_CLASSES,
  type TimestepSpacing,
} from './scheduler-classes.ts';
import { OptionReader, show } from './scheduler-options.ts';

type Json = Readonly<Record<string, unknown>>;

export interface SchedulerConfig {
  readonly numTrainTimesteps: number;
  readonly betas: Float32Array;
  readonly rescaleBetasZeroSnr: boolean;
  readonly predictionType: PredictionType;
  readonly timestepSpacing: TimestepSpacing;
  readonly stepsOffset: number;
  /** The alpha before the first timestep is 1, else that of timestep 0. */
  readonly setAlphaToOne: boolean;
  /** The denoised estimate is kept within -range..range. */
  readonly clipSampleRange: number | undefined;
  /** In its place where given, by Saharia et al. 2022 (Imagen). */
  readonly thresholding: Thresholding | undefined;
  /** Where the sigmas end: at 0, or at that of timestep 0. */
  readonly finalSigmasType: 'zero' | 'sigma_min';
  /** Where the curves end and start, in place of the schedule's own ends. */
  readonly sigmaMin: number | undefined;
  readonly sigmaMax: number | undefined;
  /** Euler alone: sigmas even in their logarithm instead of even timesteps. */
  readonly logLinear: boolean;
  /** Euler alone: the denoiser is told 0.25 log sigma. */
  readonly tellsLogSigma: boolean;
  /** DDPM alone. */
  readonly varianceType: 'fixed_small' | 'fixed_small_log' | 'fixed_large';
  /** PNDM alone: no Runge-Kutta steps before the linear multistep ones. */
  readonly skipPrkSteps: boolean;
  readonly solver: SolverConfig;
  /** LCM and TCD alone. */
  readonly originalInferenceSteps: number;
  readonly timestepScaling: number;
  /** DPM++ SDE alone: its noise comes from this seed instead of the picture's. */
  readonly noiseSamplerSeed: number | undefined;
  readonly flow: FlowConfig;
}

export interface Thresholding {
  readonly ratio: number;
  readonly maxValue: number;
}

/** The multistep and singlestep solvers alone. */
export interface SolverConfig {
  readonly order: number;
  readonly algorithm: 'dpmsolver++' | 'dpmsolver' | 'sde-dpmsolver++' | 'sde-dpmsolver';
  readonly type: 'midpoint' | 'heun';
  readonly lowerOrderFinal: boolean;
  readonly eulerAtFinal: boolean;
  /** Timesteps whose half log SNR is below this are not used. */
  readonly lambdaMinClipped: number;
  readonly useLuLambdas: boolean;
  /** UniPC alone. */
  readonly predictX0: boolean;
  readonly bh: 'bh1' | 'bh2';
  /** Steps, from 0, after which it does not correct. */
  readonly disableCorrector: readonly number[];
}

/** Rectified flow. */
export interface FlowConfig {
  /** The solvers alone: their sigmas are those of a rectified flow. */
  readonly useFlowSigmas: boolean;
  readonly shift: number;
  readonly useDynamicShifting: boolean;
  readonly baseShift: number;
  readonly maxShift: number;
  readonly baseImageSeqLen: number;
  readonly maxImageSeqLen: number;
  readonly timeShiftType: 'exponential' | 'linear';
  readonly shiftTerminal: number | undefined;
  readonly invertSigmas: boolean;
  readonly stochasticSampling: boolean;
}

/**
 * A model's config read as another class than its own keeps what stands in it, drops what that class does not
 * have, and takes the class's defaults for the rest, as diffusers' from_config does.
 * @param base the model's scheduler_config.json
 * @param override the request's scheduler_config, laid over it
 * @throws DarkroomError('unsupported' | 'bad_request') naming key and value
 */
export function readSchedulerConfig(
  base: Json,
  override: Json,
  sampler: SamplerName,
  habits: PipelineHabits,
): SchedulerConfig {
  const kind = SCHEDULER_CLASSES[sampler];
  const o = new OptionReader(collect(base, override, sampler, habits));
  const numTrainTimesteps = o.wholeNumber('num_train_timesteps', 1000, 2, 100_000);
  const betas = readBetas(o, sampler, numTrainTimesteps);
  const clips = o.flag('clip_sample', kind.clipSample);
  const clipRange = o.number('clip_sample_range', 1);
  const thresholds = o.flag('thresholding', false);
  const thresholding = {
    ratio: o.within('dynamic_thresholding_ratio', 0.995, 0, 1),
    maxValue: o.number('sample_max_value', 1),
  };
  const predictionType = o.choice('prediction_type', kind.predictionTypes, 'epsilon');
  const usesEffect = !kind.idle.has('clip_sample');
  const solver = readSolver(o, sampler, predictionType);
  const finalSigmasType = o.choice('final_sigmas_type', ['zero', 'sigma_min'] as const, 'zero');
  const keepsNoise = !solver.algorithm.endsWith('++') || !solver.predictX0;
  if (keepsNoise && finalSigmasType === 'zero') {
    const option = solver.predictX0 ? `algorithm_type ${show(solver.algorithm)}` : 'predict_x0 false';
    throw new DarkroomError(
      'bad_request',
      `scheduler_config: ${option} does not reach final_sigmas_type "zero". Add final_sigmas_type "sigma_min".`,
    );
  }
  const result: SchedulerConfig = {
    numTrainTimesteps,
    betas,
    rescaleBetasZeroSnr: o.flag('rescale_betas_zero_snr', false),
    predictionType,
    timestepSpacing: o.choice(
      'timestep_spacing',
      ['leading', 'linspace', 'trailing'] as const,
      kind.timestepSpacing,
    ),
    stepsOffset: o.number('steps_offset', 0),
    setAlphaToOne: o.flag('set_alpha_to_one', kind.setAlphaToOne),
    clipSampleRange: clips && usesEffect ? clipRange : undefined,
    thresholding: thresholds && usesEffect ? thresholding : undefined,
    finalSigmasType,
    sigmaMin: o.positive('sigma_min'),
    sigmaMax: o.positive('sigma_max'),
    logLinear: o.choice('interpolation_type', ['linear', 'log_linear'] as const, 'linear') === 'log_linear',
    tellsLogSigma:
      o.choice('timestep_type', ['discrete', 'continuous'] as const, 'discrete') === 'continuous' &&
      predictionType === 'v_prediction',
    varianceType: o.choice(
      'variance_type',
      ['fixed_small', 'fixed_small_log', 'fixed_large'] as const,
      'fixed_small',
    ),
    skipPrkSteps: o.flag('skip_prk_steps', false),
    solver,
    originalInferenceSteps: o.wholeNumber('original_inference_steps', 50, 1, numTrainTimesteps),
    timestepScaling: o.number('timestep_scaling', 10),
    noiseSamplerSeed: o.optionalWhole('noise_sampler_seed'),
    flow: readFlow(o, sampler),
  };
  o.refuseRest();
  return result;
}

/** Which options there are: the folder's, under the name's own, under the request's. */
function collect(
  base: Json,
  override: Json,
  sampler: SamplerName,
  habits: PipelineHabits,
): Map<string, unknown> {
  const options = new Map<string, unknown>();
  const named = { ...correctedByPipeline(base, sampler, habits), ...NAMED_OPTIONS[sampler] };
  for (const [key, value] of Object.entries(named)) {
    if (!isDropped(key, sampler)) options.set(key, value);
  }
  for (const [key, value] of Object.entries(override)) {
    if (key.startsWith('_') || CURVE_FLAGS.has(key)) continue;
    if (isDropped(key, sampler)) {
      throw new DarkroomError(
        'unsupported',
        `scheduler_config: ${key} ${show(value)} is no option of ${sampler}. Leave it out or take another sampler.`,
      );
    }
    options.set(key, value);
  }
  return options;
}

/** They are the request's schedule (chooseSchedule). */
const CURVE_FLAGS = new Set(['use_karras_sigmas', 'use_exponential_sigmas', 'use_beta_sigmas']);

/** Whether diffusers knows an option, but not for this sampler's class. */
function isDropped(key: string, sampler: SamplerName): boolean {
  if (key.startsWith('_') || CURVE_FLAGS.has(key)) return true;
  if (SCHEDULER_CLASSES[sampler].options.has(key)) return false;
  return (
    OPTIONS_ELSEWHERE.has(key) || Object.values(SCHEDULER_CLASSES).some(({ options }) => options.has(key))
  );
}

function readBetas(o: OptionReader, sampler: SamplerName, count: number): Float32Array {
  const { betas, betaSchedules } = SCHEDULER_CLASSES[sampler];
  const start = o.number('beta_start', betas.start);
  const end = o.number('beta_end', betas.end);
  const schedule = o.choice('beta_schedule', betaSchedules, betas.schedule);
  const trained = o.take('trained_betas');
  if (trained !== undefined) {
    const fits = Array.isArray(trained) && trained.length === count && trained.every((b) => b > 0 && b < 1);
    if (fits) return Float32Array.from(trained);
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
  return scheduleBetas(schedule, start, end, count);
}

const ALGORITHMS = ['dpmsolver++', 'dpmsolver', 'sde-dpmsolver++', 'sde-dpmsolver', 'deis'] as const;
const SOLVER_TYPES = ['midpoint', 'heun', 'logrho', 'bh1', 'bh2'] as const;

/** Each class reads the other classes' names of algorithm and type as its own default, as in diffusers. */
function readSolver(o: OptionReader, sampler: SamplerName, prediction: PredictionType): SolverConfig {
  const isUnipc = sampler === 'unipc';
  const order = o.choice('solver_order', isUnipc ? [1, 2, 3, 4, 5] : [1, 2, 3], 2);
  const known = ALGORITHMS.filter((algorithm) => {
    if (sampler === 'deis') return !algorithm.startsWith('sde');
    // What diffusers leaves undefined, or has no noise prediction for.
    if (algorithm === 'sde-dpmsolver' && (sampler === 'dpmpp_2s' || order === 3)) return false;
    return algorithm.endsWith('++') || prediction !== 'flow_prediction';
  });
  const named = o.choice('algorithm_type', known, 'dpmsolver++');
  const type = o.choice('solver_type', SOLVER_TYPES, isUnipc ? 'bh2' : 'midpoint');
  const predictX0 = o.flag('predict_x0', true);
  if (!predictX0 && prediction === 'flow_prediction') {
    throw new DarkroomError(
      'bad_request',
      'scheduler_config: predict_x0 false does not go with prediction_type "flow_prediction". Leave it out.',
    );
  }
  return {
    order,
    algorithm: named === 'deis' || sampler === 'deis' ? 'dpmsolver++' : named,
    type: type === 'heun' ? 'heun' : 'midpoint',
    lowerOrderFinal: o.flag('lower_order_final', SCHEDULER_CLASSES[sampler].lowerOrderFinal),
    eulerAtFinal: o.flag('euler_at_final', false),
    lambdaMinClipped: o.number('lambda_min_clipped', Number.NEGATIVE_INFINITY, true),
    useLuLambdas: o.flag('use_lu_lambdas', false),
    predictX0,
    bh: type === 'bh1' ? 'bh1' : 'bh2',
    disableCorrector: o.wholeNumbers('disable_corrector'),
  };
}

function readFlow(o: OptionReader, sampler: SamplerName): FlowConfig {
  const useFlowSigmas = o.flag('use_flow_sigmas', false);
  const shift = o.number('shift', 1);
  const flowShift = o.number('flow_shift', 1);
  return {
    useFlowSigmas,
    shift: useFlowSigmas ? flowShift : shift,
    useDynamicShifting: o.flag('use_dynamic_shifting', false),
    baseShift: o.number('base_shift', 0.5),
    // Where the class has none, the pipeline's own default holds.
    maxShift: o.number('max_shift', sampler === 'flow_euler' ? 1.15 : 1.16),
    baseImageSeqLen: o.number('base_image_seq_len', 256),
    maxImageSeqLen: o.number('max_image_seq_len', 4096),
    timeShiftType: o.choice('time_shift_type', ['exponential', 'linear'] as const, 'exponential'),
    shiftTerminal: o.positive('shift_terminal'),
    invertSigmas: o.flag('invert_sigmas', false),
    stochasticSampling: o.flag('stochastic_sampling', false),
  };
}
