import type { SchedulerConfig } from '../config.ts';
import { addNoise } from '../noise.ts';
import { ask, defineSampler, type SamplerContext, type Sampling } from '../sampler.ts';
import { SCHEDULES_OF } from '../schedule.ts';
import {
  BETAS,
  CURVE_FLAGS,
  FLOW,
  FOUR_TYPES,
  PLAIN,
  SOLVER,
  THRESHOLDING,
  words,
} from '../scheduler-class.ts';
import { solverSchedule } from '../schedules/solver.ts';
import { estimateAt, pointAt, stepWeights } from './solver-step.ts';

/**
 * DPM-Solver singlestep, Lu et al. 2022b, algorithm 1 (dpmsolver++ "2S"), 2022a (dpmsolver), and the SDE form,
 * which draws noise at every step.
 */
export const dpmpp2s = defineSampler({
  name: 'dpmpp_2s',
  a1111: ['DPM++ 2S'],
  diffusers: { name: 'DPMSolverSinglestepScheduler' },
  kind: 'diffusion',
  schedules: SCHEDULES_OF.curves,
  callsPerStep: 1,
  scheduler: {
    ...PLAIN,
    options: words(
      BETAS,
      CURVE_FLAGS,
      THRESHOLDING,
      SOLVER,
      FLOW,
      'final_sigmas_type lambda_min_clipped variance_type',
    ),
    predictionTypes: FOUR_TYPES,
    solver: {
      ...PLAIN.solver,
      algorithms: ['dpmsolver++', 'dpmsolver', 'sde-dpmsolver++', 'deis'],
      lowerOrderFinal: false,
    },
  },
  makeSchedule: (config, order) => solverSchedule(config, order, { ignoresSpacing: true }),
  run: dpmSinglestepSteps,
});

/**
 * Steps come in groups of solver_order calls; each starts where its group began and is drawn through all of the
 * group's estimates.
 */
function* dpmSinglestepSteps(latents: Float32Array, context: SamplerContext): Sampling {
  const { schedule, begin, config, random } = context;
  const { sigmas, timesteps } = schedule;
  const { solver, flow } = config;
  const keepsNoise = !solver.algorithm.endsWith('++');
  const isStochastic = solver.algorithm.startsWith('sde');
  const points = Array.from(sigmas, (sigma) => pointAt(sigma, flow.useFlowSigmas));
  const orders = orderOfSteps(config, timesteps.length);
  let [x, start] = [latents, latents];
  let denoised: Float32Array | undefined;
  /** Newest first, at most solver_order of them. */
  let estimates: readonly Float32Array[] = [];
  for (let step = begin; step < timesteps.length; step++) {
    const prediction = yield ask(x, timesteps[step]!, denoised);
    const estimate = estimateAt(x, prediction, points[step]!, config, keepsNoise);
    denoised = estimate.denoised;
    estimates = [estimate.kept, ...estimates].slice(0, solver.order);
    const noise = isStochastic ? random.randn(x.length) : undefined;
    const order = Math.min(orders[step]!, estimates.length);
    if (order === 1) start = x;
    const [base, to] = [points[step - order + 1]!, points[step + 1]!];
    const weights = stepWeights(solver.algorithm, base, to);
    const h = to.lambda - base.lambda;
    const first = estimates[order - 1]!;
    const next = new Float32Array(x.length);
    for (let i = 0; i < next.length; i++) next[i] = weights.sample * start[i]! + weights.value * first[i]!;
    const now = estimates[0]!;
    const ratio = (points[step]!.lambda - base.lambda) / h;
    if (order === 2) {
      const weight = (solver.type === 'heun' ? weights.heun : weights.midpoint) / ratio;
      for (let i = 0; i < next.length; i++) next[i]! += weight * (now[i]! - first[i]!);
    } else if (order === 3 && solver.type === 'midpoint') {
      const weight = weights.heun / ratio;
      for (let i = 0; i < next.length; i++) next[i]! += weight * (now[i]! - first[i]!);
    } else if (order === 3) {
      const middle = estimates[1]!;
      const ratioMiddle = (points[step - 1]!.lambda - base.lambda) / h;
      for (let i = 0; i < next.length; i++) {
        const near = (middle[i]! - first[i]!) / ratioMiddle;
        const far = (now[i]! - first[i]!) / ratio;
        const slope = (ratio * near - ratioMiddle * far) / (ratio - ratioMiddle);
        const curve = (2 * (far - near)) / (ratio - ratioMiddle);
        next[i]! += weights.heun * slope + weights.curve * curve;
      }
    }
    if (noise !== undefined) addNoise(next, weights.noise, noise);
    context.settle(next, step);
    x = next;
  }
  return x;
}

/** 1, 2, 3, 1, 2, 3, ... up to solver_order; what does not fill a group, or must end at 0, ends in lower ones. */
function orderOfSteps({ solver, finalSigmasType }: SchedulerConfig, steps: number): number[] {
  const { order } = solver;
  const settles = solver.lowerOrderFinal || steps % order !== 0 || finalSigmasType === 'zero';
  const orders = Array.from({ length: steps }, (_, i) => (i % order) + 1);
  if (settles && order > 1 && steps % order === 0) {
    // The last group of a whole number of them would end in its highest order.
    orders[steps - 1] = 1;
  }
  if (finalSigmasType === 'zero') orders[steps - 1] = 1;
  return orders;
}
