/** ControlNets of a request: which pictures they see, and how strongly they act in each call. */
import type { ControlRequest } from '../../request.ts';
import { repeat, type Tensor } from '../../tensor.ts';
import type { ControlNet } from './controlnets.ts';

export interface ControlInput extends Pick<ControlNet, 'residuals' | 'pools'> {
  readonly request: ControlRequest;
  /** [1, 3, H, W] in 0..1 */
  readonly picture: Tensor;
}

export interface ControlScales {
  /** [batch, 3, H, W] in 0..1, one a net. */
  readonly pictures: readonly Tensor[];
  /**
   * @param index of a call among `calls`
   * @returns [batch, residuals] for each net; all zeros where it does not act
   */
  scales(index: number, calls: number): Tensor[];
}

/**
 * @param batch 2 with guidance, whose negative half comes first
 * @param guessMode weights the residuals from 0.1 at the first to 1 at the middle (Zhang et al. 2023, section
 *   4.1), and leaves guidance's negative half alone
 */
export function prepareControls(
  inputs: readonly ControlInput[],
  batch: number,
  guessMode: boolean,
): ControlScales {
  // The first net speaks for all, as in diffusers.
  const guesses = guessMode || inputs[0]?.pools === true;
  return {
    pictures: inputs.map(({ picture }) => repeat(picture, batch)),
    scales: (index, calls) =>
      inputs.map(({ request, residuals, pools }) => {
        const { scale, start, end } = request;
        const data = new Float32Array(batch * residuals);
        const acts = index / calls >= start && (index + 1) / calls <= end;
        const from = guesses && batch > 1 ? (batch / 2) * residuals : 0;
        for (let i = from; acts && i < data.length; i++) {
          const weight = guesses && !pools ? guessWeight(i % residuals, residuals) : 1;
          data[i] = weight * scale;
        }
        return { data, dims: [batch, residuals] };
      }),
  };
}

const guessWeight = (residual: number, residuals: number) =>
  Math.fround(10 ** (-1 + residual / (residuals - 1)));
