/** A picture on a larger canvas: its surroundings filled with its own colours, and the seam between both. */
import { gaussianBlur } from './blur.ts';
import { paste, type Raster, resample, type Size } from './resample.ts';

/** Where a picture lies on a canvas. */
export interface CanvasPlace extends Size {
  readonly left: number;
  readonly top: number;
}

/** The surroundings are smooth: they are made at a fraction of the size. */
const FRACTION = 8;
/** Standard deviation of their blur, in parts of the longer side. */
const SMOOTH = 1 / 24;

/** @param picture of the place's size @returns the canvas, with the picture's edges spread over what is around it */
export function extend(picture: Raster, place: CanvasPlace, canvas: Size): Raster {
  const part = (side: number) => Math.max(1, Math.round(side / FRACTION));
  const small = resample(picture, { width: part(picture.width), height: part(picture.height) });
  const wide = { width: part(canvas.width), height: part(canvas.height) };
  const corner = { left: Math.round(place.left / FRACTION), top: Math.round(place.top / FRACTION) };
  const { channels } = picture;
  const data = new Uint8Array(wide.width * wide.height * channels);
  const inside = (at: number, side: number) => Math.min(side - 1, Math.max(0, at));
  let to = 0;
  for (let y = 0; y < wide.height; y++) {
    const row = inside(y - corner.top, small.height) * small.width;
    for (let x = 0; x < wide.width; x++) {
      const from = (row + inside(x - corner.left, small.width)) * channels;
      for (let c = 0; c < channels; c++) data[to++] = small.data[from + c]!;
    }
  }
  const sigma = Math.max(wide.width, wide.height) * SMOOTH;
  const whole = resample(gaussianBlur({ data, ...wide, channels }, sigma), canvas);
  paste(whole, picture, place.left, place.top);
  return whole;
}

/**
 * What is laid over a canvas: 255 around the picture, 0 within it, and a ramp between them over its own border, on the
 * sides where there is something around it.
 * @param width in pixels of the ramp
 */
export function feather(place: CanvasPlace, canvas: Size, width: number): Raster {
  const across = rampOf([place.left, place.left + place.width], canvas.width, width);
  const down = rampOf([place.top, place.top + place.height], canvas.height, width);
  const data = new Uint8Array(canvas.width * canvas.height);
  let to = 0;
  for (let y = 0; y < canvas.height; y++) {
    for (let x = 0; x < canvas.width; x++) data[to++] = Math.max(across[x]!, down[y]!);
  }
  return { data, width: canvas.width, height: canvas.height, channels: 1 };
}

function rampOf([from, to]: readonly [number, number], side: number, width: number): Uint8Array {
  return Uint8Array.from({ length: side }, (_, i) => {
    if (i < from || i >= to) return 255;
    const depth = Math.min(from > 0 ? i - from : width, to < side ? to - 1 - i : width);
    return depth >= width ? 0 : Math.round(255 * (1 - (depth + 1) / (width + 1)));
  });
}
