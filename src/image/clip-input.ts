/** A picture as CLIP sees it, by the numbers of a preprocessor_config.json (transformers CLIPImageProcessor). */
import { DarkroomError } from '../errors.ts';
import { type Raster, resample } from './resample.ts';

interface ClipInputCard {
  /** Pixels of the picture's shorter side before it is cropped, and of the square that is left. */
  readonly shortest: number;
  readonly crop: number;
  /** Per channel (red, green, blue) the mean that is subtracted from levels of 0 to 1, and the divisor. */
  readonly mean: readonly number[];
  readonly std: readonly number[];
}

/** Of OpenAI's CLIP, which preprocessor_config.json may leave out. */
const MEAN = [0.48145466, 0.4578275, 0.40821073];
const STD = [0.26862954, 0.26130258, 0.27577711];
/** Pillow's number of its bicubic filter. */
const BICUBIC = 3;

/**
 * @param config of the file
 * @param size of the model's pictures
 * @throws DarkroomError('unsupported') that names the key which asks for something else
 */
export function readClipInputCard(
  config: Readonly<Record<string, unknown>>,
  { label, size }: { readonly label: string; readonly size: number },
): ClipInputCard {
  const refuse = (key: string) =>
    new DarkroomError(
      'unsupported',
      `${label}: ${key} is ${JSON.stringify(config[key])}, which this version of Darkroom does not carry out.`,
    );
  for (const key of ['do_resize', 'do_center_crop', 'do_rescale', 'do_normalize']) {
    if (config[key] === false) throw refuse(key);
  }
  if (config['resample'] !== undefined && config['resample'] !== BICUBIC) throw refuse('resample');
  const shortest = sideOf(config['size'], 'shortest_edge', size);
  const crop = sideOf(config['crop_size'], 'height', size);
  if (shortest === undefined || shortest < size) throw refuse('size');
  if (crop !== size) throw refuse('crop_size');
  const three = (key: string, usual: readonly number[]) => {
    const value = config[key] ?? usual;
    if (Array.isArray(value) && value.length === 3 && value.every(Number.isFinite)) return value as number[];
    throw refuse(key);
  };
  const std = three('image_std', STD);
  if (std.includes(0)) throw refuse('image_std');
  return { shortest, crop, mean: three('image_mean', MEAN), std };
}

/** Older files say `224`, newer ones `{"shortest_edge": 224}`. */
function sideOf(value: unknown, key: string, usual: number): number | undefined {
  const side = typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[key] : value;
  return side === undefined ? usual : Number.isInteger(side) ? Number(side) : undefined;
}

/** The square that CLIP sees: scaled to its shorter side, and its middle. @param picture of three channels */
export function clipSquare(
  picture: Raster,
  { shortest, crop }: Pick<ClipInputCard, 'shortest' | 'crop'>,
): Raster {
  const { width, height } = picture;
  const long = (side: number, other: number) => Math.floor((shortest * side) / other);
  const size =
    width <= height
      ? { width: shortest, height: long(height, width) }
      : { width: long(width, height), height: shortest };
  const scaled = resample(picture, size, 'bicubic');
  const [left, top] = [Math.floor((size.width - crop) / 2), Math.floor((size.height - crop) / 2)];
  const data = new Uint8Array(crop * crop * 3);
  for (let y = 0; y < crop; y++) {
    const from = ((top + y) * size.width + left) * 3;
    data.set(scaled.data.subarray(from, from + crop * 3), y * crop * 3);
  }
  return { data, width: crop, height: crop, channels: 3 };
}

/** @returns [1, 3, crop, crop] */
export function clipInput(
  picture: Raster,
  card: ClipInputCard,
): { data: Float32Array; dims: readonly number[] } {
  const { data } = clipSquare(picture, card);
  const plane = card.crop * card.crop;
  const values = new Float32Array(3 * plane);
  for (let c = 0; c < 3; c++) {
    for (let i = 0; i < plane; i++) {
      values[c * plane + i] = (data[i * 3 + c]! / 255 - card.mean[c]!) / card.std[c]!;
    }
  }
  return { data: values, dims: [1, 3, card.crop, card.crop] };
}
