/** One measured figure, beside what it must reach. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
  /** The value must not be above this, or with `least` not below. */
  readonly target?: number;
  readonly least?: boolean;
}

/** @param say prints a figure of a long bench as soon as it is there; the others are printed at the end */
export type Bench = (say: (figure: Figure) => void) => Promise<readonly Figure[]>;

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}
