/** How much larger Upscale makes a picture, and where there is no more room. */
import { LIMITS } from '../src/request.ts';

/** How many times larger an upscaled picture is, where that is allowed. */
export const UPSCALE = 2;

/** @param maxSize the admin's limit */
export const largestSide = (maxSize: number | undefined) =>
  Math.min(LIMITS.size.max, maxSize ?? LIMITS.size.max);

/** @returns undefined for a picture that is as large as pictures may be */
export function upscaleScale(
  { width, height }: { readonly width: number; readonly height: number },
  maxSize: number | undefined,
): number | undefined {
  const longest = Math.max(width, height);
  const scale = Math.min(UPSCALE, largestSide(maxSize) / longest);
  return scale > 1 ? scale : undefined;
}
