/** Inpainting: a picture with its mask as the denoiser takes them, and how what was drawn meets what is kept. */
import { gaussianBlur } from '../../image/blur.ts';
import { binarize, cropRegion, inward, overlay, readMask, type Size } from '../../image/mask.ts';
import { decodeRgb, toPlanes } from '../../image/pixels.ts';
import { type Box, crop, fit, paste, type Raster } from '../../image/resample.ts';
import type { GenerationRequest } from '../../request.ts';
import type { Tensor } from '../../tensor.ts';

export interface MaskedPicture {
  /** [1, 3, H, W]: the picture, or its part around the mask, in -1..1. */
  readonly start: Tensor;
  /** The same with 0 (mid-grey) where it is drawn anew. */
  readonly masked: Tensor;
  /** [H, W]: 1 where it is drawn anew. */
  readonly mask: Float32Array;
  /** The part that is drawn of a picture of that size; all of it where undefined. */
  readonly frame: Frame | undefined;
  readonly notes: readonly string[];
  /** Lays what was drawn over the picture it started from, where the request asks for that. */
  finish(drawn: Raster): Raster;
}

/** A part of a picture. */
export interface Frame {
  readonly region: Box;
  /** Of the whole picture. */
  readonly whole: Size;
}

type MaskRequest = Pick<
  GenerationRequest,
  'width' | 'height' | 'maskBlur' | 'keepUnmasked' | 'onlyMaskedPadding'
>;

/**
 * @param image and `maskImage`, the files
 * @throws DarkroomError('bad_picture' | 'bad_request') where one cannot be used
 */
export async function readMasked(
  image: Uint8Array,
  maskImage: Uint8Array,
  request: MaskRequest,
): Promise<MaskedPicture> {
  const { width, height, maskBlur = 0, keepUnmasked = false, onlyMaskedPadding } = request;
  const size = { width, height };
  const picture = await decodeRgb(image);
  const { mask, notes } = await readMask(maskImage, picture);
  const soft = gaussianBlur(mask, maskBlur);
  const region = onlyMaskedPadding === undefined ? undefined : cropRegion(soft, size, onlyMaskedPadding);
  const drawn = cutOut(picture, region, size);
  // A mask that was never softened is stretched once, as the reference stretches it.
  const isSharp = maskBlur === 0 && region === undefined;
  const levels = isSharp ? (await readMask(maskImage, size)).mask : cutOut(soft, region, size);
  const area = binarize(levels);
  const planes = toPlanes(drawn, -1, 1);
  const dims = [1, 3, height, width];
  return {
    start: { data: planes, dims },
    masked: { data: planes.map((value, i) => (area[i % area.length] === 1 ? 0 : value)), dims },
    mask: area,
    frame: region && { region, whole: { width: picture.width, height: picture.height } },
    notes,
    finish: (result) => {
      if (region !== undefined) {
        const alpha = keepUnmasked ? inward(mask, soft) : soft;
        return overlay(picture, place(result, region, picture), alpha);
      }
      if (!keepUnmasked) return result;
      return overlay(drawn, result, inward(levels, isSharp ? levels : fit(soft, size, 'stretch')));
    },
  };
}

/** What is drawn of a picture, at the drawing's size; the edges are repeated where the proportion differs. */
export function cutOut(picture: Raster, region: Box | undefined, size: Size): Raster {
  return region === undefined ? fit(picture, size, 'stretch') : fit(crop(picture, region), size, 'fill');
}

/** A drawing put back where its part was cut out of a picture; around it, black. */
function place(
  drawn: Raster,
  { left, top, right, bottom }: Box,
  { width, height, channels }: Raster,
): Raster {
  const whole = { data: new Uint8Array(width * height * channels), width, height, channels };
  paste(whole, fit(drawn, { width: right - left, height: bottom - top }, 'cover'), left, top);
  return whole;
}

/**
 * A mask at the latents' size, by the nearest pixel: rows and columns 0, s, 2s, ... as torch's interpolate takes.
 * @param mask [H, W]
 * @param scale pixels of the picture for each latent
 */
export function maskOfLatents(mask: Float32Array, { width, height }: Size, scale: number): Float32Array {
  const across = width / scale;
  return Float32Array.from({ length: across * (height / scale) }, (_, i) => {
    const [x, y] = [(i % across) * scale, Math.floor(i / across) * scale];
    return mask[y * width + x]!;
  });
}
