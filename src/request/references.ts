/**
 * Pictures that a model sees beside its drawing, at the size that it sees them at. As in diffusers
 * (pipelines/flux2/image_processor.py): a large one is made smaller, and what is left over of the model's multiples is cut off.
 */
import { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';

interface Size {
  readonly width: number;
  readonly height: number;
}

const LEAST_SIDE = 64;
const MOST_AREA = 1024 * 1024;
const MOST_RATIO = 8;

/** What a reference takes at most, in pixels. */
export const LARGEST_REFERENCE: Size = { width: 1024, height: 1024 };

/**
 * @param multiple what the model's sides are multiples of
 * @returns the size that the picture is scaled to, and that of the middle part that is seen of it
 * @throws DarkroomError('bad_picture') where it is too small or too narrow
 */
export function referenceSize({ width, height }: Size, multiple: number): { inner: Size; seen: Size } {
  const least = Math.max(LEAST_SIDE, multiple);
  if (Math.min(width, height) < least) {
    throw new DarkroomError('bad_picture', sentence('request.reference_small', { least, width, height }));
  }
  if (Math.max(width / height, height / width) > MOST_RATIO) {
    throw new DarkroomError(
      'bad_picture',
      sentence('request.reference_narrow', { ratio: MOST_RATIO, width, height }),
    );
  }
  const scale = Math.min(1, Math.sqrt(MOST_AREA / (width * height)));
  const inner = { width: Math.trunc(width * scale), height: Math.trunc(height * scale) };
  const down = (side: number) => Math.floor(side / multiple) * multiple;
  return { inner, seen: { width: down(inner.width), height: down(inner.height) } };
}
