/**
 * The shapes of all values of a graph for given inputs, as ONNX's and onnxruntime's operators define them, without running
 * it. Whole numbers that become shapes are computed along the way. An operator that a builder starts to use needs a rule
 * here; one without a rule is taken to keep the shape of its first input.
 */
import type { NodeProto } from './onnx.ts';

export interface Shaped {
  readonly dims: readonly number[];
  /** Of one element. */
  readonly bytes: number;
  /** The values, of whole numbers that were computed; in row-major order. */
  readonly ints?: readonly number[];
  /** Of small constants. */
  readonly floats?: readonly number[];
}

type Inputs = readonly (Shaped | undefined)[];
type Rule = (inputs: Inputs, node: Attributes, outputs: number) => readonly Omit<Shaped, 'bytes'>[];

/** A node's attributes by name. */
export class Attributes {
  readonly #of: ReadonlyMap<string, NodeProto['attribute'][number]>;

  constructor({ attribute }: Pick<NodeProto, 'attribute'>) {
    this.#of = new Map(attribute.map((one) => [one.name, one]));
  }

  int(name: string, otherwise: number): number {
    return this.#of.get(name)?.i ?? otherwise;
  }

  ints(name: string): readonly number[] | undefined {
    return this.#of.get(name)?.ints;
  }
}

export const count = (dims: readonly number[]): number => dims.reduce((product, side) => product * side, 1);

/** @returns undefined for an operator without a rule */
export const shapeRule = (opType: string): Rule | undefined => RULES.get(opType);

const need = (inputs: Inputs, at: number): Shaped => {
  const found = inputs[at];
  if (found === undefined) throw new Error(`an operator lacks its input ${at}`);
  return found;
};
const needInts = (inputs: Inputs, at: number): readonly number[] => {
  const { ints } = need(inputs, at);
  if (ints === undefined) throw new Error(`input ${at} of an operator has no known values`);
  return ints;
};
const axisOf = (axis: number, rank: number) => (axis < 0 ? axis + rank : axis);
const given = (inputs: Inputs) => inputs.filter((one) => one !== undefined);

const same: Rule = (inputs, _, outputs) => new Array(outputs).fill({ dims: need(inputs, 0).dims });

/** As numpy broadcasts. @param apply on whole numbers that are known */
function broadcast(apply?: (a: number, b: number) => number): Rule {
  return (inputs) => {
    const all = given(inputs);
    const rank = Math.max(...all.map(({ dims }) => dims.length));
    const dims = Array.from({ length: rank }, (_, i) => {
      const sides = all.map((one) => one.dims[one.dims.length - rank + i] ?? 1);
      return sides.includes(0) ? 0 : Math.max(...sides);
    });
    const [a, b] = all;
    if (apply === undefined || a?.ints === undefined || b?.ints === undefined) return [{ dims }];
    const [left, right] = [a.ints, b.ints];
    const length = count(dims);
    // Whole numbers are vectors, or scalars beside one.
    const ints = Array.from({ length }, (_, i) => apply(left[i % left.length]!, right[i % right.length]!));
    return [{ dims, ints }];
  };
}

/** x [..., n, k], y [..., k, m], or either transposed. */
const product: Rule = (inputs, node) => {
  const [x, y] = [need(inputs, 0).dims, need(inputs, 1).dims];
  const rows = node.int('transA', 0) === 1 ? x.at(-1)! : x.at(-2)!;
  const columns = node.int('transB', 0) === 1 ? y.at(-2)! : y.at(-1)!;
  const leading = x.length >= y.length ? x.slice(0, -2) : y.slice(0, -2);
  return [{ dims: [...leading, rows, columns] }];
};

function convolution(channelsLast: boolean): Rule {
  return (inputs, node) => {
    const x = need(inputs, 0).dims;
    const [outputs] = need(inputs, 1).dims as [number];
    const kernel = node.ints('kernel_shape')!;
    const strides = node.ints('strides') ?? [1, 1];
    const pads = node.ints('pads') ?? [0, 0, 0, 0];
    const first = channelsLast ? 1 : 2;
    const [height, width] = [0, 1].map((i) =>
      Math.floor((x[first + i]! + pads[i]! + pads[i + 2]! - kernel[i]!) / strides[i]! + 1),
    ) as [number, number];
    return [{ dims: channelsLast ? [x[0]!, height, width, outputs] : [x[0]!, outputs, height, width] }];
  };
}

const reshape: Rule = (inputs) => {
  const x = need(inputs, 0);
  const wanted = needInts(inputs, 1).map((side, i) => (side === 0 ? x.dims[i]! : side));
  const rest = count(x.dims) / count(wanted.filter((side) => side !== -1));
  return [{ ...values(x), dims: wanted.map((side) => (side === -1 ? rest : side)) }];
};

const values = ({ ints, floats }: Shaped) => ({
  ...(ints !== undefined && { ints }),
  ...(floats !== undefined && { floats }),
});

const unsqueeze: Rule = (inputs) => {
  const x = need(inputs, 0);
  const axes = needInts(inputs, 1);
  const rank = x.dims.length + axes.length;
  const at = axes.map((axis) => axisOf(axis, rank));
  const rest = [...x.dims];
  return [
    {
      ...values(x),
      dims: Array.from({ length: rank }, (_, i) => (at.includes(i) ? 1 : rest.shift()!)),
    },
  ];
};

const squeeze: Rule = (inputs) => {
  const x = need(inputs, 0);
  const axes = inputs[1]?.ints?.map((axis) => axisOf(axis, x.dims.length));
  const dims = x.dims.filter((side, i) => (axes === undefined ? side !== 1 : !axes.includes(i)));
  return [{ ...values(x), dims }];
};

const slice: Rule = (inputs) => {
  const x = need(inputs, 0);
  const [starts, ends] = [needInts(inputs, 1), needInts(inputs, 2)];
  const axes = inputs[3]?.ints ?? starts.map((_, i) => i);
  const dims = [...x.dims];
  axes.forEach((given, i) => {
    const axis = axisOf(given, dims.length);
    const side = x.dims[axis]!;
    const clamp = (place: number) => Math.min(Math.max(place < 0 ? place + side : place, 0), side);
    dims[axis] = Math.max(0, clamp(ends[i]!) - clamp(starts[i]!));
  });
  if (x.ints === undefined || x.dims.length !== 1) return [{ dims }];
  return [{ dims, ints: x.ints.slice(starts[0]!, starts[0]! + dims[0]!) }];
};

const gather: Rule = (inputs, node) => {
  const [x, at] = [need(inputs, 0), need(inputs, 1)];
  const axis = axisOf(node.int('axis', 0), x.dims.length);
  const dims = [...x.dims.slice(0, axis), ...at.dims, ...x.dims.slice(axis + 1)];
  if (x.ints === undefined || at.ints === undefined || x.dims.length > 1) return [{ dims }];
  return [{ dims, ints: at.ints.map((i) => x.ints!.at(i)!) }];
};

const concat: Rule = (inputs, node) => {
  const all = given(inputs);
  const axis = axisOf(node.int('axis', 0), all[0]!.dims.length);
  const side = all.reduce((sum, { dims }) => sum + dims[axis]!, 0);
  const dims = all[0]!.dims.with(axis, side);
  if (all.some(({ ints }) => ints === undefined) || dims.length > 1) return [{ dims }];
  return [{ dims, ints: all.flatMap(({ ints }) => ints!) }];
};

const split: Rule = (inputs, node, outputs) => {
  const { dims } = need(inputs, 0);
  const axis = axisOf(node.int('axis', 0), dims.length);
  const sizes = inputs[1]?.ints ?? new Array<number>(outputs).fill(Math.ceil(dims[axis]! / outputs));
  return sizes.map((side) => ({ dims: dims.with(axis, side) }));
};

const resize: Rule = (inputs) => {
  const { dims } = need(inputs, 0);
  const sizes = inputs[3]?.ints;
  if (sizes !== undefined) return [{ dims: sizes }];
  const scales = inputs[2]?.floats;
  if (scales === undefined) throw new Error('Resize has neither sizes nor scales');
  return [{ dims: dims.map((side, i) => Math.floor(side * scales[i]!)) }];
};

const attention: Rule = (inputs) => {
  const [batch, length] = need(inputs, 0).dims as [number, number];
  return [{ dims: [batch, length, (inputs[2] ?? need(inputs, 0)).dims.at(-1)!] }];
};

/** Over the given axes, or over all behind the second where none are given. */
const reduce: Rule = (inputs, node) => {
  const { dims } = need(inputs, 0);
  const axes = (inputs[1]?.ints ?? node.ints('axes') ?? dims.map((_, i) => i).slice(2)).map((axis) =>
    axisOf(axis, dims.length),
  );
  const keeps = node.int('keepdims', 1) === 1;
  return [{ dims: dims.flatMap((side, i) => (!axes.includes(i) ? [side] : keeps ? [1] : [])) }];
};

const argMax: Rule = (inputs, node) => {
  const { dims } = need(inputs, 0);
  const axis = axisOf(node.int('axis', 0), dims.length);
  return [{ dims: node.int('keepdims', 1) === 1 ? dims.with(axis, 1) : dims.toSpliced(axis, 1) }];
};

/** Operators whose output has the shape of their first input. */
const KEEP_SHAPE = `
  Cast Identity Relu LeakyRelu PRelu Gelu FastGelu BiasGelu QuickGelu Sigmoid Tanh Softmax Sin Cos Neg Abs Sqrt Log
  Reciprocal BiasAdd RotaryEmbedding LayerNormalization SimplifiedLayerNormalization SkipLayerNormalization
  InstanceNormalization GroupNorm SkipGroupNorm`
  .trim()
  .split(/\s+/);

const RULES: ReadonlyMap<string, Rule> = new Map<string, Rule>([
  ...KEEP_SHAPE.map((name): [string, Rule] => [name, (...of) => withInts(of)]),
  ['Clip', (inputs) => [{ ...values(need(inputs, 0)), dims: need(inputs, 0).dims }]],
  ['Add', broadcast((a, b) => a + b)],
  ['Sub', broadcast((a, b) => a - b)],
  ['Mul', broadcast((a, b) => a * b)],
  ['Div', broadcast((a, b) => Math.trunc(a / b))],
  ['Mod', broadcast((a, b) => a % b)],
  ['Greater', broadcast()],
  ['Min', broadcast(Math.min)],
  ['Max', broadcast(Math.max)],
  ['Equal', broadcast()],
  ['Where', broadcast()],
  ['MatMul', product],
  ['FusedMatMul', product],
  ['MatMulNBits', (inputs, node) => [{ dims: need(inputs, 0).dims.with(-1, node.int('N', 0)) }]],
  ['BitwiseAnd', broadcast()],
  ['BitwiseOr', broadcast()],
  ['BitwiseXor', broadcast()],
  ['BitShift', broadcast()],
  ['Gemm', product],
  ['Conv', convolution(false)],
  ['NhwcConv', convolution(true)],
  ['MatMulIntegerToFloat', product],
  ['DynamicQuantizeLinear', (inputs) => [{ dims: need(inputs, 0).dims }, { dims: [] }, { dims: [] }]],
  ['Reshape', reshape],
  ['Unsqueeze', unsqueeze],
  ['Squeeze', squeeze],
  ['Slice', slice],
  ['Gather', gather],
  ['Concat', concat],
  ['Split', split],
  ['Resize', resize],
  ['MultiHeadAttention', attention],
  ['ReduceMax', reduce],
  ['ReduceMean', reduce],
  ['ReduceSum', reduce],
  ['ReduceSumSquare', reduce],
  ['GlobalAveragePool', reduce],
  ['ArgMax', argMax],
  [
    'Shape',
    (inputs, node) => {
      const { dims } = need(inputs, 0);
      const ints = dims.slice(node.int('start', 0), node.int('end', dims.length));
      return [{ dims: [ints.length], ints }];
    },
  ],
  [
    'Transpose',
    (inputs, node) => {
      const { dims } = need(inputs, 0);
      const perm = node.ints('perm') ?? dims.map((_, i) => dims.length - 1 - i);
      return [{ dims: perm.map((from) => dims[from]!) }];
    },
  ],
  [
    'Range',
    (inputs) => {
      const [start, end, step] = [0, 1, 2].map((i) => needInts(inputs, i)[0]!) as [number, number, number];
      const length = Math.max(0, Math.ceil((end - start) / step));
      return [{ dims: [length], ints: Array.from({ length }, (_, i) => start + i * step) }];
    },
  ],
  [
    'GatherND',
    (inputs, node) => {
      const [x, at] = [need(inputs, 0).dims, need(inputs, 1).dims];
      return [{ dims: [...at.slice(0, -1), ...x.slice(node.int('batch_dims', 0) + at.at(-1)!)] }];
    },
  ],
  ['Expand', (inputs) => broadcast()([need(inputs, 0), { dims: needInts(inputs, 1), bytes: 1 }], NONE, 1)],
  [
    'Pad',
    (inputs) => {
      const { dims } = need(inputs, 0);
      const pads = needInts(inputs, 1);
      return [{ dims: dims.map((side, i) => side + pads[i]! + pads[i + dims.length]!) }];
    },
  ],
  [
    'DepthToSpace',
    (inputs, node) => {
      const [batch, channels, height, width] = need(inputs, 0).dims as [number, number, number, number];
      const size = node.int('blocksize', 1);
      return [{ dims: [batch, channels / size ** 2, height * size, width * size] }];
    },
  ],
  [
    'SpaceToDepth',
    (inputs, node) => {
      const [batch, channels, height, width] = need(inputs, 0).dims as [number, number, number, number];
      const size = node.int('blocksize', 1);
      return [{ dims: [batch, channels * size ** 2, Math.ceil(height / size), Math.ceil(width / size)] }];
    },
  ],
  [
    'BiasSplitGelu',
    (inputs) => {
      const { dims } = need(inputs, 0);
      return [{ dims: dims.with(-1, dims.at(-1)! / 2) }];
    },
  ],
]);

const NONE = new Attributes({ attribute: [] });

/** Casts of whole numbers keep them. */
function withInts([inputs, node, outputs]: Parameters<Rule>): ReturnType<Rule> {
  const x = need(inputs, 0);
  return x.ints === undefined ? same(inputs, node, outputs) : [{ dims: x.dims, ints: x.ints }];
}
