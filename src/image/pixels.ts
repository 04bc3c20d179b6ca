/** Pictures to numbers and back. The only places where a picture's colour and shape are changed. */
import sharp, { type OutputInfo } from 'sharp';
import { DarkroomError } from '../errors.ts';
import { MAX_PICTURE_PIXELS } from './inspect.ts';
import { fit, type Raster } from './resample.ts';

/**
 * Decodes a picture (checked by checkPicture): EXIF rotation honoured, alpha laid on white, 8-bit sRGB.
 * @throws DarkroomError('bad_picture')
 */
export async function decodeRgb(bytes: Uint8Array): Promise<Raster> {
  const { data, info } = await decode(bytes);
  const { width, height, channels } = info;
  if (channels === 3) return { data, width, height, channels };
  // Greyscale stays one channel in sharp's raw output.
  const rgb = new Uint8Array(3 * width * height);
  for (let i = 0; i < rgb.length; i++) rgb[i] = data[Math.floor(i / 3) * channels]!;
  return { data: rgb, width, height, channels: 3 };
}

async function decode(bytes: Uint8Array): Promise<{ data: Buffer; info: OutputInfo }> {
  try {
    return await sharp(bytes, { limitInputPixels: MAX_PICTURE_PIXELS, failOn: 'error' })
      .autoOrient()
      .flatten({ background: '#ffffff' })
      .toColourspace('srgb')
      .raw({ depth: 'uchar' })
      .toBuffer({ resolveWithObject: true });
  } catch (cause) {
    throw new DarkroomError('bad_picture', 'The picture cannot be decoded. Send it as PNG or JPEG.', {
      cause,
    });
  }
}

/** @returns [1, 3, height, width] of an RGB raster, 0 and 255 laid on `low` and `high` */
export function toPlanes({ data, width, height }: Raster, low: number, high: number): Float32Array {
  const plane = width * height;
  const values = new Float32Array(3 * plane);
  for (let i = 0; i < values.length; i++) {
    // In float32 as the reference divides and stretches; at 0..1 the second step changes nothing.
    const unit = Math.fround(data[(i % plane) * 3 + Math.floor(i / plane)]! / 255);
    values[i] = Math.fround(unit * (high - low)) + low;
  }
  return values;
}

/** As decodeRgb, scaled by Lanczos until it covers the size, the rest cut off evenly. */
export async function decodeFitted(bytes: Uint8Array, width: number, height: number): Promise<Float32Array> {
  return toPlanes(fit(await decodeRgb(bytes), { width, height }, 'cover'), -1, 1);
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
