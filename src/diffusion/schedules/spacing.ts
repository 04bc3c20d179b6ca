/** Evenly spaced timesteps, from the most noise to the least. */
import { roundHalfToEven } from '../../rounding.ts';
import type { SchedulerConfig } from '../config.ts';
import { linspace } from '../float-lines.ts';

interface Spacing {
  readonly steps: number;
  /** One more is laid out and the lowest dropped, as the solvers do. */
  readonly dropsLowest?: boolean;
  /** How linspace is rounded: to whole timesteps where left out. */
  readonly round?: (timestep: number) => number;
  /** How many of the timesteps trained on are used; all where left out. */
  readonly last?: number;
}

/** timestep_spacing by Lin et al. 2023, table 2. */
export function spaceTimesteps(config: SchedulerConfig, spacing: Spacing): number[] {
  const { numTrainTimesteps: total, timestepSpacing, stepsOffset } = config;
  const { steps, dropsLowest = false, round = roundHalfToEven, last = total } = spacing;
  const extra = dropsLowest ? 1 : 0;
  const points = steps + extra;
  const fall = (rising: number[]) => rising.slice(extra).reverse();
  switch (timestepSpacing) {
    case 'leading': {
      const ratio = Math.floor(last / points);
      return fall(Array.from({ length: points }, (_, i) => i * ratio + stepsOffset)).map((t) =>
        Math.min(t, total - 1),
      );
    }
    case 'linspace':
      return fall(linspace(0, last - 1, points).map(round));
    case 'trailing': {
      // numpy.arange computes its stride from its first two values.
      const ratio = total / steps;
      const stride = last - ratio - last;
      const count = Math.min(steps, Math.ceil(last / ratio));
      return Array.from({ length: count }, (_, i) => Math.max(roundHalfToEven(last + i * stride) - 1, 0));
    }
  }
}
