/** A picture made to fit a platform's limit of bytes. */
import sharp from 'sharp';

/** Qualities of WebP, each about two thirds of the bytes of the one before. */
const QUALITIES = [95, 90, 80, 60, 40];

/**
 * @param png kept as it is where it fits, with its recipe; a WebP, which has none, where it does not
 * @returns undefined where no quality fits
 */
export async function shrinkPicture(png: Uint8Array, maxBytes: number): Promise<Uint8Array | undefined> {
  if (png.length <= maxBytes) return png;
  for (const quality of QUALITIES) {
    const webp = await sharp(png).webp({ quality }).toBuffer();
    if (webp.length <= maxBytes) return webp;
  }
  return undefined;
}
