/**
 * Pictures made larger by a network, in tiles that lie over each other: a tile's border is computed from zeros beside it,
 * so where two meet, both are blended. What the network makes is scaled to the size that is wanted tile by tile; no
 * picture of the network's own size, which can be eight times as large, has to be kept.
 */
import { toPlanes } from '../../image/pixels.ts';
import { type Box, crop, type Raster, resample, type Size } from '../../image/resample.ts';
import { blendTiles, mirrored, type PlacedTile } from '../../image/tiles.ts';
import { layEnlargedTiles } from '../../request.ts';
import { toPixels } from '../picture/pictures.ts';
import type { Runner } from '../session.ts';

/** A network that is open. */
interface OpenUpscaler {
  readonly runner: Runner;
  /** How many times longer it makes the sides. */
  readonly scale: number;
  /** What the sides of its input are multiples of. */
  readonly multiple: number;
  /** Longest side of a tile, in pixels of the smaller picture. */
  readonly tile: number;
}

/** Runs of the network that a picture takes. */
export const countTiles = (picture: Size, tile: number): number => layEnlargedTiles(picture, tile).length;

/**
 * Yields after each tile.
 * @param picture 8-bit RGB
 * @param size wanted, at least the picture's own
 */
export async function* enlargeTiles(
  upscaler: OpenUpscaler,
  picture: Raster,
  size: Size,
): AsyncGenerator<undefined, Raster> {
  const tiles: PlacedTile[] = [];
  for (const place of layEnlargedTiles(picture, upscaler.tile)) {
    tiles.push(await enlargeTile(upscaler, picture, size, place));
    yield;
  }
  const [only] = tiles;
  return tiles.length === 1 ? only!.picture : blendTiles(tiles, size);
}

/** The same in one go. */
export async function enlarge(upscaler: OpenUpscaler, picture: Raster, size: Size): Promise<Raster> {
  const work = enlargeTiles(upscaler, picture, size);
  for (;;) {
    const { done, value } = await work.next();
    if (done === true) return value;
  }
}

async function enlargeTile(
  { runner, scale, multiple }: OpenUpscaler,
  picture: Raster,
  size: Size,
  place: Box,
): Promise<PlacedTile> {
  const tile = mirrored(crop(picture, place), multiple);
  const dims = [1, 3, tile.height, tile.width];
  const { enlarged } = await runner.run({ picture: { data: toPlanes(tile, 0, 1), dims } }, ['enlarged']);
  const large = toPixels(enlarged, { low: 0, network: 'upscaler' });
  const across = scaledSpan([place.left, place.right], picture.width, size.width);
  const down = scaledSpan([place.top, place.bottom], picture.height, size.height);
  const box = {
    left: across.from * scale,
    top: down.from * scale,
    right: across.to * scale,
    bottom: down.to * scale,
  };
  const wanted = { width: across.length, height: down.length };
  return { picture: resample(large, wanted, 'lanczos', box), left: across.start, top: down.start };
}

/**
 * The whole pixels of a larger side that a part of a smaller one covers.
 * @returns the first of them, their number, and where that part of them begins and ends within the smaller part
 */
function scaledSpan([from, to]: readonly [number, number], small: number, large: number) {
  const factor = large / small;
  const start = Math.ceil(from * factor);
  const end = Math.floor(to * factor + 1e-9);
  return { start, length: end - start, from: start / factor - from, to: end / factor - from };
}
