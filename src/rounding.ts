/** Rounding as the field's other programs do it. */

/** Halves go to the even neighbour, as in numpy, torch, Python and OpenCV. */
export function roundHalfToEven(value: number): number {
  const floor = Math.floor(value);
  if (value - floor !== 0.5) return Math.round(value);
  return floor % 2 === 0 ? floor : floor + 1;
}
