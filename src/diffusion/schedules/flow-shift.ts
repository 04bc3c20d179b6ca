/** Shifts of a rectified flow's sigmas towards noise: Esser et al. 2024 (SD3), section 5.3.2. */
import type { FlowConfig } from '../config.ts';

export const shiftSigma = (sigma: number, shift: number) => (shift * sigma) / (1 + (shift - 1) * sigma);

/** More tokens, more shift: linear between base_shift and max_shift. */
export function dynamicMu(flow: FlowConfig, imageSeqLen: number): number {
  const { baseShift, maxShift, baseImageSeqLen, maxImageSeqLen } = flow;
  const slope = (maxShift - baseShift) / (maxImageSeqLen - baseImageSeqLen);
  return imageSeqLen * slope + (baseShift - slope * baseImageSeqLen);
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
