/** A finished picture made larger by the model's own upscaler. */
import { toPlanes } from '../../image/pixels.ts';
import type { Raster } from '../../image/resample.ts';
import type { Runner } from '../session.ts';
import { toPixels } from './pixels.ts';

/** @param picture 8-bit RGB */
export async function enlarge(upscaler: Runner, picture: Raster): Promise<Raster> {
  const dims = [1, 3, picture.height, picture.width];
  const { enlarged } = await upscaler.run({ picture: { data: toPlanes(picture, 0, 1), dims } }, ['enlarged']);
  return toPixels(enlarged, { low: 0, network: 'upscaler' });
}
