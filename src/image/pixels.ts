/** Pictures to numbers and back. The only places where a picture's colour and shape are changed. */
import sharp, { type OutputInfo } from 'sharp';
import { DarkroomError } from '../errors.ts';
import { MAX_PICTURE_PIXELS } from './inspect.ts';

/**
 * Decodes a picture (checked by checkPicture) to the size a model draws: EXIF rotation honoured, alpha laid on
 * white, converted to 8-bit sRGB, scaled by Lanczos until it covers the size, the rest cut off evenly. A
 * picture of that size already keeps its pixels.
 * @returns [1, 3, height, width], -1 (black) to 1 (white)
 */
export async function decodeFitted(bytes: Uint8Array, width: number, height: number): Promise<Float32Array> {
  let decoded: { data: Buffer; info: OutputInfo };
  try {
    decoded = await sharp(bytes, { limitInputPixels: MAX_PICTURE_PIXELS, failOn: 'error' })
      .autoOrient()
      .flatten({ background: '#ffffff' })
      .resize(width, height, {
        fit: 'cover',
        position: 'centre',
        kernel: 'lanczos3',
        fastShrinkOnLoad: false,
      })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
  } catch (cause) {
    throw new DarkroomError('bad_picture', 'The picture cannot be decoded. Send it as PNG or JPEG.', {
      cause,
    });
  }
  const { data, info } = decoded;
  const plane = width * height;
  const pixels = new Float32Array(3 * plane);
  for (let channel = 0; channel < 3; channel++) {
    // Greyscale stays one channel in sharp's raw output.
    const from = info.channels < 3 ? 0 : channel;
    for (let i = 0; i < plane; i++) {
      pixels[channel * plane + i] = data[i * info.channels + from]! / 127.5 - 1;
    }
  }
  return pixels;
}

/**
 * @param rgb [height, width, 3] in 0 to 255
 * @returns PNG bytes without metadata
 */
export async function encodePng(rgb: Uint8Array, width: number, height: number): Promise<Uint8Array> {
  return await sharp(rgb, { raw: { width, height, channels: 3 } })
    .png({ compressionLevel: 6 })
    .toBuffer();
}
