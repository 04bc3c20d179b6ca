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
} from '../scheduler-class.ts';
import { solverSchedule } from '../schedules/solver.ts';
import { estimateAt, pointAt } from './solver-step.ts';

/**
 * Zhang and Chen 2022 (DEIS), its log-rho multistep form of order 1 to 3: the noise is a polynomial in log rho
 * through the last estimates, integrated exactly over rho = sigma / alpha. It ends at the lowest sigma, not at 0.
 */
export const deis = defineSampler({
  name: 'deis',
  a1111: ['DEIS'],
  diffusers: { name: 'DEISMultistepScheduler' },
  kind: 'diffusion',
  schedules: SCHEDULES_OF.curvesAndSpacing,
  callsPerStep: 1,
  scheduler: {
    ...PLAIN,
    options: words(SPACED, CURVE_FLAGS, THRESHOLDING, SOLVER, FLOW),
    predictionTypes: FOUR_TYPES,
    solver: {
      ...PLAIN.solver,
      algorithms: ['dpmsolver++', 'dpmsolver', 'deis'],
      ignoresAlgorithm: true,
    },
  },
  makeSchedule: (config, order) => solverSchedule(config, order, { endsAboveZero: true }),
  run: deisSteps,
});

/** Below this many steps the last ones lose their order, for stability (lower_order_final). */
const FEW_STEPS = 15;

function* deisSteps(latents: Float32Array, context: SamplerContext): Sampling {
  const { schedule, begin, config } = context;
  const { sigmas, timesteps } = schedule;
  const { solver, flow } = config;
  const points = Array.from(sigmas, (sigma) => pointAt(sigma, flow.useFlowSigmas));
  const rhos = points.map(({ sigma, alpha }) => sigma / alpha);
  const steps = timesteps.length;
  const settles = solver.lowerOrderFinal && steps < FEW_STEPS;
  let x = latents;
  let denoised: Float32Array | undefined;
  /** Newest first, at most solver_order of them. */
  let estimates: readonly Float32Array[] = [];
  for (let step = begin; step < steps; step++) {
    const prediction = yield ask(x, timesteps[step]!, denoised);
    const [from, to] = [points[step]!, points[step + 1]!];
    const estimate = estimateAt(x, prediction, from, config, true);
    denoised = estimate.denoised;
    estimates = [estimate.kept, ...estimates].slice(0, solver.order);
    const highest = settles ? Math.min(solver.order, steps - step) : solver.order;
    const order = Math.min(highest, estimates.length);
    const nodes = Array.from({ length: order }, (_, k) => rhos[step - k]!);
    const next = new Float32Array(x.length);
    const stretch = to.alpha / from.alpha;
    for (let i = 0; i < next.length; i++) next[i] = stretch * x[i]!;
    for (const [k, values] of estimates.slice(0, order).entries()) {
      const weight = to.alpha * integral(nodes, k, rhos[step]!, rhos[step + 1]!);
      for (let i = 0; i < next.length; i++) next[i]! += weight * values[i]!;
    }
    context.settle(next, step);
    x = next;
  }
  return x;
}

/** Of the polynomial in log rho that is 1 at node `k` and 0 at the others, over rho. */
function integral(nodes: readonly number[], k: number, from: number, to: number): number {
  const others = nodes.filter((_, j) => j !== k).map(Math.log);
  const own = Math.log(nodes[k]!);
  const [a, b] = others;
  if (a === undefined) return to - from;
  const l = Math.log;
  if (b === undefined) {
    const primitive = (rho: number) => (rho * (l(rho) - 1 - a)) / (own - a);
    return primitive(to) - primitive(from);
  }
  const primitive = (rho: number) =>
    (rho * (l(rho) ** 2 - (2 + a + b) * l(rho) + 2 + a + b + a * b)) / ((own - a) * (own - b));
  return primitive(to) - primitive(from);
}
