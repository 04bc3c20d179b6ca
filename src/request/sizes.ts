/** Sizes in pixels that a model can draw. */
import { DarkroomError } from '../errors.ts';
import { sentence } from '../sentences.ts';
import type { DraftContext, ModelDefaults } from './defaults.ts';
import { LIMITS } from './limits.ts';
import { referenceSize } from './references.ts';

export interface Size {
  readonly width: number;
  readonly height: number;
}

export const multipleOf = ({ sizeMultiple = LIMITS.size.multiple }: ModelDefaults) => sizeMultiple;

/**
 * The size that is asked for; else that of the picture to start from, where the model can draw it; else the model's.
 * @param isReference whether the picture is only seen; its size is then the one at which it is seen
 */
export function chooseSize(
  asked: Partial<Size>,
  { defaults, imageSize: given }: DraftContext,
  isReference = false,
): Size {
  const multiple = multipleOf(defaults);
  const imageSize = isReference && given !== undefined ? referenceSize(given, multiple).seen : given;
  const down = (side: number) => Math.floor(side / multiple) * multiple;
  // As in diffusers, a picture to start from keeps its own size.
  const fits =
    imageSize !== undefined &&
    Math.max(imageSize.width, imageSize.height) <= defaults.maxSize &&
    Math.min(imageSize.width, imageSize.height) >= multiple;
  // Where the result is enlarged, a picture as large as a result is drawn at the size that results are drawn at.
  const isResult = fits && defaults.enlarges !== undefined && !isWithinOwnArea(imageSize, defaults);
  const own = isResult ? sizeOfRatio(withinRatio(imageSize.width / imageSize.height), defaults) : defaults;
  const keeps = fits && !isResult;
  const size = {
    width: asked.width ?? (keeps ? down(imageSize.width) : own.width),
    height: asked.height ?? (keeps ? down(imageSize.height) : own.height),
  };
  requireSize({ width: size.width, height: size.height }, defaults);
  return size;
}

/**
 * @param sides by their labels in a refusal
 * @throws DarkroomError('bad_request')
 */
export function requireSize(sides: Readonly<Record<string, number>>, defaults: ModelDefaults): void {
  const multiple = multipleOf(defaults);
  for (const [label, side] of Object.entries(sides)) {
    if (side % multiple !== 0) {
      throw new DarkroomError(
        'bad_request',
        sentence('request.not_multiple', {
          label,
          side,
          multiple,
          near: Math.max(multiple, Math.floor(side / multiple) * multiple),
        }),
      );
    }
    if (side > defaults.maxSize) {
      throw new DarkroomError(
        'bad_request',
        sentence('request.beyond_model', {
          label,
          side,
          limit: defaults.maxSize,
          width: defaults.width,
          height: defaults.height,
        }),
      );
    }
  }
}

/** Rounding a proportion to the model's multiples can pass its own area by a little. */
const ROUNDED = 1.1;

/** Whether a size has at most the area that the model draws by itself. */
export const isWithinOwnArea = (size: Size, { width, height }: ModelDefaults) =>
  size.width * size.height <= ROUNDED * width * height;

/** Width to height. */
const RATIO = { min: 1 / 4, max: 4 } as const;

/** The nearest proportion that can be drawn. */
export const withinRatio = (ratio: number) => Math.min(RATIO.max, Math.max(RATIO.min, ratio));

/** About the model's own area in the multiples it needs, no side beyond the model's longest. */
export function sizeOfRatio(ratio: number, { width, height, maxSize, ...defaults }: ModelDefaults): Size {
  const multiple = defaults.sizeMultiple ?? LIMITS.size.multiple;
  const area = width * height;
  const wanted = { width: Math.sqrt(area * ratio), height: Math.sqrt(area / ratio) };
  const scale = Math.min(1, maxSize / Math.max(wanted.width, wanted.height));
  const round = (side: number) => Math.max(multiple, Math.round((side * scale) / multiple) * multiple);
  return { width: round(wanted.width), height: round(wanted.height) };
}

/** `16:9`, `16 / 9`, `16x9`, `16×9`. */
export const RATIO_TEXT = /^(\d+(?:[.,]\d+)?)\s*[:/x×]\s*(\d+(?:[.,]\d+)?)$/i;

/** The proportions that the menus name, by those names. */
const RATIO_NAMES = new Map([
  ...['square', '정사각형'].map((name) => [name, 1] as const),
  ...['landscape', 'horizontal', '가로', '가로형'].map((name) => [name, 3 / 2] as const),
  ...['portrait', 'vertical', '세로', '세로형'].map((name) => [name, 2 / 3] as const),
  ...['wide', 'widescreen', '와이드'].map((name) => [name, 16 / 9] as const),
  ...['tall'].map((name) => [name, 9 / 16] as const),
]);

/** @throws DarkroomError('bad_request') where it is no proportion, or beyond 1:4 to 4:1 */
export function parseRatio(text: string): number {
  const match = RATIO_TEXT.exec(
    text
      .trim()
      .normalize('NFKC')
      .replaceAll(/(?<=\d),(?=\d)/g, '.'),
  );
  const named = RATIO_NAMES.get(text.trim().toLowerCase());
  const ratio = named ?? (match === null ? Number.NaN : Number(match[1]) / Number(match[2]));
  if (ratio >= RATIO.min && ratio <= RATIO.max) return ratio;
  throw new DarkroomError('bad_request', sentence('request.bad_ratio', { text }));
}
