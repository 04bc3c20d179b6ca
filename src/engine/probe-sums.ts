/**
 * Long sums of products in float16. onnxruntime's WebGPU kernels add them up in the type of their output (pull request
 * 29599): over the 11,520 products of a convolution of SD 1.5 that is 1.6 % off, where a sum in float32 is 0.02 % off, and a
 * call of its UNet was 4 % off on an H100.
 */
import { GraphBuilder } from '../graph/builder.ts';
import type { Graph } from '../graph/component.ts';
import type { Target } from '../graph/target.ts';
import type { Feeds } from '../tensor.ts';

/** [rows, terms] x [terms, columns], and a convolution of 3 x 3 over as many terms for each value. */
export const SUMS = { rows: 16, terms: 4608, columns: 16, side: 4 } as const;
const { rows, terms, columns, side } = SUMS;
const channels = terms / 9;

/** As distances have it: sums in float16 are at 1 %, in float32 at 0.05 % with inputs that are rounded. */
const TOLERANCE = 4e-3;

/** A product of matrices, and a convolution, as one row of values. */
export function sumsGraph(target: Target): Graph {
  // What CUDA has of its own adds up in float32: only portable operators are in question.
  const b = new GraphBuilder('sums', { configFile: 'probe', config: {}, tensors: new Map() }, target);
  const input = (name: string, dims: readonly number[]) => b.narrow(b.input(name, 'float', dims));
  const product = b.op('MatMul', [input('x', [rows, terms]), input('matrix', [terms, columns])]);
  const how = { kernel_shape: [3, 3], strides: [1, 1], pads: [1, 1, 1, 1] };
  const image = b.op(
    'Conv',
    [input('image', [1, channels, side, side]), input('kernel', [columns, channels, 3, 3])],
    how,
  );
  b.output('product', product, [rows, columns]);
  b.output('convolved', image, [1, columns, side, side]);
  return b.finish();
}

export const sumsFeeds = (): Feeds => ({
  x: noise(1, [rows, terms]),
  matrix: noise(2, [terms, columns]),
  image: noise(3, [1, channels, side, side]),
  kernel: noise(4, [columns, channels, 3, 3]),
});

/** @param own and reference: the outputs of sumsGraph on the device, and on the CPU in float32 */
export function areSumsExact(
  own: readonly Float32Array[],
  reference: readonly Float32Array[],
): { readonly isExact: boolean; readonly error: number } {
  const error = Math.max(...own.map((values, i) => distance(values, reference[i]!)));
  return { isExact: error <= TOLERANCE, error };
}

/** Of the root of the summed squares. */
export function distance(own: Float32Array, reference: Float32Array): number {
  const norm = (values: Float32Array) => Math.sqrt(values.reduce((sum, v) => sum + v * v, 0));
  return norm(reference.map((v, i) => v - own[i]!)) / norm(reference);
}

/** Evenly spread from -1 to 1, without a pattern (mulberry32). */
function noise(seed: number, dims: readonly number[]) {
  let state = seed;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 31 - 1;
  };
  return { data: Float32Array.from({ length: dims.reduce((a, b) => a * b) }, next), dims };
}
