/** Previews of a running job, encoded for speed rather than for size. */
import sharp from 'sharp';

/**
 * @param rgb [height, width, 3] in 0 to 255, usually one pixel per latent
 * @returns PNG bytes; the reader scales them up
 */
export async function encodePreview(rgb: Uint8Array, width: number, height: number): Promise<Uint8Array> {
  return await sharp(rgb, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 1 })
    .toBuffer();
}
