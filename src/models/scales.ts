/**
 * 8-bit floats with a scale for each weight, as ComfyUI saves them. A picture drawn without the scales is white or noise.
 * Two spellings are about: `scale_weight` beside a marker `scaled_fp8`, and `weight_scale` beside `comfy_quant`.
 */
import type { StoredTensor } from '../graph/component.ts';

const SCALE = /^(.*)\.(?:scale_weight|weight_scale)$/;
/** Scales of activations, markers, and descriptions: the weights' own types say what is needed of them. */
const BESIDE = /(^|\.)(scale_input|input_scale|comfy_quant|scaled_fp8|weight_scale_2)$/;
const FLOATS_OF_8_BITS = ['F8_E4M3', 'F8_E5M2'];

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

/** Scales of blocks, and of whole numbers, make another type: whoever needs such a weight refuses it by that name. */
function scaled(stored: StoredTensor, scale: StoredTensor, hasSecond: boolean): StoredTensor {
  const count = scale.shape.reduce((product, side) => product * side, 1);
  // Some writers leave an empty one behind, which means 1.
  if (count === 0) return stored;
  const isPerRow = count === stored.shape[0] && scale.shape[0] === count;
  if (hasSecond || !FLOATS_OF_8_BITS.includes(stored.dtype) || (count !== 1 && !isPerRow)) {
    return { ...stored, dtype: `${stored.dtype} with scales of its own` };
  }
  return { ...stored, decode: { ...stored.decode, scale } };
}
