/** What tells a copy of a picture that was made here: its pixels as they are compressed, whatever its texts say. */
import { createHash } from 'node:crypto';
import { chunksOf, isPng } from './png-chunks.ts';

const OF_PIXELS = ['IHDR', 'IDAT'];

/** @returns 32 hexadecimal digits; undefined for a file that is no PNG, or is damaged */
export function pixelKey(bytes: Uint8Array): string | undefined {
  if (!isPng(bytes)) return undefined;
  const hash = createHash('sha256');
  try {
    for (const { type, data } of chunksOf(bytes)) if (OF_PIXELS.includes(type)) hash.update(data);
  } catch {
    return undefined;
  }
  return hash.digest('hex').slice(0, 32);
}
