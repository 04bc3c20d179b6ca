import { ask, defineSampler, type SamplerContext, type Sampling } from '../sampler.ts';
import { SCHEDULES_OF } from '../schedule.ts';
import { CURVE_FLAGS, FOUR_TYPES, PLAIN, SPACED, THRESHOLDING, words } from '../scheduler-class.ts';
import { levelOfAlpha } from '../schedules/alphas.ts';
import { solverSchedule } from '../schedules/solver.ts';
import { estimateAt, pointAt, type SigmaPoint } from './solver-step.ts';

const { exp, expm1, sqrt } = Math;

/** Between these timesteps steps are stochastic (diffusers' default tau_func); elsewhere they draw no noise. */
const STOCHASTIC = { from: 200, to: 800 };

/**
 * Xue et al. 2023 (SA-Solver), algorithm 1: a stochastic Adams predictor and corrector. Each call first corrects the
 * step that led to it, then predicts the next one. Draws noise at every step.
 */
export const saSolver = defineSampler({
  name: 'sa_solver',
  a1111: ['SA-Solver', 'SA Solver'],
  diffusers: {
    name: 'SASolverScheduler',
    // Solvers of other classes have an algorithm_type of their own, which a folder of theirs names.
    variant: { options: { algorithm_type: 'data_prediction' }, describes: () => true },
  },
  kind: 'diffusion',
  schedules: SCHEDULES_OF.curvesAndSpacing,
  callsPerStep: 1,
  scheduler: {
    ...PLAIN,
    options: words(
      SPACED,
      CURVE_FLAGS,
      THRESHOLDING,
      'predictor_order corrector_order tau_func algorithm_type lower_order_final use_flow_sigmas flow_shift',
      'lambda_min_clipped variance_type',
    ),
    predictionTypes: FOUR_TYPES,
  },
  makeSchedule: (config, order) => {
    const schedule = solverSchedule(config, order, { endsAboveZero: true });
    // Unlike the other solvers, it adds noise to a picture by whole timesteps.
    const levels = schedule.timesteps.map((t) => levelOfAlpha(schedule.alphasCumprod[t]!));
    return { ...schedule, levels };
  },
  run: saSolverSteps,
});

/** What a step began with; the corrector makes it again with one more estimate. */
interface Began {
  readonly sample: Float32Array;
  readonly noise: Float32Array;
  readonly tau: number;
  readonly correctorOrder: number;
}

function* saSolverSteps(latents: Float32Array, context: SamplerContext): Sampling {
  const { schedule, begin, config, random } = context;
  const { sigmas, timesteps } = schedule;
  const { solver, flow, sa } = config;
  const points = Array.from(sigmas, (sigma) => pointAt(sigma, flow.useFlowSigmas));
  const kept = Math.max(sa.predictorOrder, sa.correctorOrder - 1);
  let x = latents;
  let denoised: Float32Array | undefined;
  /** Newest first. */
  let estimates: readonly Float32Array[] = [];
  let began: Began | undefined;
  for (let step = begin; step < timesteps.length; step++) {
    const timestep = timesteps[step]!;
    const prediction = yield ask(x, timestep, denoised);
    const estimate = estimateAt(x, prediction, points[step]!, config, sa.predictsNoise);
    denoised = estimate.denoised;
    if (began !== undefined) {
      const { correctorOrder: order, tau } = began;
      const nodes = { points, step: step - 1, newest: step, order };
      x = update(began.sample, began.noise, [estimate.kept, ...estimates], nodes, tau, sa.predictsNoise);
    }
    estimates = [estimate.kept, ...estimates].slice(0, kept);
    const noise = random.randn(x.length);
    const left = solver.lowerOrderFinal ? timesteps.length - step : Number.POSITIVE_INFINITY;
    const made = Math.min(step - begin, kept);
    const order = Math.min(sa.predictorOrder, left, made + 1);
    const tau = timestep >= STOCHASTIC.from && timestep <= STOCHASTIC.to ? 1 : 0;
    began = { sample: x, noise, tau, correctorOrder: Math.min(sa.correctorOrder, left + 1, made + 2) };
    const nodes = { points, step, newest: step, order };
    const next = update(x, noise, estimates, nodes, tau, sa.predictsNoise);
    context.settle(next, step);
    x = next;
  }
  return x;
}

interface Nodes {
  readonly points: readonly SigmaPoint[];
  /** The step goes from this point to the next. */
  readonly step: number;
  /** The point of the newest estimate; the others lie before it. */
  readonly newest: number;
  readonly order: number;
}

/** Formulas 13 and 14: the solution of the SDE with the estimates' polynomial in lambda instead of the model. */
function update(
  start: Float32Array,
  noise: Float32Array,
  estimates: readonly Float32Array[],
  { points, step, newest, order }: Nodes,
  tau: number,
  predictsNoise: boolean,
): Float32Array {
  const [from, to] = [points[step]!, points[step + 1]!];
  const h = to.lambda - from.lambda;
  const growth = 1 + tau ** 2;
  const lambdas = Array.from({ length: order }, (_, k) => points[newest - k]!.lambda);
  const weights = predictsNoise
    ? lambdas.map((_, k) => -growth * to.alpha * integral(lambdas, k, from.lambda, to.lambda, -1))
    : lambdas.map(
        (_, k) =>
          growth *
          to.sigma *
          exp(-(tau ** 2) * to.lambda) *
          integral(lambdas, k, from.lambda, to.lambda, growth),
      );
  if (!predictsNoise && order === 2) {
    // A change that keeps the order of convergence, for few steps, as in UniPC.
    const rest = (h * growth - 1 + exp(-growth * h)) / growth ** 2;
    const isCorrector = newest !== step;
    const shift = isCorrector
      ? h / 2 - rest / h
      : (h ** 2 / 2 - rest) / (from.lambda - points[step - 1]!.lambda);
    const scaled = growth * to.sigma * exp(-(tau ** 2) * to.lambda) * exp(growth * to.lambda) * shift;
    weights[0]! += scaled;
    weights[1]! -= scaled;
  }
  const stretch = predictsNoise ? to.alpha / from.alpha : exp(-(tau ** 2) * h) * (to.sigma / from.sigma);
  const spread = predictsNoise
    ? tau * to.sigma * sqrt(expm1(2 * h))
    : to.sigma * sqrt(-expm1(-2 * tau ** 2 * h));
  const next = new Float32Array(start.length);
  for (let i = 0; i < next.length; i++) next[i] = stretch * start[i]! + spread * noise[i]!;
  for (const [k, weight] of weights.entries()) {
    const estimate = estimates[k]!;
    for (let i = 0; i < next.length; i++) next[i]! += weight * estimate[i]!;
  }
  return next;
}

/**
 * Of exp(rate x) times the polynomial that is 1 at node `k` and 0 at the others, over from..to.
 * @param nodes lambdas of the estimates
 */
function integral(nodes: readonly number[], k: number, from: number, to: number, rate: number): number {
  // Coefficients of the polynomial, lowest power first.
  let polynomial = [1];
  for (const [j, node] of nodes.entries()) {
    if (j === k) continue;
    const distance = nodes[k]! - node;
    const product = new Array<number>(polynomial.length + 1).fill(0);
    for (const [power, coefficient] of polynomial.entries()) {
      product[power]! -= (coefficient * node) / distance;
      product[power + 1]! += coefficient / distance;
    }
    polynomial = product;
  }
  return primitive(polynomial, to, rate) - primitive(polynomial, from, rate);
}

/** By parts: the sum of (-1)^n p^(n)(x) exp(rate x) / rate^(n + 1). */
function primitive(polynomial: readonly number[], x: number, rate: number): number {
  let [derivative, sum, sign] = [polynomial, 0, 1];
  for (let n = 1; derivative.length > 0; n++) {
    const value = derivative.reduceRight((total, coefficient) => total * x + coefficient, 0);
    sum += (sign * value) / rate ** n;
    derivative = derivative.slice(1).map((coefficient, power) => coefficient * (power + 1));
    sign = -sign;
  }
  return sum * exp(rate * x);
}
