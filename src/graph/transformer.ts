/** The transformer over an image's positions (diffusers models/transformers/transformer_2d.py, attention.py). */
import type { GraphBuilder, Value } from './builder.ts';
import { attention, conv, imageToSequence, linear, linearInto, sequenceToImage } from './layers.ts';
import { groupNorm, layerNorm } from './norms.ts';

interface SpatialTransformerOptions {
  readonly channels: number;
  readonly contextChannels: number;
  readonly heads: number;
  readonly layers: number;
  readonly groups: number;
  /** proj_in and proj_out are linear layers over the sequence rather than 1x1 convolutions over the image. */
  readonly linearProjection: boolean;
  /** The first attention of each layer reads the context too. */
  readonly onlyCrossAttention: boolean;
  /** Attention is computed in float32 (SD 2.1). */
  readonly upcastAttention: boolean;
  /** Whether the image may be so large that not all scores of its positions fit into one buffer. */
  readonly long: boolean;
}

const PROJECTIONS = { q: 'to_q', k: 'to_k', v: 'to_v', out: 'to_out.0' };

/** x [B,C,H,W], context [B,S,D] */
export function spatialTransformer(
  b: GraphBuilder,
  x: Value,
  context: Value,
  name: string,
  options: SpatialTransformerOptions,
): Value {
  const { channels, layers, groups } = options;
  // A product of 8 bits has channels last, as the sequence.
  const linearProjection = options.linearProjection || b.target.int8;
  const normal = groupNorm(b, x, `${name}.norm`, { channels, groups, epsilon: 1e-6 });
  let hidden = linearProjection
    ? linear(b, imageToSequence(b, normal, channels), `${name}.proj_in`, channels, channels)
    : imageToSequence(b, conv(b, normal, `${name}.proj_in`, channels, channels, { kernel: 1 }), channels);
  for (let i = 0; i < layers; i++) {
    hidden = transformerBlock(b, hidden, context, `${name}.transformer_blocks.${i}`, options);
  }
  const image = linearProjection
    ? sequenceToImage(b, linear(b, hidden, `${name}.proj_out`, channels, channels), x)
    : conv(b, sequenceToImage(b, hidden, x), `${name}.proj_out`, channels, channels, { kernel: 1 });
  return b.residual(image, x);
}

function transformerBlock(
  b: GraphBuilder,
  x: Value,
  context: Value,
  name: string,
  { channels, contextChannels, heads, onlyCrossAttention, upcastAttention, long }: SpatialTransformerOptions,
): Value {
  const shared = { channels, heads, projections: PROJECTIONS, bias: false, wide: upcastAttention };
  const norm1 = layerNorm(b, x, `${name}.norm1`, channels);
  const afterFirst = attention(b, norm1, onlyCrossAttention ? context : norm1, `${name}.attn1`, {
    ...shared,
    contextChannels: onlyCrossAttention ? contextChannels : channels,
    long: long && !onlyCrossAttention,
    skip: x,
  });
  const norm2 = layerNorm(b, afterFirst, `${name}.norm2`, channels);
  const afterSecond = attention(b, norm2, context, `${name}.attn2`, {
    ...shared,
    contextChannels,
    skip: afterFirst,
  });
  const norm3 = layerNorm(b, afterSecond, `${name}.norm3`, channels);
  return geglu(b, norm3, `${name}.ff`, channels, afterSecond);
}

/** Channels of GEGLU that onnxruntime's CUDA kernel is made for (bias_split_gelu_impl.cu). */
const SPLIT_GELU_CHANNELS: readonly number[] = [1280, 2560, 5120];

/** GEGLU (Shazeer 2020): value * gelu(gate), then back to `channels`, added to `skip`. */
function geglu(b: GraphBuilder, x: Value, name: string, channels: number, skip: Value): Value {
  const inner = 4 * channels;
  if (b.target.splitGelu && SPLIT_GELU_CHANNELS.includes(inner)) {
    const both = linear(b, x, `${name}.net.0.proj`, channels, 2 * inner, { bias: false });
    const gated = b.fused('BiasSplitGelu', [both, b.weight(`${name}.net.0.proj.bias`, [2 * inner])]);
    return linearInto(b, gated, `${name}.net.2`, inner, channels, skip);
  }
  // The file holds value and gate as one matrix; its halves are read apart, so that no activation has to be split.
  const half = (first: number) =>
    linear(b, x, `${name}.net.0.proj`, channels, 2 * inner, { rows: { first, count: inner } });
  const gated = b.op('Mul', [half(0), b.op('Gelu', [half(inner)])]);
  return linearInto(b, gated, `${name}.net.2`, inner, channels, skip);
}
