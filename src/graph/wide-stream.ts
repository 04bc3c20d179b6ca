/**
 * What a transformer carries from block to block, in float32 on every target. Flow models were trained in bfloat16, and
 * single channels of this sum pass float16's largest number, 65,504, where they would become infinite and the picture NaN.
 * The products of matrices stay in the target's type, since what they read is normed.
 */
import type { GraphBuilder, Value } from './builder.ts';
import { type LinearOptions, linear } from './layers.ts';

/** Results of a product in float16 may be so many times as large as a float16. */
const HEADROOM = 32;
const FLOAT16_MAX = 65_504;

/** Layer normalisation without weights: float32 -> the target's type. */
export function wideLayerNorm(b: GraphBuilder, x: Value, channels: number, epsilon: number): Value {
  const ones = b.floats(new Array<number>(channels).fill(1));
  return b.narrow(b.op('LayerNormalization', [x, ones], { axis: -1, epsilon: { float: epsilon } }));
}

/** Root mean square normalisation: float32 -> float32. */
export function wideRmsNorm(
  b: GraphBuilder,
  x: Value,
  name: string,
  channels: number,
  epsilon: number,
): Value {
  // onnxruntime's own operator in ONNX's name space; RMSNormalization came with a later opset.
  const inputs = [x, b.wideWeight(`${name}.weight`, [channels])];
  return b.op('SimplifiedLayerNormalization', inputs, { axis: -1, epsilon: { float: epsilon } });
}

/** x + gate change; x and the result are float32. */
export const gatedSum = (b: GraphBuilder, x: Value, gate: Value, change: Value): Value =>
  b.op('Add', [x, b.op('Mul', [b.widen(gate), change])]);

/**
 * A linear layer whose result is float32.
 * @param x of the target's type
 * @param options.isShrunk x is `shrunk` already
 */
export function wideLinear(
  b: GraphBuilder,
  x: Value,
  name: string,
  inputs: number,
  outputs: number,
  { bias = true, isShrunk = false }: Pick<LinearOptions, 'bias'> & { readonly isShrunk?: boolean } = {},
): Value {
  if (b.target.type === 'float') return linear(b, x, name, inputs, outputs, { bias });
  const small = isShrunk ? x : shrunk(b, x);
  const product = b.widen(linear(b, small, name, inputs, outputs, { bias: false }));
  const whole = b.op('Mul', [product, b.floats([HEADROOM], [])]);
  return bias ? b.op('Add', [whole, b.wideWeight(`${name}.bias`, [outputs])]) : whole;
}

/** x, made smaller where the target's type is float16, as wideLinear takes it. */
export const shrunk = (b: GraphBuilder, x: Value): Value =>
  b.target.type === 'float' ? x : b.op('Mul', [x, b.numbers([1 / HEADROOM], [])]);

/** What is infinite in float16 is its largest number, as the references hold it. */
export const clipped = (b: GraphBuilder, x: Value): Value =>
  b.target.type === 'float'
    ? x
    : b.op('Clip', [x, b.numbers([-FLOAT16_MAX], []), b.numbers([FLOAT16_MAX], [])]);

/**
 * A linear layer over an input of any size, float32 -> float32: each row is divided by its largest number. States of a
 * language model pass float16's range.
 */
export function wideLinearOfAnySize(
  b: GraphBuilder,
  x: Value,
  name: string,
  inputs: number,
  outputs: number,
  options: Pick<LinearOptions, 'bias'> = {},
): Value {
  if (b.target.type === 'float') return linear(b, x, name, inputs, outputs, options);
  const largest = b.op('ReduceMax', [b.op('Abs', [x]), b.ints([-1])], { keepdims: 1 });
  const size = b.op('Clip', [largest, b.floats([1], [])]);
  const product = linear(b, b.narrow(b.op('Div', [x, size])), name, inputs, outputs, { bias: false });
  const whole = b.op('Mul', [b.widen(product), size]);
  return options.bias === false ? whole : b.op('Add', [whole, b.wideWeight(`${name}.bias`, [outputs])]);
}
