/** Pictures that a model sees beside its drawing, fitted. */
import { toPlanes } from '../../image/pixels.ts';
import { crop, type Raster, resample } from '../../image/resample.ts';
import { referenceSize } from '../../request.ts';
import type { Tensor } from '../../tensor.ts';

/**
 * @param multiple what the model's sides are multiples of
 * @returns [1, 3, H, W] in -1..1
 * @throws DarkroomError('bad_picture') where it is too small or too narrow
 */
export function planesOfReference(picture: Raster, multiple: number): Tensor {
  const { inner, seen } = referenceSize(picture, multiple);
  const isWhole = inner.width === picture.width && inner.height === picture.height;
  const scaled = isWhole ? picture : resample(picture, inner, 'lanczos');
  const left = Math.floor((inner.width - seen.width) / 2);
  const top = Math.floor((inner.height - seen.height) / 2);
  const box = { left, top, right: left + seen.width, bottom: top + seen.height };
  return { data: toPlanes(crop(scaled, box), -1, 1), dims: [1, 3, seen.height, seen.width] };
}
