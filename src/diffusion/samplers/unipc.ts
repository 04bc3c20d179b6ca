import type { SchedulerConfig, SolverConfig } from '../config.ts';
import { ask, defineSampler, type SamplerContext, type Sampling } from '../sampler.ts';
import { SCHEDULES_OF } from '../schedule.ts';
import {
  CURVE_FLAGS,
  ENDS,
  FLOW,
  FOUR_TYPES,
  PLAIN,
  SPACED,
  THRESHOLDING,
  words,
  ZERO_SNR,
} from '../scheduler-class.ts';
import { solverSchedule } from '../schedules/solver.ts';
import { estimateAt, pointAt, type SigmaPoint } from './solver-step.ts';

/**
 * Zhao et al. 2023 (UniPC), algorithms 1 and 2: each call first corrects the step that led to it, then predicts
 * the next one, both through the last estimates.
 */
export const unipc = defineSampler({
  name: 'unipc',
  a1111: ['UniPC'],
  diffusers: { name: 'UniPCMultistepScheduler' },
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
      FLOW,
      ENDS,
      'solver_order solver_type lower_order_final predict_x0 disable_corrector solver_p shift_terminal',
    ),
    predictionTypes: FOUR_TYPES,
    solver: { ...PLAIN.solver, orders: [1, 2, 3, 4, 5], type: 'bh2' },
  },
  makeSchedule: (config, order) => solverSchedule(config, order, { unipcFlow: true, ownSigmaMin: true }),
  run: unipcSteps,
});

function* unipcSteps(latents: Float32Array, context: SamplerContext): Sampling {
  const { schedule, begin, config } = context;
  const { sigmas, timesteps } = schedule;
  const { solver, flow } = config;
  const points = Array.from(sigmas, (sigma) => pointAt(sigma, flow.useFlowSigmas));
  let x = latents;
  let denoised: Float32Array | undefined;
  /** Newest first. */
  let estimates: readonly Float32Array[] = [];
  /** Where the step that led here began, and its order. */
  let before: { readonly sample: Float32Array; readonly order: number } | undefined;
  for (let step = begin; step < timesteps.length; step++) {
    const prediction = yield ask(x, timesteps[step]!, denoised);
    const estimate = estimateAt(x, prediction, points[step]!, config, !solver.predictX0);
    denoised = estimate.denoised;
    if (before !== undefined && !solver.disableCorrector.includes(step - 1)) {
      const weights = uniWeights(config, points, step - 1, before.order, true);
      x = combine(before.sample, weights, [...estimates.slice(0, before.order), estimate.kept]);
    }
    estimates = [estimate.kept, ...estimates].slice(0, solver.order);
    const order = Math.min(step - begin + 1, highestOrder(solver, step, points));
    before = { sample: x, order };
    const next = combine(x, uniWeights(config, points, step, order, false), estimates.slice(0, order));
    context.settle(next, step);
    x = next;
  }
  return x;
}

function highestOrder(solver: SolverConfig, step: number, points: readonly SigmaPoint[]): number {
  // To 0 the step is infinite; to the same sigma, where a curve ends at sigma_min, it is none.
  const h = points[step + 1]!.lambda - points[step]!.lambda;
  if (h === Number.POSITIVE_INFINITY || h === 0) return 1;
  return solver.lowerOrderFinal ? Math.min(solver.order, points.length - 1 - step) : solver.order;
}

/** next = sample x start + the sum of values x estimates, newest first; the corrector's new one comes last. */
interface UniWeights {
  readonly sample: number;
  readonly values: readonly number[];
}

function combine(
  start: Float32Array,
  { sample, values }: UniWeights,
  estimates: readonly Float32Array[],
): Float32Array {
  const next = new Float32Array(start.length);
  for (let i = 0; i < next.length; i++) next[i] = sample * start[i]!;
  for (const [k, estimate] of estimates.entries()) {
    const weight = values[k]!;
    for (let i = 0; i < next.length; i++) next[i]! += weight * estimate[i]!;
  }
  return next;
}

/** Formula 5 of the paper for the step from `step` to the next; with `corrects`, the estimate there takes part. */
function uniWeights(
  { solver }: SchedulerConfig,
  points: readonly SigmaPoint[],
  step: number,
  order: number,
  corrects: boolean,
): UniWeights {
  const [from, to] = [points[step]!, points[step + 1]!];
  const h = Math.fround(to.lambda - from.lambda);
  const hh = solver.predictX0 ? -h : h;
  const phi1 = Math.expm1(hh);
  const bh = solver.bh === 'bh1' ? hh : phi1;
  const ratios = Array.from({ length: order - 1 }, (_, k) => {
    const earlier = points[step - k - 1]!;
    return (earlier.lambda - from.lambda) / h;
  });
  const rhos = corrects ? correctorRhos(ratios, hh, phi1, bh) : predictorRhos(ratios, hh, phi1, bh);
  // The differences to the newest estimate, each over its ratio, are weighed by rhos.
  const scale = (solver.predictX0 ? to.alpha : to.sigma) * bh;
  const weights = rhos.map((rho, k) => -(scale * rho) / (ratios[k] ?? 1));
  const newest = -(solver.predictX0 ? to.alpha : to.sigma) * phi1 - weights.reduce((a, b) => a + b, 0);
  return {
    sample: solver.predictX0 ? to.sigma / from.sigma : to.alpha / from.alpha,
    values: [newest, ...weights],
  };
}

function predictorRhos(ratios: readonly number[], hh: number, phi1: number, bh: number): number[] {
  if (ratios.length === 0) return [];
  // Order 2 is degenerate and takes one half, as the paper's section 3.2 has it.
  if (ratios.length === 1) return [0.5];
  return solve(ratios, hh, phi1, bh);
}

function correctorRhos(ratios: readonly number[], hh: number, phi1: number, bh: number): number[] {
  return ratios.length === 0 ? [0.5] : solve([...ratios, 1], hh, phi1, bh);
}

/** The rhos that make as many orders as there are ratios vanish: sum of rho x ratio^(i - 1) = b_i. */
function solve(ratios: readonly number[], hh: number, phi1: number, bh: number): number[] {
  const n = ratios.length;
  let phi = phi1 / hh - 1;
  let factorial = 1;
  const rows = Array.from({ length: n }, (_, i) => {
    const row = [...ratios.map((ratio) => ratio ** i), (phi * factorial) / bh];
    factorial *= i + 2;
    phi = phi / hh - 1 / factorial;
    return row;
  });
  return eliminate(rows);
}

/** Gauss's elimination with the largest pivot; rows hold the right side last. */
function eliminate(rows: number[][]): number[] {
  const n = rows.length;
  for (let k = 0; k < n; k++) {
    let pivot = k;
    for (let i = k + 1; i < n; i++) if (Math.abs(rows[i]![k]!) > Math.abs(rows[pivot]![k]!)) pivot = i;
    [rows[k], rows[pivot]] = [rows[pivot]!, rows[k]!];
    for (let i = k + 1; i < n; i++) {
      const factor = rows[i]![k]! / rows[k]![k]!;
      for (let j = k; j <= n; j++) rows[i]![j]! -= factor * rows[k]![j]!;
    }
  }
  const solution = new Array<number>(n).fill(0);
  for (let i = n - 1; i >= 0; i--) {
    let rest = rows[i]![n]!;
    for (let j = i + 1; j < n; j++) rest -= rows[i]![j]! * solution[j]!;
    solution[i] = rest / rows[i]![i]!;
  }
  return solution;
}
