/**
 * 8-bit floats with a scale for each weight, as ComfyUI saves them. A picture drawn without the scales is white or noise.
 * Two spellings are about: `scale_weight` beside a marker `scaled_fp8`, and `weight_scale` beside `comfy_quant`.
 */
import type { StoredTensor } from '../graph/component.ts';

const SCALE = /^(.*)\.(?:scale_weight|weight_scale)$/;
/** Scales of activations, markers, and descriptions: the weights' own types say what is needed of them. */
const BESIDE = /(^|\.)(scale_input|input_scale|comfy_quant|scaled_fp8|weight_scale_2)$/;
/** Some layers of a scaled file may be wider than 8 bits; ComfyUI multiplies them, too. */
const FLOATS = ['F8_E4M3', 'F8_E5M2', 'F16', 'BF16', 'F32'];

/** @returns the weights with their scales, and without what only describes them */
export function withScales(tensors: ReadonlyMap<string, StoredTensor>): ReadonlyMap<string, StoredTensor> {
  const scales = [...tensors.keys()].filter((name) => SCALE.test(name));
  if (scales.length === 0 && !tensors.has('scaled_fp8')) return tensors;
  const found = new Map([...tensors].filter(([name]) => !SCALE.test(name) && !BESIDE.test(name)));
  for (const name of scales) {
    const weight = `${SCALE.exec(name)![1]}.weight`;
    const stored = found.get(weight);
    if (stored !== undefined) found.set(weight, scaled(stored, tensors.get(name)!, tensors.has(`${name}_2`)));
  }
  return found;
}

/** @returns the layer of the first weight whose scales are of blocks or of whole numbers: such weights are not read */
export function layerOfOtherScales(tensors: ReadonlyMap<string, StoredTensor>): string | undefined {
  for (const [name, scale] of tensors) {
    const layer = SCALE.exec(name)?.[1];
    const stored = layer === undefined ? undefined : tensors.get(`${layer}.weight`);
    if (stored !== undefined && !isPlain(stored, scale, tensors.has(`${name}_2`))) return layer;
  }
  return undefined;
}

const countOf = ({ shape }: StoredTensor) => shape.reduce((product, side) => product * side, 1);

/** One scale for all, or one for each row, of floats; or none. */
function isPlain(stored: StoredTensor, scale: StoredTensor, hasSecond: boolean): boolean {
  const count = countOf(scale);
  const isPerRow = count === stored.shape[0] && scale.shape[0] === count;
  if (count === 0) return true;
  return !hasSecond && FLOATS.includes(stored.dtype) && (count === 1 || isPerRow);
}

/** Other scales make another type: whoever needs such a weight refuses it by that name. */
function scaled(stored: StoredTensor, scale: StoredTensor, hasSecond: boolean): StoredTensor {
  // Some writers leave an empty one behind, which means 1.
  if (countOf(scale) === 0) return stored;
  if (!isPlain(stored, scale, hasSecond)) {
    return { ...stored, dtype: `${stored.dtype} with scales of its own` };
  }
  return { ...stored, decode: { ...stored.decode, scale } };
}
