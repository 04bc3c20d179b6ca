/** The pictures that came with a request, decoded and fitted to its drawing; nothing here needs a model. */
import { DarkroomError } from '../../errors.ts';
import { decodeRgb, toPlanes } from '../../image/pixels.ts';
import { type Fit, fit, type Raster } from '../../image/resample.ts';
import type { Job } from '../../job.ts';
import { type Sentence, sentence, type Words } from '../../sentences.ts';
import type { Tensor } from '../../tensor.ts';
import { type MaskedPicture, readMasked } from './inpaint.ts';
import { layOnCanvas } from './outpaint.ts';
import { planesOfReference } from './references.ts';

export interface Sources {
  /** [1, 3, H, W] in -1..1: what the first pass starts from. */
  readonly start?: Tensor;
  readonly masked?: MaskedPicture;
  /** [1, 3, H, W] in -1..1 each, of sizes of their own: what the model sees beside its drawing. */
  readonly references: readonly Tensor[];
  /** Sentences for the user, about pictures that were fitted. */
  readonly notes: readonly Words[];
}

/**
 * @param multiple what the model's sides are multiples of
 * @throws DarkroomError('bad_request' | 'bad_picture') for a picture that did not travel or cannot be used
 */
export async function readSources({ request, inputs }: Job, multiple: number): Promise<Sources> {
  const { image, maskImage, outpaint, width, height, referenceImages = [] } = request;
  const references: Tensor[] = [];
  for (const reference of referenceImages) {
    const bytes = bytesOf(inputs, reference, sentence('engine.input.reference'));
    references.push(planesOfReference(await decodeRgb(bytes), multiple));
  }
  if (image === undefined) return { references, notes: [] };
  const bytes = bytesOf(inputs, image, sentence('engine.input.source'));
  if (maskImage !== undefined) {
    const masked = await readMasked(
      bytes,
      bytesOf(inputs, maskImage, sentence('engine.input.mask')),
      request,
    );
    return { start: masked.start, masked, references, notes: masked.notes };
  }
  const picture = await decodeRgb(bytes);
  if (outpaint !== undefined) {
    const masked = layOnCanvas(picture, outpaint, request);
    return { start: masked.start, masked, references, notes: [] };
  }
  const size = { width, height };
  const how = request.controls.length > 0 || keepsSize(picture, size, multiple) ? 'stretch' : 'cover';
  return { start: planesOf(picture, size, how), references, notes: [] };
}

/** @throws DarkroomError('bad_request') naming what is gone */
export function bytesOf(inputs: Job['inputs'], reference: string, what: Sentence): Uint8Array {
  const bytes = inputs.get(reference);
  if (bytes !== undefined) return bytes;
  throw new DarkroomError('bad_request', sentence('engine.input_gone', { what }), {
    cause: new Error(`the job holds no bytes for the reference ${reference}`),
  });
}

/** Whether the size is the picture's own, rounded down: then all of it is drawn, a little narrower, as in diffusers. */
function keepsSize(
  picture: Raster,
  { width, height }: { readonly width: number; readonly height: number },
  multiple: number,
): boolean {
  const isOwn = (side: number, wanted: number) => side >= wanted && side < wanted + multiple;
  return isOwn(picture.width, width) && isOwn(picture.height, height);
}

function planesOf(
  picture: Raster,
  size: { readonly width: number; readonly height: number },
  how: Fit,
): Tensor {
  return { data: toPlanes(fit(picture, size, how), -1, 1), dims: [1, 3, size.height, size.width] };
}
