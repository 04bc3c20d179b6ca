/** Several pictures in one, row by row, for a chat that shows each picture in a row of its own. */
import { decodeRgb, encodePng } from './pixels.ts';
import { readPngText, writePngText } from './png-text.ts';
import { XMP } from './provenance.ts';
import { type Raster, resample } from './resample.ts';

/** White pixels between two pictures. */
const GAP = 4;
/** Longest side of the sheet. */
const LONGEST = 2048;

/** Level of all three channels of a picture that is left out. */
const LEFT_OUT = 128;

/**
 * @param pictures at least one; those of other sizes than the first are scaled to its size. The place of one that is
 *   left out is grey
 * @returns a PNG that says of its origin what the first picture says, and nothing else
 */
export async function contactSheet(pictures: readonly (Uint8Array | undefined)[]): Promise<Uint8Array> {
  const shown = pictures.find((picture) => picture !== undefined);
  if (shown === undefined) throw new RangeError('a contact sheet needs a picture');
  const columns = Math.ceil(Math.sqrt(pictures.length));
  const rows = Math.ceil(pictures.length / columns);
  const decoded = await Promise.all(pictures.map((picture) => picture && decodeRgb(picture)));
  const first = decoded.find((picture) => picture !== undefined);
  const room = (count: number) => (LONGEST - GAP * (count - 1)) / count;
  const scale = Math.min(1, room(columns) / first!.width, room(rows) / first!.height);
  const cell = { width: Math.floor(first!.width * scale), height: Math.floor(first!.height * scale) };
  const width = columns * (cell.width + GAP) - GAP;
  const height = rows * (cell.height + GAP) - GAP;
  const data = new Uint8Array(width * height * 3).fill(255);
  for (const [i, picture] of decoded.entries()) {
    const left = (i % columns) * (cell.width + GAP);
    const top = Math.floor(i / columns) * (cell.height + GAP);
    const small: Raster | undefined = picture && resample(picture, cell);
    for (let y = 0; y < cell.height; y++) {
      const at = ((top + y) * width + left) * 3;
      if (small === undefined) data.fill(LEFT_OUT, at, at + cell.width * 3);
      else data.set(small.data.subarray(y * cell.width * 3, (y + 1) * cell.width * 3), at);
    }
  }
  const png = await encodePng(data, width, height);
  const xmp = readPngText(shown, [XMP]).get(XMP);
  return xmp === undefined ? png : writePngText(png, { [XMP]: xmp });
}
