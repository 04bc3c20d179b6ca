/** Masks of named parts of a picture, such as `sky` and `left`, for users without a brush. */
import { DarkroomError, offer } from '../errors.ts';
import { REGIONS, type Region } from '../request.ts';
import { sentence } from '../sentences.ts';
import { encodePng } from './pixels.ts';
import type { Raster, Size } from './resample.ts';

/** Left, top, right and bottom of each part, as shares of width and height. */
const PARTS = {
  left: [0, 0, 1 / 2, 1],
  right: [1 / 2, 0, 1, 1],
  top: [0, 0, 1, 1 / 2],
  bottom: [0, 1 / 2, 1, 1],
  centre: [1 / 4, 1 / 4, 3 / 4, 3 / 4],
  // Above a usual horizon; a half would cut into hills and roofs.
  sky: [0, 0, 1, 2 / 5],
} as const satisfies Record<string, readonly [number, number, number, number]>;

/**
 * `background` is all but an upright oval in the middle, where a subject usually is: half its axes, as a share of width
 * and height.
 */
const SUBJECT = { x: 0.3, y: 0.42 } as const;

/** @returns [height, width, 1]: 255 within the region, which is redrawn, 0 outside */
export function regionMask(region: Region, { width, height }: Size): Raster {
  const data = new Uint8Array(width * height);
  const within = insideOf(region);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width; x++) {
      if (within((x + 0.5) / width, (y + 0.5) / height)) data[y * width + x] = 255;
    }
  }
  return { data, width, height, channels: 1 };
}

/**
 * The same as PNG bytes, for a request that takes its mask as a file.
 * @throws DarkroomError('bad_request') for an unknown name
 */
export async function drawRegion(name: string, size: Size): Promise<Uint8Array> {
  const region = REGIONS.find((known) => known === name);
  if (region === undefined) {
    throw new DarkroomError(
      'bad_request',
      sentence('control.unknown_region', { name, offer: offer(name, REGIONS) }),
    );
  }
  const { data, width, height } = regionMask(region, size);
  return await encodePng(data, width, height, 1);
}

function insideOf(region: Region): (x: number, y: number) => boolean {
  if (region === 'background') {
    return (x, y) => ((x - 0.5) / SUBJECT.x) ** 2 + ((y - 0.5) / SUBJECT.y) ** 2 > 1;
  }
  const [left, top, right, bottom] = PARTS[region];
  return (x, y) => x >= left && x < right && y >= top && y < bottom;
}
