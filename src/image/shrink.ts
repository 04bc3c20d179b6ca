/** Compresses pictures to a platform's byte limit. */
import sharp from 'sharp';
import { readPngText } from './png-text.ts';
import { XMP } from './provenance.ts';

/** Qualities of WebP; each gives about two thirds of the bytes of the previous one. */
const QUALITIES = [95, 90, 80, 60, 40];

/**
 * @param png returned unchanged, with its recipe, if it fits; otherwise converted to WebP without a recipe,
 *   but with what it says of its origin
 * @returns undefined if it does not fit at any quality
 */
export async function shrinkPicture(png: Uint8Array, maxBytes: number): Promise<Uint8Array | undefined> {
  if (png.length <= maxBytes) return png;
  const xmp = readPngText(png, [XMP]).get(XMP);
  for (const quality of QUALITIES) {
    const small = sharp(png).webp({ quality });
    const webp = await (xmp === undefined ? small : small.withXmp(xmp)).toBuffer();
    if (webp.length <= maxBytes) return webp;
  }
  return undefined;
}
