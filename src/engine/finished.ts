/** A drawn picture as it leaves the engine: a file with its recipe, and what the check of it found. */

import { pixelKey } from '../image/pixel-key.ts';
import { encodePng } from '../image/pixels.ts';
import { writePngText } from '../image/png-text.ts';
import type { Raster } from '../image/resample.ts';
import type { FinishedPicture } from '../job.ts';
import type { PictureCheck } from './safety/safety.ts';

/** Looks at finished pictures, in jobs whose pictures are checked. */
export type Look = PictureCheck['look'];

/**
 * The file is compressed on a thread of its own while the check computes.
 * @param texts of the PNG file, by keyword
 * @throws as `look`: a picture that cannot be checked is not shown
 */
export async function finishedPicture(
  picture: Raster,
  texts: Parameters<typeof writePngText>[1],
  look: Look | undefined,
): Promise<Pick<FinishedPicture, 'png' | 'width' | 'height' | 'finding'>> {
  const { data, width, height } = picture;
  const [encoded, finding] = await Promise.all([encodePng(data, width, height), look?.(picture)]);
  const png = writePngText(encoded, texts);
  if (finding === undefined) return { png, width, height };
  const key = finding.isFlagged ? pixelKey(png) : undefined;
  return { png, width, height, finding: { ...finding, ...(key !== undefined && { key }) } };
}
