/** Colour to greyscale and back. */
import type { Raster } from './resample.ts';

/** Red, green and blue of ITU-R BT.601-2, in 65536ths, as Pillow's mode L weighs them. */
const [RED, GREEN, BLUE] = [19_595, 38_470, 7471];

/**
 * @param picture of three channels, or of one, which is returned unchanged
 * @returns [height, width, 1]
 */
export function toGrey(picture: Raster): Raster {
  if (picture.channels === 1) return picture;
  const { data, width, height, channels } = picture;
  const grey = new Uint8Array(width * height);
  for (let i = 0, at = 0; i < grey.length; i++, at += channels) {
    grey[i] = (data[at]! * RED + data[at + 1]! * GREEN + data[at + 2]! * BLUE + 0x8000) >> 16;
  }
  return { data: grey, width, height, channels: 1 };
}

/** Repeats one channel three times. */
export function greyToRgb({ data, width, height }: Raster): Raster {
  const rgb = new Uint8Array(3 * data.length);
  for (let i = 0, at = 0; i < data.length; i++) {
    const level = data[i]!;
    rgb[at++] = level;
    rgb[at++] = level;
    rgb[at++] = level;
  }
  return { data: rgb, width, height, channels: 3 };
}
