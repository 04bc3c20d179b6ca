/** Shifts of a rectified flow's sigmas towards noise: Esser et al. 2024 (SD3), section 5.3.2. */
import type { FlowConfig } from '../config.ts';

export const shiftSigma = (sigma: number, shift: number) => (shift * sigma) / (1 + (shift - 1) * sigma);

/** Where a flow's shift comes from: the tokens of the latents, or a pipeline's own value for them. */
interface ShiftSource {
  readonly imageSeqLen: number;
  readonly mu?: number;
}

/** More tokens, more shift: linear between base_shift and max_shift. */
export function dynamicMu(flow: FlowConfig, { imageSeqLen, mu }: ShiftSource): number {
  if (mu !== undefined) return mu;
  const { baseShift, maxShift, baseImageSeqLen, maxImageSeqLen } = flow;
  const slope = (maxShift - baseShift) / (maxImageSeqLen - baseImageSeqLen);
  return imageSeqLen * slope + (baseShift - slope * baseImageSeqLen);
}

/** Tokens beyond which the steps no longer count. */
const MANY_TOKENS = 4300;

/**
 * FLUX.2's own fit of the shift to the tokens and steps of a picture (diffusers pipelines/flux2/pipeline_flux2.py,
 * compute_empirical_mu): two lines over the tokens, for 10 and for 200 steps, and a line between them.
 */
export function empiricalMu(imageSeqLen: number, steps: number): number {
  const at200 = 0.00016927 * imageSeqLen + 0.45666666;
  if (imageSeqLen > MANY_TOKENS) return at200;
  const at10 = 8.73809524e-5 * imageSeqLen + 1.89833333;
  const slope = (at200 - at10) / 190;
  return slope * steps + (at200 - 200 * slope);
}

export function timeShift({ timeShiftType }: FlowConfig, mu: number, sigma: number): number {
  const shift = timeShiftType === 'exponential' ? Math.exp(mu) : mu;
  return shift / (shift + (1 / sigma - 1));
}

/** Stretches falling sigmas so that the last is `terminal`. */
export function stretchToTerminal(sigmas: readonly number[], terminal: number | undefined): number[] {
  if (terminal === undefined) return [...sigmas];
  const scale = (1 - sigmas.at(-1)!) / (1 - terminal);
  return sigmas.map((sigma) => 1 - (1 - sigma) / scale);
}
