/**
 * Linear layers and convolutions as products of whole numbers of 8 bits, for CPUs that have units for them. Weights have a
 * scale for each output (src/models/quantise.ts); activations one for the whole tensor, found as the graph runs, so that
 * no calibration is needed. Sums are 32 bits wide and become float32 within the operator.
 */
import type { GraphBuilder, Value } from './builder.ts';

interface Int8Options {
  /** The name of a vector of the outputs that is added; none where left out. */
  readonly bias: string | undefined;
  /** Uses only these rows of the weight. */
  readonly rows?: { readonly first: number; readonly count: number } | undefined;
  /** Factors of the product and of the bias. They join the weights' constants when a session opens. */
  readonly times?: { readonly product: number; readonly bias: number } | undefined;
}

/** x [..., inputs] of 8 bits -> float32 [..., outputs] */
function product(
  b: GraphBuilder,
  x: Value,
  { scale, zero }: { readonly scale: Value; readonly zero: Value },
  name: string,
  shape: readonly number[],
  { bias, rows, times }: Int8Options,
): Value {
  const weight = b.int8Weight(name, shape, rows);
  const scaled = (value: Value, factor = 1) =>
    factor === 1 ? value : b.op('Mul', [value, b.floats([factor], [])]);
  // The weights are symmetric: their zero point, left out, is 0.
  const sums = [x, weight.values, scale, scaled(weight.scales, times?.product), zero, ''];
  return b.fused(
    'MatMulIntegerToFloat',
    bias === undefined ? sums : [...sums, scaled(b.weight(bias, [shape[0]!], rows), times?.bias)],
  );
}

/** x [B,S,inputs] -> [B,S,outputs] */
export function int8Linear(
  b: GraphBuilder,
  x: Value,
  name: string,
  shape: readonly [outputs: number, inputs: number],
  options: Int8Options,
): Value {
  const { values, ...how } = b.quantise(x);
  return product(b, values, how, `${name}.weight`, shape, options);
}

interface Int8ConvOptions {
  readonly bias: boolean;
  readonly kernel: number;
  readonly stride: number;
  readonly pads: readonly number[];
}

/**
 * A convolution of an image [B,C,H,W]: the neighbourhood of each position becomes a row, and the rows are multiplied with
 * the kernels. onnxruntime's ConvInteger is 20 times as slow, and QLinearConv rounds its results to 8 bits as well.
 */
export function int8Conv(
  b: GraphBuilder,
  x: Value,
  name: string,
  [outputs, inputs]: readonly [outputs: number, inputs: number],
  { bias, kernel, stride, pads }: Int8ConvOptions,
): Value {
  const { values, ...how } = b.quantise(x);
  const last = b.op('Transpose', [values], { perm: [0, 2, 3, 1] });
  const [top, left, bottom, right] = pads as [number, number, number, number];
  const side = (axis: number, before: number, after: number) => {
    const length = b.op('Squeeze', [b.op('Shape', [x], { start: axis, end: axis + 1 })]);
    const padded = b.op('Add', [length, b.integer(before + after)]);
    const steps = b.op('Div', [b.op('Sub', [padded, b.integer(kernel - stride)]), b.integer(stride)]);
    return { padded, steps };
  };
  const [rows, columns] = [side(2, top, bottom), side(3, left, right)];
  const shape = [outputs, inputs, kernel, kernel];
  const options = { bias: bias ? `${name}.bias` : undefined };
  const padded =
    Math.max(...pads) === 0
      ? last
      : b.op('Pad', [last, b.ints([0, top, left, 0, 0, bottom, right, 0]), how.zero]);
  const positions = b.op('Reshape', [padded, b.ints([0, -1, inputs])]);
  const neighbours =
    kernel === 1 && stride === 1
      ? positions
      : b.op('Reshape', [
          b.op('Gather', [positions, places(b, rows.steps, columns, { kernel, stride })], { axis: 1 }),
          b.ints([0, -1, kernel * kernel * inputs]),
        ]);
  const sums = product(b, neighbours, how, `${name}.weight`, shape, options);
  const sides = [
    b.ints([0, outputs]),
    ...[rows, columns].map(({ steps }) => b.op('Unsqueeze', [steps, b.ints([0])])),
  ];
  return b.op('Reshape', [
    b.op('Transpose', [sums], { perm: [0, 2, 1] }),
    b.op('Concat', sides, { axis: 0 }),
  ]);
}

/** Which positions of the padded image each position of the result reads: [rows, columns, kernel, kernel]. */
function places(
  b: GraphBuilder,
  rows: Value,
  columns: { readonly padded: Value; readonly steps: Value },
  { kernel, stride }: { readonly kernel: number; readonly stride: number },
): Value {
  const offsets = b.ints(Array.from({ length: kernel }, (_, i) => i));
  const along = (steps: Value, axes: readonly number[], kernelAxes: readonly number[]) => {
    const first = b.op('Mul', [b.op('Range', [b.integer(0), steps, b.integer(1)]), b.integer(stride)]);
    return b.op('Add', [
      b.op('Unsqueeze', [first, b.ints(axes)]),
      b.op('Unsqueeze', [offsets, b.ints(kernelAxes)]),
    ]);
  };
  const down = along(rows, [1, 2, 3], [0, 1, 3]);
  const across = along(columns.steps, [0, 2, 3], [0, 1, 2]);
  return b.op('Add', [b.op('Mul', [down, columns.padded]), across]);
}
