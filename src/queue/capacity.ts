/** From seconds per picture and pictures per month to GPUs: docs/capacity.md says what stands behind it. */

const MONTH = 30 * 86_400;

interface Demand {
  /** GPU-seconds of one picture; above 0. */
  readonly secondsPerPicture: number;
  readonly picturesPerMonth: number;
  /** Pictures in the busiest hour beside those in an average one; 1 or more. */
  readonly peak: number;
  /** The share of the busiest hour in which GPUs may work; above 0, below 1. */
  readonly utilisation: number;
}

interface Capacity {
  readonly gpus: number;
  /** GPU-seconds of the month. */
  readonly gpuSeconds: number;
  /** How much of the month, and of the busiest hour, those GPUs work, from 0 to 1. */
  readonly average: number;
  readonly busiest: number;
  /** Pictures that those GPUs could draw in a month, with this peak and within the utilisation. */
  readonly mostPictures: number;
  /**
   * Seconds that a picture waits for its turn in the busiest hour, on average: Pollaczek and Khinchine's formula for
   * pictures that come at random and take equally long, divided by the number of GPUs on one line.
   */
  readonly waitSeconds: number;
}

export function countGpus({ secondsPerPicture, picturesPerMonth, peak, utilisation }: Demand): Capacity {
  const gpuSeconds = secondsPerPicture * picturesPerMonth;
  const gpus = Math.max(1, Math.ceil((gpuSeconds * peak) / (MONTH * utilisation)));
  const average = gpuSeconds / (MONTH * gpus);
  const busiest = average * peak;
  return {
    gpus,
    gpuSeconds,
    average,
    busiest,
    mostPictures: Math.floor((gpus * MONTH * utilisation) / (peak * secondsPerPicture)),
    waitSeconds: (secondsPerPicture * busiest) / (2 * (1 - busiest)) / gpus,
  };
}
