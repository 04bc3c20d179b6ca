/** scheduler_config.json as the samplers need it: diffusers' keys, with the defaults of the class in question. */
import { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';
import { scheduleBetas } from './betas.ts';
import type { PredictionType, SchedulerClass, SolverAlgorithm, TimestepSpacing } from './scheduler-class.ts';
import { OptionReader, show } from './scheduler-options.ts';

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
  /** Used instead of clipping where given: Saharia et al. 2022 (Imagen). */
  readonly thresholding: Thresholding | undefined;
  /** Where the sigmas end: at 0, or at that of timestep 0. */
  readonly finalSigmasType: 'zero' | 'sigma_min';
  /** Where the curves end and start, instead of the schedule's own ends. */
  readonly sigmaMin: number | undefined;
  readonly sigmaMax: number | undefined;
  /** Only Euler: sigmas even in their logarithm instead of even timesteps. */
  readonly logLinear: boolean;
  /** Only Euler: the denoiser is given 0.25 log sigma. */
  readonly tellsLogSigma: boolean;
  /** Only DDPM. */
  readonly varianceType: 'fixed_small' | 'fixed_small_log' | 'fixed_large';
  /** Only PNDM: no Runge-Kutta steps before the linear multistep ones. */
  readonly skipPrkSteps: boolean;
  readonly solver: SolverConfig;
  /** Only LCM and TCD. */
  readonly originalInferenceSteps: number;
  readonly timestepScaling: number;
  /** Only DPM++ SDE: its noise comes from this seed instead of the picture's. */
  readonly noiseSamplerSeed: number | undefined;
  readonly flow: FlowConfig;
  readonly edm: EdmConfig;
  readonly sa: SaSolverConfig;
}

/** Only the samplers of EDM. */
export interface EdmConfig {
  /** Standard deviation of the data. */
  readonly sigmaData: number;
  readonly sigmaMin: number;
  readonly sigmaMax: number;
  readonly sigmaSchedule: 'karras' | 'exponential';
  readonly rho: number;
}

/** Only SA-Solver. */
interface SaSolverConfig {
  readonly predictorOrder: number;
  readonly correctorOrder: number;
  /** What is integrated: the denoised estimate, or the noise. */
  readonly predictsNoise: boolean;
}

export interface Thresholding {
  readonly ratio: number;
  readonly maxValue: number;
}

/** Only the multistep and singlestep solvers. */
export interface SolverConfig {
  readonly order: number;
  readonly algorithm: SolverAlgorithm;
  readonly type: 'midpoint' | 'heun';
  readonly lowerOrderFinal: boolean;
  readonly eulerAtFinal: boolean;
  /** Timesteps whose half log SNR is below this are not used. */
  readonly lambdaMinClipped: number;
  readonly useLuLambdas: boolean;
  /** Only UniPC. */
  readonly predictX0: boolean;
  readonly bh: 'bh1' | 'bh2';
  /** Steps, from 0, after which it does not correct. */
  readonly disableCorrector: readonly number[];
}

/** Rectified flow. */
export interface FlowConfig {
  /** Only the solvers: their sigmas are those of a rectified flow. */
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
 * @param options what is set; for the rest the class's defaults hold
 * @throws DarkroomError('unsupported' | 'bad_request') naming key and value
 */
export function readSchedulerConfig(
  options: ReadonlyMap<string, unknown>,
  scheduler: SchedulerClass,
): SchedulerConfig {
  const o = new OptionReader(options);
  const numTrainTimesteps = o.wholeNumber('num_train_timesteps', 1000, 2, 100_000);
  const betas = readBetas(o, scheduler, numTrainTimesteps);
  const usesEffect = !scheduler.idle.has('clip_sample');
  const clipSampleRange = readClipping(o, scheduler);
  const thresholding = readThresholding(o);
  const predictionType = o.choice('prediction_type', scheduler.predictionTypes, 'epsilon');
  const edm = readEdm(o, scheduler);
  const sa = readSaSolver(o, scheduler, predictionType, thresholding !== undefined);
  const solver = readSolver(o, scheduler, predictionType);
  const finalSigmasType = o.choice('final_sigmas_type', ['zero', 'sigma_min'] as const, 'zero');
  const keepsNoise = !solver.algorithm.endsWith('++') || !solver.predictX0;
  if (keepsNoise && finalSigmasType === 'zero') {
    const option = solver.predictX0 ? `algorithm_type ${show(solver.algorithm)}` : 'predict_x0 false';
    throw new DarkroomError('bad_request', sentence('scheduler.not_to_zero', { option }));
  }
  const result: SchedulerConfig = {
    numTrainTimesteps,
    betas,
    rescaleBetasZeroSnr: o.flag('rescale_betas_zero_snr', false),
    predictionType,
    timestepSpacing: o.choice(
      'timestep_spacing',
      ['leading', 'linspace', 'trailing'] as const,
      scheduler.timestepSpacing,
    ),
    stepsOffset: o.number('steps_offset', 0),
    setAlphaToOne: o.flag('set_alpha_to_one', scheduler.setAlphaToOne),
    clipSampleRange: usesEffect ? clipSampleRange : undefined,
    thresholding: usesEffect ? thresholding : undefined,
    finalSigmasType,
    sigmaMin: o.positive('sigma_min'),
    sigmaMax: o.positive('sigma_max'),
    logLinear: o.choice('interpolation_type', ['linear', 'log_linear'] as const, 'linear') === 'log_linear',
    tellsLogSigma:
      o.choice('timestep_type', ['discrete', 'continuous'] as const, 'discrete') === 'continuous' &&
      predictionType === 'v_prediction',
    varianceType:
      o.optionalChoice('variance_type', ['fixed_small', 'fixed_small_log', 'fixed_large'] as const) ??
      'fixed_small',
    skipPrkSteps: o.flag('skip_prk_steps', false),
    solver,
    originalInferenceSteps: o.wholeNumber('original_inference_steps', 50, 1, numTrainTimesteps),
    timestepScaling: o.number('timestep_scaling', 10),
    noiseSamplerSeed: o.optionalWhole('noise_sampler_seed'),
    flow: readFlow(o, scheduler),
    edm,
    sa,
  };
  o.refuseRest();
  return result;
}

function readClipping(o: OptionReader, { clipSample }: SchedulerClass): number | undefined {
  if (o.flag('clip_sample', clipSample)) return o.number('clip_sample_range', 1);
  o.take('clip_sample_range');
  return undefined;
}

function readThresholding(o: OptionReader): Thresholding | undefined {
  if (o.flag('thresholding', false)) {
    return {
      ratio: o.within('dynamic_thresholding_ratio', 0.995, 0, 1),
      maxValue: o.number('sample_max_value', 1),
    };
  }
  o.take('dynamic_thresholding_ratio');
  o.take('sample_max_value');
  return undefined;
}

function readBetas(
  o: OptionReader,
  { betas, betaSchedules, options }: SchedulerClass,
  count: number,
): Float32Array {
  const start = o.number('beta_start', betas.start);
  const end = o.number('beta_end', betas.end);
  const schedule = o.choice('beta_schedule', betaSchedules, betas.schedule);
  const trained = o.take('trained_betas') ?? undefined;
  if (trained !== undefined && !options.has('beta_schedule')) {
    throw new DarkroomError('unsupported', sentence('scheduler.no_trained_betas'));
  }
  if (trained !== undefined) {
    const fits = Array.isArray(trained) && trained.length === count && trained.every((b) => b > 0 && b < 1);
    if (fits) return Float32Array.from(trained);
    throw new DarkroomError('bad_request', sentence('scheduler.trained_betas', { count }));
  }
  if (!(start > 0 && start <= end && end < 1)) {
    throw new DarkroomError('bad_request', sentence('scheduler.betas', { start, end }));
  }
  return scheduleBetas(schedule, start, end, count);
}

const SOLVER_TYPES = ['midpoint', 'heun', 'logrho', 'bh1', 'bh2'] as const;

/** Each class reads the other classes' names of algorithm and type as its own default, as in diffusers. */
function readSolver(o: OptionReader, { solver }: SchedulerClass, prediction: PredictionType): SolverConfig {
  const order = o.choice('solver_order', solver.orders, 2);
  const known = solver.algorithms.filter((algorithm) => {
    if (order === 3 && solver.withoutThirdOrder.some((one) => one === algorithm)) return false;
    // diffusers has no noise prediction for flows.
    return algorithm.endsWith('++') || prediction !== 'flow_prediction';
  });
  const named = o.choice('algorithm_type', known, 'dpmsolver++');
  const type = o.choice('solver_type', SOLVER_TYPES, solver.type);
  const predictX0 = o.flag('predict_x0', true);
  if (!predictX0 && prediction === 'flow_prediction') {
    throw new DarkroomError('bad_request', sentence('scheduler.predict_x0'));
  }
  return {
    order,
    algorithm: named === 'deis' || solver.ignoresAlgorithm ? 'dpmsolver++' : named,
    type: type === 'heun' ? 'heun' : 'midpoint',
    lowerOrderFinal: o.flag('lower_order_final', solver.lowerOrderFinal),
    eulerAtFinal: o.flag('euler_at_final', false),
    lambdaMinClipped: o.number('lambda_min_clipped', Number.NEGATIVE_INFINITY, true),
    useLuLambdas: o.flag('use_lu_lambdas', false),
    predictX0,
    bh: type === 'bh1' ? 'bh1' : 'bh2',
    disableCorrector: o.wholeNumbers('disable_corrector'),
  };
}

function readEdm(o: OptionReader, { options }: SchedulerClass): EdmConfig {
  const isEdm = options.has('sigma_data');
  const limits = {
    min: isEdm ? o.positive('sigma_min') : undefined,
    max: isEdm ? o.positive('sigma_max') : undefined,
  };
  const { min: sigmaMin = 0.002, max: sigmaMax = 80 } = limits;
  if (sigmaMin >= sigmaMax) {
    throw new DarkroomError('bad_request', sentence('scheduler.sigmas', { sigmaMin, sigmaMax }));
  }
  return {
    sigmaMin,
    sigmaMax,
    sigmaData: o.positive('sigma_data') ?? 0.5,
    sigmaSchedule: o.choice('sigma_schedule', ['karras', 'exponential'] as const, 'karras'),
    rho: o.positive('rho') ?? 7,
  };
}

function readSaSolver(
  o: OptionReader,
  { options }: SchedulerClass,
  prediction: PredictionType,
  thresholds: boolean,
): SaSolverConfig {
  const isSa = options.has('predictor_order');
  const algorithm = isSa
    ? o.choice('algorithm_type', ['data_prediction', 'noise_prediction'] as const, 'data_prediction')
    : 'data_prediction';
  const predictsNoise = algorithm === 'noise_prediction';
  if (predictsNoise && (prediction === 'flow_prediction' || thresholds)) {
    throw new DarkroomError(
      'bad_request',
      sentence('scheduler.noise_prediction', {
        other: thresholds ? 'thresholding true' : 'prediction_type "flow_prediction"',
      }),
    );
  }
  return {
    predictorOrder: o.wholeNumber('predictor_order', 2, 1, 4),
    correctorOrder: o.wholeNumber('corrector_order', 2, 1, 4),
    predictsNoise,
  };
}

function readFlow(o: OptionReader, { maxShift, options }: SchedulerClass): FlowConfig {
  // Without scale_factors, which are not carried out, it has no effect.
  if (options.has('upscale_mode')) o.take('upscale_mode');
  const useFlowSigmas = o.flag('use_flow_sigmas', false);
  const shift = o.number('shift', 1);
  const flowShift = o.number('flow_shift', 1);
  return {
    useFlowSigmas,
    shift: useFlowSigmas ? flowShift : shift,
    useDynamicShifting: o.flag('use_dynamic_shifting', false),
    baseShift: o.number('base_shift', 0.5),
    maxShift: o.number('max_shift', maxShift),
    baseImageSeqLen: o.number('base_image_seq_len', 256),
    maxImageSeqLen: o.number('max_image_seq_len', 4096),
    timeShiftType: o.choice('time_shift_type', ['exponential', 'linear'] as const, 'exponential'),
    shiftTerminal: o.positive('shift_terminal'),
    invertSigmas: o.flag('invert_sigmas', false),
    stochasticSampling: o.flag('stochastic_sampling', false),
  };
}
