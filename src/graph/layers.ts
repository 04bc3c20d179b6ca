/**
 * Layers that the components share. Each takes the builder, its input and the dotted name of its weights, as
 * PyTorch's state dicts name them. Images are [B,C,H,W], sequences [B,S,C], all float32.
 */
import type { GraphBuilder, Value } from './builder.ts';

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
}

/**
 * x @ weight^T + bias over the last axis; weight [outputs, inputs] is used as it lies in the file (a transpose
 * would be a second copy of all weights while loading).
 */
export function linear(
  b: GraphBuilder,
  x: Value,
  name: string,
  inputs: number,
  outputs: number,
  { bias = true, rows }: LinearOptions = {},
): Value {
  const weight = b.weight(`${name}.weight`, [outputs, inputs], rows);
  const product = b.fused('FusedMatMul', [x, weight], { transB: 1 });
  return bias ? b.op('Add', [product, b.weight(`${name}.bias`, [outputs], rows)]) : product;
}

export interface ConvOptions {
  readonly kernel?: number;
  readonly stride?: number;
  /** Zeros at [top, left, bottom, right]; (kernel - 1) / 2 all round where left out. */
  readonly pads?: readonly [number, number, number, number];
}

export function conv(
  b: GraphBuilder,
  x: Value,
  name: string,
  inputs: number,
  outputs: number,
  { kernel = 3, stride = 1, pads }: ConvOptions = {},
): Value {
  const side = (kernel - 1) >> 1;
  return b.op(
    'Conv',
    [x, b.weight(`${name}.weight`, [outputs, inputs, kernel, kernel]), b.weight(`${name}.bias`, [outputs])],
    { kernel_shape: [kernel, kernel], strides: [stride, stride], pads: pads ?? [side, side, side, side] },
  );
}

/**
 * Group normalisation (Wu & He 2018): each group of channels is one instance of InstanceNormalization, which
 * onnxruntime's CPU provider has a kernel for; GroupNormalization would be taken apart into many passes.
 */
export function groupNorm(
  b: GraphBuilder,
  x: Value,
  name: string,
  channels: number,
  groups: number,
  epsilon: number,
): Value {
  const ones = b.floats(new Float32Array(groups).fill(1));
  const zeros = b.floats(new Float32Array(groups));
  const grouped = b.op('Reshape', [x, b.ints([0, groups, -1])]);
  const normal = b.op('InstanceNormalization', [grouped, ones, zeros], { epsilon: { float: epsilon } });
  const image = b.op('Reshape', [normal, b.op('Shape', [x])]);
  const perChannel = (part: string) =>
    b.op('Reshape', [b.weight(`${name}.${part}`, [channels]), b.ints([1, channels, 1, 1])]);
  return b.op('Add', [b.op('Mul', [image, perChannel('weight')]), perChannel('bias')]);
}

/** Layer normalisation (Ba et al. 2016) over the last axis. */
export function layerNorm(b: GraphBuilder, x: Value, name: string, channels: number, epsilon = 1e-5): Value {
  return b.op(
    'LayerNormalization',
    [x, b.weight(`${name}.weight`, [channels]), b.weight(`${name}.bias`, [channels])],
    { axis: -1, epsilon: { float: epsilon } },
  );
}

/** Layer normalisation without weights: mean 0, variance 1. */
export function plainLayerNorm(b: GraphBuilder, x: Value, channels: number, epsilon: number): Value {
  const ones = b.floats(new Float32Array(channels).fill(1));
  return b.op('LayerNormalization', [x, ones], { axis: -1, epsilon: { float: epsilon } });
}

/** Root mean square normalisation (Zhang & Sennrich 2019) over the last axis. */
export function rmsNorm(b: GraphBuilder, x: Value, name: string, channels: number, epsilon: number): Value {
  // onnxruntime's own operator in ONNX's name space; RMSNormalization came with a later opset.
  return b.op('SimplifiedLayerNormalization', [x, b.weight(`${name}.weight`, [channels])], {
    axis: -1,
    epsilon: { float: epsilon },
  });
}

export interface AttentionOptions {
  readonly channels: number;
  /** Channels of what keys and values are made from; `channels` for self-attention. */
  readonly contextChannels: number;
  readonly heads: number;
  /** Names of the four projections under the layer's name. */
  readonly projections: { readonly q: string; readonly k: string; readonly v: string; readonly out: string };
  /** Whether q, k and v have a bias; the output projection always has one. */
  readonly bias: boolean;
  /** Each position sees only itself and those before it. */
  readonly causal?: boolean;
}

/** Multi-head attention (Vaswani et al. 2017) with scale 1/sqrt(channels/heads); x [B,S,C], context [B,T,D]. */
export function attention(
  b: GraphBuilder,
  x: Value,
  context: Value,
  name: string,
  { channels, contextChannels, heads, projections, bias, causal = false }: AttentionOptions,
): Value {
  const q = linear(b, x, `${name}.${projections.q}`, channels, channels, { bias });
  const k = linear(b, context, `${name}.${projections.k}`, contextChannels, channels, { bias });
  const v = linear(b, context, `${name}.${projections.v}`, contextChannels, channels, { bias });
  const mixed = b.fused('MultiHeadAttention', [q, k, v], {
    num_heads: heads,
    ...(causal ? { unidirectional: 1 } : {}),
  });
  return linear(b, mixed, `${name}.${projections.out}`, channels, channels);
}

/** [B,C,H,W] -> [B,H*W,C] */
export function imageToSequence(b: GraphBuilder, x: Value): Value {
  return b.op('Transpose', [b.op('Reshape', [x, b.ints([0, 0, -1])])], { perm: [0, 2, 1] });
}

/** [B,H*W,C] -> the shape of `image`, which has as many channels. */
export function sequenceToImage(b: GraphBuilder, x: Value, image: Value): Value {
  return b.op('Reshape', [b.op('Transpose', [x], { perm: [0, 2, 1] }), b.op('Shape', [image])]);
}

/** Nearest neighbour, as torch's interpolate: to the height and width of `like`, or to twice its own. */
export function upsample(b: GraphBuilder, x: Value, like?: Value): Value {
  const how = { mode: 'nearest', coordinate_transformation_mode: 'asymmetric', nearest_mode: 'floor' };
  if (like === undefined) return b.op('Resize', [x, '', b.floats([1, 1, 2, 2])], how);
  const leading = b.op('Shape', [x], { start: 0, end: 2 });
  const sides = b.op('Shape', [like], { start: 2, end: 4 });
  return b.op('Resize', [x, '', '', b.op('Concat', [leading, sides], { axis: 0 })], how);
}
