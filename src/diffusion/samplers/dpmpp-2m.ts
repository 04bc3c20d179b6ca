import type { SolverConfig } from '../config.ts';
import { predictedPicture } from '../prediction.ts';
import { ask, type SamplerContext, type Sampling } from '../sampler.ts';

/** Below this many steps the last ones lose their order, for stability (lower_order_final). */
const FEW_STEPS = 15;

/**
 * DPM-Solver++ multistep, Lu et al. 2022b, algorithm 2; of solver_order 1, 2 ("2M") or 3. The order says how many
 * of the last estimates of the picture a step is drawn through.
 */
export function* dpmpp2m(latents: Float32Array, context: SamplerContext): Sampling {
  const { schedule, begin, config } = context;
  const { sigmas, timesteps } = schedule;
  const lambda = (step: number) => -Math.log(sigmas[step]!);
  let x = latents;
  /** Newest first, at most solver_order of them. */
  let estimates: readonly Float32Array[] = [];
  for (let step = begin; step < timesteps.length; step++) {
    const prediction = yield ask(x, timesteps[step]!, estimates[0]);
    const [from, to] = [sigmas[step]!, sigmas[step + 1]!];
    const [alphaFrom, alphaTo] = [1 / Math.sqrt(from ** 2 + 1), 1 / Math.sqrt(to ** 2 + 1)];
    const clean = predictedPicture(x, prediction, alphaFrom, from * alphaFrom, config.predictionType);
    estimates = [clean, ...estimates].slice(0, config.solver.order);
    const shrink = (to * alphaTo) / (from * alphaFrom);
    // exp(-h), h the step in half log SNR; also where the step ends at 0 and h is infinite.
    const decay = to / from;
    const order = Math.min(estimates.length, highestOrder(config.solver, step, timesteps.length, decay));
    const h = -Math.log(decay);
    const bend = config.solver.type === 'midpoint' && order < 3 ? 0.5 * (1 - decay) : (decay - 1) / h + 1;
    const twist = (decay - 1 + h) / h ** 2 - 0.5;
    const [now, before, earlier] = estimates;
    const next = x.map((value, i) => shrink * value + alphaTo * (1 - decay) * now![i]!);
    if (order > 1) {
      const ratio = (lambda(step) - lambda(step - 1)) / h;
      const ratioBefore = order > 2 ? (lambda(step - 1) - lambda(step - 2)) / h : 0;
      for (let i = 0; i < next.length; i++) {
        const slope = (now![i]! - before![i]!) / ratio;
        const curve =
          order > 2 ? (slope - (before![i]! - earlier![i]!) / ratioBefore) / (ratio + ratioBefore) : 0;
        next[i]! += alphaTo * (bend * (slope + ratio * curve) - twist * curve);
      }
    }
    x = next;
  }
  return x;
}

function highestOrder(solver: SolverConfig, step: number, steps: number, decay: number): number {
  const settles = solver.lowerOrderFinal && steps < FEW_STEPS;
  // To 0 the step is infinite; to the same sigma, where Karras sigmas end at sigma_min, it is none.
  if (decay === 0 || decay === 1) return 1;
  if (step === steps - 1 && (solver.eulerAtFinal || settles)) return 1;
  return step === steps - 2 && settles ? 2 : solver.order;
}
