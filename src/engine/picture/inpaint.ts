/** Inpainting: a picture with its mask as the denoiser takes them, and how what was drawn meets what is kept. */
import { gaussianBlur } from '../../image/blur.ts';
import { binarize, cropRegion, inward, overlay, readMask } from '../../image/mask.ts';
import { decodeRgb, toPlanes } from '../../image/pixels.ts';
import { type Box, crop, fit, paste, type Raster, type Size } from '../../image/resample.ts';
import type { GenerationRequest } from '../../request.ts';
import { sentence, type Words } from '../../sentences.ts';
import type { Tensor } from '../../tensor.ts';

export interface MaskedPicture {
  /** [1, 3, H, W]: the picture, or its part around the mask, in -1..1. */
  readonly start: Tensor;
  /** The same with 0 (mid-grey) where it is redrawn. */
  readonly masked: Tensor;
  /** [H, W]: 1 where it is redrawn. */
  readonly mask: Float32Array;
  /** The part that is drawn of a picture of that size; all of it where undefined. */
  readonly frame: Frame | undefined;
  /** Whether the rest of the picture is laid back over what was drawn. */
  readonly keepsRest: boolean;
  readonly notes: readonly Words[];
  /** Lays what was drawn, which may have been enlarged since, over the picture that it started from, where asked for. */
  finish(drawn: Raster): Promise<Raster>;
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
  const { mask, notes: read } = await readMask(maskImage, picture);
  const notes = [...read];
  const blurred = gaussianBlur(mask, maskBlur);
  // A blur can fade all of a thin mask below the threshold.
  const isBlurred = maskBlur > 0 && binarize(blurred).includes(1);
  const soft = isBlurred ? blurred : mask;
  if (maskBlur > 0 && !isBlurred) {
    notes.push(sentence('engine.thin_mask', { blur: maskBlur }));
  }
  const region = onlyMaskedPadding === undefined ? undefined : cropRegion(soft, size, onlyMaskedPadding);
  const drawn = cutOut(picture, region, size);
  // A mask that was never softened is stretched once, as the reference stretches it.
  const isSharp = !isBlurred && region === undefined;
  const levelsAt = async (at: Size) =>
    isSharp ? (await readMask(maskImage, at)).mask : cutOut(soft, region, at);
  const levels = await levelsAt(size);
  const softened = binarize(levels);
  // So can shrinking.
  const area = softened.includes(1) ? softened : binarize(cutOut(mask, region, size));
  const planes = toPlanes(drawn, -1, 1);
  const dims = [1, 3, height, width];
  return {
    start: { data: planes, dims },
    masked: { data: planes.map((value, i) => (area[i % area.length] === 1 ? 0 : value)), dims },
    mask: area,
    keepsRest: keepUnmasked,
    frame: region && { region, whole: { width: picture.width, height: picture.height } },
    notes,
    finish: async (result) => {
      if (region !== undefined) {
        const alpha = keepUnmasked ? inward(mask, soft) : soft;
        return overlay(picture, place(result, region, picture), alpha);
      }
      if (!keepUnmasked) return result;
      const at = { width: result.width, height: result.height };
      const hard = await levelsAt(at);
      return overlay(
        cutOut(picture, undefined, at),
        result,
        inward(hard, isSharp ? hard : fit(soft, at, 'stretch')),
      );
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

/** How the mask of a latent is sampled: at the first pixel of its block, or between the four in its middle. */
type MaskSample = 'corner' | 'middle';

/**
 * A mask at the latents' size. diffusers samples it at rows and columns 0, s, 2s, ... (or bilinearly in the middle of a
 * block), and so misses lines that are narrower than a block of s x s pixels. Here such a thin part counts in every block
 * that it touches: a block counts if its sample is masked, or if any of its pixels is and no block beside it is masked as
 * a whole (in the middle: is sampled at all).
 * @param mask [H, W]
 * @param scale pixels per latent, s
 * @param isWide whether every block with a masked pixel counts. That is right where the kept pixels are laid back.
 * @returns 0 to 1
 */
export function maskOfLatents(
  mask: Float32Array,
  { width, height }: Size,
  scale: number,
  isWide: boolean,
  sample: MaskSample = 'corner',
): Float32Array {
  const [across, down] = [width / scale, height / scale];
  const masked = new Uint32Array(across * down);
  for (const [i, value] of mask.entries()) {
    if (value !== 1) continue;
    masked[Math.floor(i / width / scale) * across + Math.floor((i % width) / scale)]!++;
  }
  const at = (x: number, y: number) => mask[y * width + x]!;
  const sampled = (column: number, row: number): number => {
    const [x, y] = [column * scale, row * scale];
    if (sample === 'corner') return at(x, y);
    const [right, below] = [x + scale / 2, y + scale / 2];
    return (at(right, below) + at(right - 1, below) + at(right, below - 1) + at(right - 1, below - 1)) / 4;
  };
  // Between pixels a block is masked in part, and its neighbours are no more than its edge.
  const isFound = (column: number, row: number) =>
    sample === 'corner' ? masked[row * across + column] === scale * scale : sampled(column, row) > 0;
  const isBesideFound = (column: number, row: number) =>
    [row - 1, row, row + 1].some((y) =>
      [column - 1, column, column + 1].some(
        (x) => x >= 0 && x < across && y >= 0 && y < down && isFound(x, y),
      ),
    );
  return Float32Array.from(masked, (count, i) => {
    const [column, row] = [i % across, Math.floor(i / across)];
    if (count > 0 && isWide) return 1;
    const value = sampled(column, row);
    if (value > 0) return value;
    return count > 0 && !isBesideFound(column, row) ? 1 : 0;
  });
}
