/** Outpainting: a picture laid on a larger canvas, of which the rest is drawn as the masked part of a picture is. */
import { type CanvasPlace, extend, feather } from '../../image/canvas.ts';
import { overlay } from '../../image/mask.ts';
import { toPlanes } from '../../image/pixels.ts';
import { fit, type Raster, resample } from '../../image/resample.ts';
import type { GenerationRequest, OutpaintRequest } from '../../request.ts';
import type { MaskedPicture } from './inpaint.ts';

/** Width of the border in which both are blended, in parts of the picture's shorter side; and its limits in pixels. */
const BORDER = { share: 1 / 12, min: 8, max: 48 };

/** @param size of the drawing, which may be smaller than the canvas */
export function layOnCanvas(
  picture: Raster,
  outpaint: OutpaintRequest,
  { width, height }: Pick<GenerationRequest, 'width' | 'height'>,
): MaskedPicture {
  const { left, top, keptWidth, keptHeight } = outpaint;
  const canvas = { width: outpaint.width, height: outpaint.height };
  const place: CanvasPlace = { left, top, width: keptWidth, height: keptHeight };
  const border = Math.round(
    Math.min(BORDER.max, Math.max(BORDER.min, BORDER.share * Math.min(keptWidth, keptHeight))),
  );
  const whole = extend(resample(picture, place), place, canvas);
  const alpha = feather(place, canvas, border);
  const size = { width, height };
  const drawn = fit(whole, size, 'stretch');
  // What is blended at all is redrawn.
  const changed = { ...alpha, data: alpha.data.map((level) => (level > 0 ? 255 : 0)) };
  const { data } = fit(changed, size, 'stretch');
  const mask = Float32Array.from(data, (level) => (level > 0 ? 1 : 0));
  const planes = toPlanes(drawn, -1, 1);
  const dims = [1, 3, height, width];
  return {
    start: { data: planes, dims },
    masked: { data: planes.map((value, i) => (mask[i % mask.length] === 1 ? 0 : value)), dims },
    mask,
    keepsRest: true,
    frame: undefined,
    notes: [],
    finish: async (result) => overlay(whole, fit(result, canvas, 'stretch'), alpha),
  };
}
