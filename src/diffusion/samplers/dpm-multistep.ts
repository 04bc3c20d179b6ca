import type { SolverConfig } from '../config.ts';
import { addNoise } from '../noise.ts';
import { ask, defineSampler, type SamplerContext, type Sampling } from '../sampler.ts';
import { SCHEDULES_OF } from '../schedule.ts';
import {
  CURVE_FLAGS,
  FLOW,
  FOUR_TYPES,
  PLAIN,
  SOLVER,
  SPACED,
  THRESHOLDING,
  words,
  ZERO_SNR,
} from '../scheduler-class.ts';
import { solverSchedule } from '../schedules/solver.ts';
import { type Estimate, estimateAt, pointAt, type SigmaPoint, stepWeights } from './solver-step.ts';

const shared = {
  kind: 'diffusion',
  schedules: SCHEDULES_OF.curvesAndSpacing,
  callsPerStep: 1,
  scheduler: {
    ...PLAIN,
    options: words(
      SPACED,
      ZERO_SNR,
      CURVE_FLAGS,
      THRESHOLDING,
      SOLVER,
      FLOW,
      'euler_at_final use_lu_lambdas final_sigmas_type lambda_min_clipped variance_type',
    ),
    predictionTypes: FOUR_TYPES,
  },
  makeSchedule: solverSchedule,
  run: dpmMultistepSteps,
} as const;
const CLASS = 'DPMSolverMultistepScheduler';
const SDE = 'sde-dpmsolver++';

/**
 * DPM-Solver multistep of solver_order 1, 2 ("2M") or 3, by algorithm_type: Lu et al. 2022a (dpmsolver), Lu et
 * al. 2022b, algorithm 2 (dpmsolver++), and their SDE forms, which draw plain noise at every step.
 */
export const dpmpp2m = defineSampler({
  ...shared,
  name: 'dpmpp_2m',
  a1111: ['DPM++ 2M'],
  diffusers: { name: CLASS },
});

export const dpmpp2mSde = defineSampler({
  ...shared,
  name: 'dpmpp_2m_sde',
  a1111: ['DPM++ 2M SDE'],
  diffusers: {
    name: CLASS,
    variant: {
      options: { algorithm_type: SDE, solver_order: 2 },
      describes: (config) => config['algorithm_type'] === SDE && config['solver_order'] !== 3,
    },
  },
});

export const dpmpp3mSde = defineSampler({
  ...shared,
  name: 'dpmpp_3m_sde',
  a1111: ['DPM++ 3M SDE'],
  diffusers: {
    name: CLASS,
    variant: {
      options: { algorithm_type: SDE, solver_order: 3 },
      describes: (config) => config['algorithm_type'] === SDE && config['solver_order'] === 3,
    },
  },
});

/** Below this many steps the last ones lose their order, for stability (lower_order_final). */
const FEW_STEPS = 15;

function dpmMultistepSteps(latents: Float32Array, context: SamplerContext): Sampling {
  const { schedule, config } = context;
  const { solver, flow } = config;
  return multistepSteps(latents, context, {
    points: Array.from(schedule.sigmas, (sigma) => pointAt(sigma, flow.useFlowSigmas)),
    input: (x) => x,
    estimate: (x, prediction, point) =>
      estimateAt(x, prediction, point, config, !solver.algorithm.endsWith('++')),
  });
}

/** How a multistep solver sees the latents: signal and noise of each sigma, and what the model is given and says. */
interface SolverSpace {
  /** One a sigma. */
  readonly points: readonly SigmaPoint[];
  input(x: Float32Array, point: SigmaPoint): Float32Array;
  estimate(x: Float32Array, prediction: Float32Array, point: SigmaPoint): Estimate;
}

/** The order is how many of the last estimates a step is drawn through. */
export function* multistepSteps(
  latents: Float32Array,
  context: SamplerContext,
  { points, input, estimate: estimateOf }: SolverSpace,
): Sampling {
  const { schedule, begin, config, random } = context;
  const { timesteps } = schedule;
  const { solver } = config;
  const isStochastic = solver.algorithm.startsWith('sde');
  let x = latents;
  let denoised: Float32Array | undefined;
  /** Newest first, at most solver_order of them. */
  let estimates: readonly Float32Array[] = [];
  for (let step = begin; step < timesteps.length; step++) {
    const [from, to] = [points[step]!, points[step + 1]!];
    const prediction = yield ask(input(x, from), timesteps[step]!, denoised);
    const estimate = estimateOf(x, prediction, from);
    denoised = estimate.denoised;
    estimates = [estimate.kept, ...estimates].slice(0, solver.order);
    const order = Math.min(estimates.length, highestOrder(solver, step, points));
    const noise = isStochastic ? random.randn(x.length) : undefined;
    const weights = stepWeights(solver.algorithm, from, to);
    const next = new Float32Array(x.length);
    const [now, before, earlier] = estimates as [Float32Array, Float32Array, Float32Array];
    for (let i = 0; i < next.length; i++) next[i] = weights.sample * x[i]! + weights.value * now[i]!;
    const h = to.lambda - from.lambda;
    if (order === 2) {
      const ratio = (from.lambda - points[step - 1]!.lambda) / h;
      const weight = (solver.type === 'heun' ? weights.heun : weights.midpoint) / ratio;
      for (let i = 0; i < next.length; i++) next[i]! += weight * (now[i]! - before[i]!);
    } else if (order === 3) {
      const ratio = (from.lambda - points[step - 1]!.lambda) / h;
      const ratioBefore = (points[step - 1]!.lambda - points[step - 2]!.lambda) / h;
      for (let i = 0; i < next.length; i++) {
        const slope = (now[i]! - before[i]!) / ratio;
        const curve = (slope - (before[i]! - earlier[i]!) / ratioBefore) / (ratio + ratioBefore);
        next[i]! += weights.heun * (slope + ratio * curve) + weights.curve * curve;
      }
    }
    if (noise !== undefined) addNoise(next, weights.noise, noise);
    context.settle(next, step);
    x = next;
  }
  return x;
}

function highestOrder(solver: SolverConfig, step: number, points: readonly SigmaPoint[]): number {
  const steps = points.length - 1;
  const settles = solver.lowerOrderFinal && steps < FEW_STEPS;
  // To 0 the step is infinite; to the same sigma, where Karras sigmas end at sigma_min, it is none.
  const h = points[step + 1]!.lambda - points[step]!.lambda;
  if (h === Number.POSITIVE_INFINITY || h === 0) return 1;
  if (step === steps - 1 && (solver.eulerAtFinal || settles)) return 1;
  return step === steps - 2 && settles ? 2 : solver.order;
}
