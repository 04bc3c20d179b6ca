/** Several pictures as one, in rows, for a chat that shows one picture a message. */
import { DarkroomError } from '../errors.ts';
import { decodeRgb, encodePng } from './pixels.ts';
import { paste, type Raster } from './resample.ts';

/** Black pixels between two pictures, so that their edges do not run into each other. */
const GAP = 8;

/**
 * Lays pictures out from left to right and top to bottom, as nearly square as their number allows: 2 in a row, 3 and 4
 * as 2x2, 5 and 6 as 3x2, 7 and 8 as 3x3. Places that stay free are black.
 * @param pictures one or more encoded pictures of one size
 * @returns PNG bytes without metadata, with the size in pixels
 */
export async function drawGrid(
  pictures: readonly Uint8Array[],
): Promise<{ readonly png: Uint8Array; readonly width: number; readonly height: number }> {
  const rasters = await Promise.all(pictures.map(decodeRgb));
  const { data, width, height } = layOut(rasters);
  return { png: await encodePng(data, width, height), width, height };
}

function layOut(pictures: readonly Raster[]): Raster {
  const [first] = pictures;
  if (first === undefined) throw new DarkroomError('internal', 'A grid needs at least one picture.');
  const columns = Math.ceil(Math.sqrt(pictures.length));
  const rows = Math.ceil(pictures.length / columns);
  const width = columns * (first.width + GAP) - GAP;
  const height = rows * (first.height + GAP) - GAP;
  const grid = { data: new Uint8Array(width * height * 3), width, height, channels: 3 };
  for (const [i, picture] of pictures.entries()) {
    if (picture.width !== first.width || picture.height !== first.height) {
      throw new DarkroomError(
        'internal',
        `A grid takes pictures of one size; got ${first.width}x${first.height} and ${picture.width}x${picture.height}.`,
      );
    }
    const [column, row] = [i % columns, Math.floor(i / columns)];
    paste(grid, picture, column * (first.width + GAP), row * (first.height + GAP));
  }
  return grid;
}
