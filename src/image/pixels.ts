/** Encoded pictures to rasters and back: upright, 8-bit sRGB. */
import sharp from 'sharp';
import { toSrgb } from './colour.ts';
import { decodeWhole, type OpenPicture, openPicture } from './inspect.ts';
import { fit, type Raster, type Size } from './resample.ts';

/**
 * Decodes a picture: EXIF rotation applied, alpha laid on white, 8-bit sRGB.
 * @returns [height, width, 3]
 * @throws DarkroomError as openPicture and decodeWhole
 */
export async function decodeRgb(bytes: Uint8Array): Promise<Raster> {
  return await onWhite(await decodeRaster(await openPicture(bytes)));
}

/**
 * @param within a larger picture is scaled down until it fits
 * @returns [height, width, 1 to 4]: grey or sRGB, alpha last where there is any
 */
export async function decodeRaster(opened: OpenPicture, within?: Size): Promise<Raster> {
  const { space, hasProfile } = opened.header;
  // Without a profile browsers and Pillow take ink as what it leaves of white; sharp takes it for a printer's.
  const isInk = space === 'cmyk' && !hasProfile;
  const { data, info } = await decodeWhole(opened, (reader) => {
    const upright = reader.autoOrient();
    const scaled = within ? upright.resize({ ...within, fit: 'inside', withoutEnlargement: true }) : upright;
    const coloured = isInk
      ? scaled.pipelineColourspace('cmyk').toColourspace('cmyk')
      : scaled.toColourspace('srgb');
    return coloured.raw({ depth: 'uchar' }).toBuffer({ resolveWithObject: true });
  });
  const raster = { data, width: info.width, height: info.height, channels: info.channels };
  if (isInk) return inkToRgb(raster);
  if (opened.space !== undefined) toSrgb(raster, opened.space);
  return raster;
}

/** @param ink of four channels: cyan, magenta, yellow, black */
function inkToRgb({ data, width, height }: Raster): Raster {
  const rgb = new Uint8Array(3 * width * height);
  for (let i = 0; i < rgb.length; i++) {
    const at = Math.floor(i / 3) * 4;
    const left = 255 - data[at + 3]!;
    rgb[i] = left - Math.round((data[at + (i % 3)]! * left) / 255);
  }
  return { data: rgb, width, height, channels: 3 };
}

/** @returns [height, width, 3] */
export async function onWhite({ data, width, height, channels }: Raster): Promise<Raster> {
  if (channels === 3) return { data, width, height, channels };
  const opaque = await sharp(data, { raw: { width, height, channels: channels as 1 | 2 | 4 } })
    .flatten({ background: '#ffffff' })
    .toColourspace('srgb')
    .raw({ depth: 'uchar' })
    .toBuffer({ resolveWithObject: true });
  if (opaque.info.channels === 3) return { data: opaque.data, width, height, channels: 3 };
  // Greyscale stays one channel in sharp's raw output.
  const rgb = new Uint8Array(3 * width * height);
  for (let i = 0, at = 0; i < width * height; i++) {
    const level = opaque.data[i * opaque.info.channels]!;
    rgb[at++] = level;
    rgb[at++] = level;
    rgb[at++] = level;
  }
  return { data: rgb, width, height, channels: 3 };
}

/** @returns [1, 3, height, width] of an RGB raster, with 0 and 255 mapped to `low` and `high` */
export function toPlanes({ data, width, height }: Raster, low: number, high: number): Float32Array {
  const plane = width * height;
  const values = new Float32Array(3 * plane);
  for (let i = 0; i < values.length; i++) {
    // In float32, as the reference divides and scales; at 0..1 the second step changes nothing.
    const unit = Math.fround(data[(i % plane) * 3 + Math.floor(i / plane)]! / 255);
    values[i] = Math.fround(unit * (high - low)) + low;
  }
  return values;
}

/** As decodeRgb, scaled by Lanczos until it covers the size, and cropped evenly. */
export async function decodeFitted(bytes: Uint8Array, width: number, height: number): Promise<Float32Array> {
  return toPlanes(fit(await decodeRgb(bytes), { width, height }, 'cover'), -1, 1);
}

/**
 * @param pixels [height, width, channels] in 0 to 255
 * @returns PNG bytes without metadata
 */
export async function encodePng(
  pixels: Uint8Array,
  width: number,
  height: number,
  channels: 1 | 3 = 3,
): Promise<Uint8Array> {
  return await sharp(pixels, { raw: { width, height, channels } })
    .toColourspace(channels === 1 ? 'b-w' : 'srgb')
    .png({ compressionLevel: 6 })
    .toBuffer();
}
