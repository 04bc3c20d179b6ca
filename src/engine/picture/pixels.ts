/** What a network makes of a picture, as the levels of its pixels. */
import { DarkroomError } from '../../errors.ts';
import type { Raster } from '../../image/resample.ts';
import { roundHalfToEven } from '../../rounding.ts';
import { sentence } from '../../sentences.ts';
import type { Tensor } from '../../tensor.ts';

/**
 * As diffusers: clamp(x/2 + 0.5) x 255, halves to even, in float32.
 * @param tensor [1, 3, H, W], `low` (black) to 1 (white)
 * @throws DarkroomError('engine_failed') where the numbers are no picture
 */
export function toPixels(
  { data, dims }: Tensor,
  { low, network }: { readonly low: -1 | 0; readonly network: string },
): Raster {
  const [, , height, width] = dims as [number, number, number, number];
  const area = width * height;
  const pixels = new Uint8Array(3 * area);
  for (let i = 0; i < area; i++) {
    for (let c = 0; c < 3; c++) {
      const given = data[c * area + i]!;
      const value = low === 0 ? given : Math.fround(given / 2 + 0.5);
      if (!Number.isFinite(value)) {
        throw new DarkroomError('engine_failed', sentence('engine.no_picture', { network }));
      }
      pixels[3 * i + c] = roundHalfToEven(Math.fround(Math.min(Math.max(value, 0), 1) * 255));
    }
  }
  return { data: pixels, width, height, channels: 3 };
}
