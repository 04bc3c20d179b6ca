/** What ControlNets are fed in each denoiser call: their pictures, and how strongly they act. */
import type { ControlRequest } from '../../request.ts';
import { type Feeds, repeat, type Tensor } from '../../tensor.ts';
import type { ControlNet } from './controlnets.ts';

interface ControlInput extends Pick<ControlNet, 'residuals' | 'pools'> {
  readonly request: ControlRequest;
  /** [1, 3, H, W] in 0..1 */
  readonly picture: Tensor;
}

export interface ControlFeeds {
  /** @param index of a call among `calls` of the pass */
  at(index: number, calls: number): { readonly feeds: Feeds; readonly isActive: boolean };
}

/**
 * @param batch 2 with guidance, whose negative half comes first
 * @param guessMode weights the residuals from 0.1 at the first to 1 at the middle (Zhang et al. 2023, section
 *   4.1), and leaves guidance's negative half without control
 */
export function controlFeeds(
  inputs: readonly ControlInput[],
  batch: number,
  guessMode: boolean,
): ControlFeeds {
  // The first ControlNet decides for all, as in diffusers.
  const guesses = guessMode || inputs[0]?.pools === true;
  const pictures = Object.fromEntries(
    inputs.map(({ picture }, i) => [`controlnet_conds.${i}`, repeat(picture, batch)]),
  );
  return {
    at(index, calls) {
      const scales = inputs.map(({ request, residuals, pools }): Tensor => {
        const { scale, start, end } = request;
        const data = new Float32Array(batch * residuals);
        const acts = index / calls >= start && (index + 1) / calls <= end;
        const from = guesses && batch > 1 ? (batch / 2) * residuals : 0;
        for (let i = from; acts && i < data.length; i++) {
          const weight = guesses && !pools ? guessWeight(i % residuals, residuals) : 1;
          data[i] = weight * scale;
        }
        return { data, dims: [batch, residuals] };
      });
      const named = Object.fromEntries(scales.map((scale, i) => [`conditioning_scales.${i}`, scale]));
      return {
        feeds: { ...pictures, ...named },
        isActive: scales.some(({ data }) => data.some((scale) => scale !== 0)),
      };
    },
  };
}

const guessWeight = (residual: number, residuals: number) =>
  Math.fround(10 ** (-1 + residual / (residuals - 1)));
