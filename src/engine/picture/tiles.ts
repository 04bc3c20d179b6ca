/**
 * The large layers of a VAE run on tiles of a picture, so that only one tile's are in memory. Tiles overlap by as much as
 * those layers see around a pixel, and share the statistics of their group norms (src/graph/vae.ts): each pixel is computed
 * as without tiles, up to the statistics, which come from samples. Nothing has to be blended.
 */
import type { Raster } from '../../image/resample.ts';
import { crop, paste } from '../../image/resample.ts';
import type { Tensor } from '../../tensor.ts';
import type { Runner } from '../session.ts';
import { toPixels } from './pixels.ts';

/** The graphs of TiledGraphs, open. */
export interface TiledSessions {
  readonly first: Runner;
  readonly last: Runner;
}

/** Sides of a tile in latents, its margins included. */
export const TILE = 64;
/** Latents around a tile's own part: the layers of AutoencoderKL above the latents' size see 6.25 to each side. */
const MARGIN = 8;
/** Sides of a sample in latents. */
const SAMPLE = 16;

/**
 * @param latents [1, C, h, w], divided by scaling_factor
 * @param scale pixels for each latent
 */
export async function decodeInTiles(
  { first, last }: TiledSessions,
  latents: Tensor,
  scale: number,
): Promise<Raster> {
  const { features } = await first.run({ latent_sample: latents }, ['features']);
  const [, , h, w] = features.dims as [number, number, number, number];
  const found = await statisticsOf(last, 'features', features, 1);
  const whole: Raster = {
    data: new Uint8Array(3 * h * w * scale ** 2),
    width: w * scale,
    height: h * scale,
    channels: 3,
  };
  for (const { own, seen } of tilesOf(h, w)) {
    const feeds = { features: cutPlanes(features, seen), ...found };
    const { sample } = await last.run(feeds, ['sample']);
    const drawn = toPixels(sample, { low: -1, network: 'VAE' });
    const box = {
      left: (own.left - seen.left) * scale,
      top: (own.top - seen.top) * scale,
      right: (own.right - seen.left) * scale,
      bottom: (own.bottom - seen.top) * scale,
    };
    paste(whole, crop(drawn, box), own.left * scale, own.top * scale);
  }
  return whole;
}

/**
 * @param picture [1, 3, H, W]
 * @returns `latent_parameters` of the encoder
 */
export async function encodeInTiles(
  { first, last }: TiledSessions,
  picture: Tensor,
  scale: number,
): Promise<Tensor> {
  const [, , height, width] = picture.dims as [number, number, number, number];
  const [h, w] = [height / scale, width / scale];
  const found = await statisticsOf(first, 'sample', picture, scale);
  let whole: Tensor | undefined;
  for (const { own, seen } of tilesOf(h, w)) {
    const feeds = { sample: cutPlanes(picture, enlarged(seen, scale)), ...found };
    const { features } = await first.run(feeds, ['features']);
    whole ??= planes(features.dims[1]!, h, w);
    pastePlanes(whole, features, { own, seen });
  }
  const { latent_parameters: moments } = await last.run({ features: whole! }, ['latent_parameters']);
  return moments;
}

interface Box {
  readonly left: number;
  readonly top: number;
  readonly right: number;
  readonly bottom: number;
}

interface Tile {
  /** The part that is taken from it, in latents. */
  readonly own: Box;
  /** With its margins. */
  readonly seen: Box;
}

function tilesOf(h: number, w: number): Tile[] {
  return spans(h).flatMap(([top, bottom]) =>
    spans(w).map(([left, right]) => ({
      own: { left, top, right, bottom },
      seen: {
        left: Math.max(0, left - MARGIN),
        top: Math.max(0, top - MARGIN),
        right: Math.min(w, right + MARGIN),
        bottom: Math.min(h, bottom + MARGIN),
      },
    })),
  );
}

/** Cuts a side into parts that make tiles with their margins: about equal ones, so that none is a thin rest. */
function spans(side: number): [number, number][] {
  if (side <= TILE) return [[0, side]];
  const parts = Math.ceil((side - 2 * MARGIN) / (TILE - 2 * MARGIN));
  return Array.from({ length: parts }, (_, i) => [
    Math.round((side * i) / parts),
    Math.round((side * (i + 1)) / parts),
  ]);
}

/**
 * Of samples from all over the picture, put together to one of a tile's size.
 * @param scale elements of the input for each latent
 */
async function statisticsOf(session: Runner, name: string, input: Tensor, scale: number) {
  const [, channels, height, width] = input.dims as [number, number, number, number];
  const [rows, columns] = [places(height / scale), places(width / scale)];
  const [tall, wide] = [Math.min(SAMPLE * scale, height), Math.min(SAMPLE * scale, width)];
  const mosaic = planes(channels, rows.length * tall, columns.length * wide);
  rows.forEach((row, i) => {
    columns.forEach((column, k) => {
      const [top, left] = [row * scale, column * scale];
      const sample = cutPlanes(input, { left, top, right: left + wide, bottom: top + tall });
      const place = { left: k * wide, top: i * tall, right: (k + 1) * wide, bottom: (i + 1) * tall };
      pastePlanes(mosaic, sample, { own: place, seen: place });
    });
  });
  // A picture that is no larger than a tile is its own sample.
  const isWhole = height / scale <= TILE && width / scale <= TILE;
  const feeds = { [name]: isWhole ? input : mosaic, statistics: NONE, share: scalar(0) };
  const found = await session.run(feeds, ['found_statistics']);
  return { statistics: found.found_statistics, share: scalar(1) };
}

/** Statistics that are not used; of more norms than a VAE has. */
const NONE: Tensor = { data: new Float32Array(2 * 256), dims: [256, 2, 1] };
const scalar = (value: number): Tensor => ({ data: Float32Array.of(value), dims: [] });

/** Where samples of a side begin: evenly over it, as many as make up a tile. */
function places(side: number): number[] {
  const size = Math.min(SAMPLE, side);
  const most = Math.min(TILE / SAMPLE, Math.floor(side / size));
  return Array.from({ length: most }, (_, i) =>
    most === 1 ? 0 : Math.round(((side - size) * i) / (most - 1)),
  );
}

const enlarged = ({ left, top, right, bottom }: Box, scale: number): Box => ({
  left: left * scale,
  top: top * scale,
  right: right * scale,
  bottom: bottom * scale,
});

/** A part of [1, C, H, W]. */
function cutPlanes({ data, dims }: Tensor, { left, top, right, bottom }: Box): Tensor {
  const [, channels, height, width] = dims as [number, number, number, number];
  const part = planes(channels, bottom - top, right - left);
  for (let c = 0; c < channels; c++) {
    for (let y = top; y < bottom; y++) {
      const from = (c * height + y) * width;
      part.data.set(
        data.subarray(from + left, from + right),
        (c * (bottom - top) + y - top) * (right - left),
      );
    }
  }
  return part;
}

/** Lays the part `own` of a tile that has seen `seen` into [1, C, H, W]. */
function pastePlanes(whole: Tensor, tile: Tensor, { own, seen }: Tile): void {
  const [, channels, height, width] = whole.dims as [number, number, number, number];
  const [, , tall, wide] = tile.dims as [number, number, number, number];
  for (let c = 0; c < channels; c++) {
    for (let y = own.top; y < own.bottom; y++) {
      const from = (c * tall + y - seen.top) * wide;
      const row = tile.data.subarray(from + own.left - seen.left, from + own.right - seen.left);
      whole.data.set(row, (c * height + y) * width + own.left);
    }
  }
}

const planes = (channels: number, height: number, width: number): Tensor => ({
  data: new Float32Array(channels * height * width),
  dims: [1, channels, height, width],
});
