/** Lines and interpolation as numpy and torch compute them, so that timesteps agree to the last digit. */

const { fround } = Math;

/** numpy.linspace in double precision: the stride is rounded before it is multiplied, and the end is exact. */
export function linspace(start: number, stop: number, count: number): number[] {
  const stride = (stop - start) / Math.max(1, count - 1);
  return Array.from({ length: count }, (_, i) => (i > 0 && i === count - 1 ? stop : i * stride + start));
}

/** torch.linspace in float32, which computes its second half from the end. */
export function linspace32(start: number, stop: number, count: number): Float32Array {
  const [from, to] = [fround(start), fround(stop)];
  if (count === 1) return Float32Array.of(from);
  const stride = fround(fround(to - from) / (count - 1));
  const half = Math.floor(count / 2);
  return Float32Array.from({ length: count }, (_, i) =>
    i < half ? from + stride * i : to - stride * (count - 1 - i),
  );
}

/** numpy.interp over positions 0, 1, 2, ...; beyond the ends their values hold. */
export function interpolate(values: ArrayLike<number>, position: number): number {
  const last = values.length - 1;
  if (position <= 0) return values[0]!;
  if (position >= last) return values[last]!;
  const low = Math.floor(position);
  return values[low]! + (values[low + 1]! - values[low]!) * (position - low);
}
