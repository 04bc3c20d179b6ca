/**
 * Layers that the components share. Each takes the builder, its input and the dotted name of its weights, as
 * PyTorch's state dicts name them. Images are [B,C,H,W], or [B,H,W,C] where the target is channels last; sequences
 * are [B,S,C]. All are of the target's type.
 */
import { scaledAttention } from './attention.ts';
import type { Attributes, GraphBuilder, Value } from './builder.ts';
import { int8Conv, int8Linear } from './int8.ts';

export type Activation = 'silu' | 'gelu' | 'gelu_tanh' | 'quick_gelu' | 'relu';

export function activation(b: GraphBuilder, x: Value, kind: Activation): Value {
  switch (kind) {
    case 'silu':
      return b.fused('QuickGelu', [x], { alpha: { float: 1 } });
    case 'quick_gelu':
      return b.fused('QuickGelu', [x], { alpha: { float: 1.702 } });
    case 'gelu':
      return b.op('Gelu', [x]);
    case 'gelu_tanh':
      return b.op('Gelu', [x], { approximate: 'tanh' });
    case 'relu':
      return b.op('Relu', [x]);
  }
}

export interface LinearOptions {
  readonly bias?: boolean;
  /** Uses only these rows of the weight, that is these output channels. */
  readonly rows?: { readonly first: number; readonly count: number };
  /** Stays as wide as the target's type where other layers have 8 bits: it takes little time, or is sensitive. */
  readonly precise?: boolean;
}

/**
 * x @ weight^T + bias over the last axis; weight [outputs, inputs] is used as it lies in the file where the target can
 * (a transpose is a second copy of all weights while loading).
 */
export function linear(
  b: GraphBuilder,
  x: Value,
  name: string,
  inputs: number,
  outputs: number,
  { bias = true, rows, precise = false }: LinearOptions = {},
): Value {
  const shape = [outputs, inputs] as const;
  const isInBlocks = b.isInBlocks(`${name}.weight`);
  if (b.target.int8 && !precise && !isInBlocks) {
    const sums = int8Linear(b, x, name, shape, { bias: bias ? `${name}.bias` : undefined, rows });
    return withFactors(b, sums, x, name, rows);
  }
  const products = b
    .rowsInTurn(`${name}.weight`, shape, rows)
    .map((part) => productOf(b, x, name, shape, part.count === outputs ? undefined : part));
  const product = products.length === 1 ? products[0]! : b.op('Concat', products, { axis: -1 });
  const sum = withFactors(b, product, x, name, rows);
  return bias ? b.op('Add', [sum, b.weight(`${name}.bias`, [outputs], rows)]) : sum;
}

const productOf = (
  b: GraphBuilder,
  x: Value,
  name: string,
  shape: readonly [number, number],
  rows: LinearOptions['rows'],
): Value =>
  b.blockProduct(x, `${name}.weight`, shape, rows) ??
  (b.target.fusedMatMul
    ? b.fused('FusedMatMul', [x, b.weight(`${name}.weight`, shape, rows)], { transB: 1 })
    : b.op('MatMul', [x, b.turnedWeight(`${name}.weight`, shape, rows)]));

/** The product of a linear layer over x, with what a LoRA adds to it. */
function withFactors(
  b: GraphBuilder,
  product: Value,
  x: Value,
  name: string,
  rows?: LinearOptions['rows'],
): Value {
  const factors = b.factors(`${name}.weight`, rows);
  if (factors === undefined) return product;
  const times = (value: Value, matrix: Value) =>
    b.target.fusedMatMul
      ? b.fused('FusedMatMul', [value, matrix], { transB: 1 })
      : b.op('MatMul', [value, b.op('Transpose', [matrix], { perm: [1, 0] })]);
  return b.op('Add', [product, times(times(x, factors.down), factors.up)]);
}

/** A linear layer whose result is added to `skip`. */
export function linearInto(
  b: GraphBuilder,
  x: Value,
  name: string,
  inputs: number,
  outputs: number,
  skip: Value,
): Value {
  // A product of 8 bits adds its bias as it becomes float32.
  if (b.target.int8) return b.residual(linear(b, x, name, inputs, outputs), skip);
  const product = linear(b, x, name, inputs, outputs, { bias: false });
  const bias = b.weight(`${name}.bias`, [outputs]);
  return b.residual(product, skip, bias);
}

interface ConvOptions {
  readonly kernel?: number;
  readonly stride?: number;
  /** False where a later operator adds it. */
  readonly bias?: boolean;
  /** Zeros at [top, left, bottom, right]; (kernel - 1) / 2 all round where left out. */
  readonly pads?: readonly [number, number, number, number];
}

export function conv(
  b: GraphBuilder,
  x: Value,
  name: string,
  inputs: number,
  outputs: number,
  { kernel = 3, stride = 1, bias = true, pads }: ConvOptions = {},
): Value {
  const side = (kernel - 1) >> 1;
  const around = pads ?? ([side, side, side, side] as const);
  const how = { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: around };
  const isInt8 =
    b.target.int8 && !b.isInBlocks(`${name}.weight`) && Math.min(inputs, outputs) >= LEAST_INT8_CHANNELS;
  const plain = isInt8
    ? int8Conv(b, x, name, [outputs, inputs], { bias, kernel, stride, pads: around })
    : plainConv(b, x, name, [outputs, inputs], { bias, how });
  const factors = b.factors(`${name}.weight`);
  if (factors === undefined) return plain;
  const down = b.op('Reshape', [factors.down, b.ints([-1, inputs, kernel, kernel])]);
  const [again, first] = withEvenChannels(
    b,
    [x, b.target.channelsLast ? b.op('Transpose', [down], { perm: [0, 2, 3, 1] }) : down],
    inputs,
  );
  const shape = b.target.channelsLast ? [outputs, 1, 1, -1] : [outputs, -1, 1, 1];
  const second = b.op('Reshape', [factors.up, b.ints(shape)]);
  const point = { kernel_shape: [1, 1], strides: [1, 1], pads: [0, 0, 0, 0] };
  return b.op('Add', [plain, convolve(b, convolve(b, again, [first], how), [second], point)]);
}

/** Below so many channels on either side a product of whole numbers gains nothing. */
const LEAST_INT8_CHANNELS = 32;

function plainConv(
  b: GraphBuilder,
  x: Value,
  name: string,
  [outputs, inputs]: readonly [outputs: number, inputs: number],
  {
    bias,
    how,
  }: { readonly bias: boolean; readonly how: { readonly kernel_shape: readonly number[] } & Attributes },
): Value {
  const [height, width] = how.kernel_shape as [number, number];
  const kernel = b.kernel(`${name}.weight`, [outputs, inputs, height, width]);
  const [image, matrix] = withEvenChannels(b, [x, kernel], inputs);
  return convolve(b, image, [matrix, ...(bias ? [b.weight(`${name}.bias`, [outputs])] : [])], how);
}

function convolve(b: GraphBuilder, image: Value, weights: readonly Value[], how: Attributes): Value {
  return b.target.channelsLast
    ? b.fused('NhwcConv', [image, ...weights], how)
    : b.op('Conv', [image, ...weights], how);
}

/** An image and the kernel over it with channels of zeros, where the target's convolution cannot take their number. */
function withEvenChannels(
  b: GraphBuilder,
  [x, kernel]: readonly [Value, Value],
  channels: number,
): readonly [Value, Value] {
  const isTaken = b.target.oddChannels || channels % 4 === 0 || channels % 3 !== 0 || channels === 3;
  if (isTaken) return [x, kernel];
  const more = 4 - (channels % 4);
  const padded = (value: Value) => b.op('Pad', [value, b.ints([0, 0, 0, 0, 0, more, 0, 0])]);
  return [padded(x), padded(kernel)];
}

interface AttentionOptions {
  readonly channels: number;
  /** Channels of what keys and values are made from; `channels` for self-attention. */
  readonly contextChannels: number;
  readonly heads: number;
  /** Names of the four projections under the layer's name. */
  readonly projections: { readonly q: string; readonly k: string; readonly v: string; readonly out: string };
  /** Whether q, k and v have a bias; the output projection always has one. */
  readonly bias: boolean;
  /** Each position sees only itself and those before it; the number is the longest sequence there can be. */
  readonly causal?: number;
  /** Scores and sums are float32 on every target: for models whose scores overflow float16. */
  readonly wide?: boolean;
  /** As ScaledAttentionOptions has it. */
  readonly long?: boolean | undefined;
  /** Is added to the result. */
  readonly skip?: Value;
  /** The positions of x that ask: the result has only these. All of them where left out. */
  readonly asking?: Value | undefined;
}

/** Multi-head attention (Vaswani et al. 2017) with scale 1/sqrt(channels/heads); x [B,S,C], context [B,T,D]. */
export function attention(
  b: GraphBuilder,
  x: Value,
  context: Value,
  name: string,
  options: AttentionOptions,
): Value {
  const { channels, contextChannels, heads, projections, bias, causal, wide = false, long, skip } = options;
  const q = linear(b, options.asking ?? x, `${name}.${projections.q}`, channels, channels, { bias });
  // A text is short, and its states have a few channels far larger than the others.
  const precise = context !== x;
  const k = linear(b, context, `${name}.${projections.k}`, contextChannels, channels, { bias, precise });
  const v = linear(b, context, `${name}.${projections.v}`, contextChannels, channels, { bias, precise });
  const mixed = scaledAttention(b, [q, k, v], { channels, heads, causal, wide, long });
  const out = `${name}.${projections.out}`;
  return skip === undefined
    ? linear(b, mixed, out, channels, channels)
    : linearInto(b, mixed, out, channels, channels, skip);
}

/** An image -> [B,H*W,C] */
export function imageToSequence(b: GraphBuilder, x: Value, channels: number): Value {
  if (b.target.channelsLast) return b.op('Reshape', [x, b.ints([0, -1, channels])]);
  return b.op('Transpose', [b.op('Reshape', [x, b.ints([0, 0, -1])])], { perm: [0, 2, 1] });
}

/** [B,H*W,C] -> the shape of `image`, which has as many channels. */
export function sequenceToImage(b: GraphBuilder, x: Value, image: Value): Value {
  if (b.target.channelsLast) return b.op('Reshape', [x, b.op('Shape', [image])]);
  return b.op('Reshape', [b.op('Transpose', [x], { perm: [0, 2, 1] }), b.op('Shape', [image])]);
}

/** Nearest neighbour, as torch's interpolate: to the height and width of `like`, or to twice its own. */
export function upsample(b: GraphBuilder, x: Value, like?: Value): Value {
  if (b.target.channelsLast) return repeatPixels(b, x, like);
  const how = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
  if (like === undefined) return b.op('Resize', [x, '', b.floats([1, 1, 2, 2])], how);
  const leading = b.op('Shape', [x], { start: 0, end: 2 });
  const sides = b.op('Shape', [like], { start: 2, end: 4 });
  return b.op('Resize', [x, '', '', b.op('Concat', [leading, sides], { axis: 0 })], how);
}

/** The same for [B,H,W,C], which onnxruntime's Resize has no CUDA kernel of its own for. */
function repeatPixels(b: GraphBuilder, x: Value, like?: Value): Value {
  const sideOf = (image: Value, axis: number) =>
    b.op('Squeeze', [b.op('Shape', [image], { start: axis, end: axis + 1 })]);
  let larger = x;
  for (const axis of b.sideAxes) {
    const side = sideOf(x, axis);
    const target = like === undefined ? b.op('Mul', [side, b.integer(2)]) : sideOf(like, axis);
    const places = b.op('Range', [b.integer(0), target, b.integer(1)]);
    const sources = b.op('Div', [b.op('Mul', [places, side]), target]);
    larger = b.op('Gather', [larger, sources], { axis });
  }
  return larger;
}
