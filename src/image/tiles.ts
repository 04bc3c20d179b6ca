/** A large picture in tiles that lie over each other, and back into one without seams. */
import type { Raster, Size } from './resample.ts';

export interface PlacedTile {
  readonly picture: Raster;
  readonly left: number;
  readonly top: number;
}

/** The part of a picture at a place; the picture's last pixels are repeated where it ends before the tile does. */
export function cutTile(
  { data, width, height, channels }: Raster,
  { left, top }: { readonly left: number; readonly top: number },
  size: Size,
): Raster {
  const tile = new Uint8Array(size.width * size.height * channels);
  let to = 0;
  for (let y = 0; y < size.height; y++) {
    const row = Math.min(height - 1, top + y) * width;
    for (let x = 0; x < size.width; x++) {
      const from = (row + Math.min(width - 1, left + x)) * channels;
      for (let c = 0; c < channels; c++) tile[to++] = data[from + c]!;
    }
  }
  return { data: tile, ...size, channels };
}

/** A picture whose sides are multiples of a number; what is missing on the right and below mirrors what is there. */
export function mirrored(picture: Raster, multiple: number): Raster {
  const grown = (side: number) => Math.ceil(side / multiple) * multiple;
  const size = { width: grown(picture.width), height: grown(picture.height) };
  if (size.width === picture.width && size.height === picture.height) return picture;
  const { data, width, height, channels } = picture;
  const inside = (at: number, side: number) => (at < side ? at : Math.max(0, 2 * (side - 1) - at));
  const larger = new Uint8Array(size.width * size.height * channels);
  let to = 0;
  for (let y = 0; y < size.height; y++) {
    const row = inside(y, height) * width;
    for (let x = 0; x < size.width; x++) {
      const from = (row + inside(x, width)) * channels;
      for (let c = 0; c < channels; c++) larger[to++] = data[from + c]!;
    }
  }
  return { data: larger, ...size, channels };
}

/** @param tiles of one size, which together cover all of the picture; the nearer a tile's middle, the more it counts */
export function blendTiles(tiles: readonly PlacedTile[], { width, height }: Size): Raster {
  const channels = 3;
  const sums = new Float32Array(width * height * channels);
  const weights = new Float32Array(width * height);
  for (const { picture, left, top } of tiles) {
    const across = ramp(picture.width);
    const down = ramp(picture.height);
    for (let y = 0; y < Math.min(picture.height, height - top); y++) {
      for (let x = 0; x < Math.min(picture.width, width - left); x++) {
        const weight = across[x]! * down[y]!;
        const at = (top + y) * width + left + x;
        const from = (y * picture.width + x) * channels;
        weights[at]! += weight;
        for (let c = 0; c < channels; c++) sums[at * channels + c]! += weight * picture.data[from + c]!;
      }
    }
  }
  const data = new Uint8Array(sums.length);
  for (let at = 0, to = 0; at < weights.length; at++) {
    for (let c = 0; c < channels; c++, to++) data[to] = Math.round(sums[to]! / weights[at]!);
  }
  return { data, width, height, channels };
}

/** Rises from an edge to the middle and falls again; never 0, so that the border of the picture has a value. */
const ramp = (length: number) =>
  Float32Array.from({ length }, (_, i) => (Math.min(i, length - 1 - i) + 1) / length);
