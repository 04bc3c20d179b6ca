/**
 * Flux2Transformer2DModel (FLUX.2, Black Forest Labs 2025; diffusers models/transformers/transformer_flux2.py): blocks of
 * two streams and then of one as in FLUX.1, without biases, with SwiGLU, and with one modulation for all blocks of a kind.
 */

import { scaledAttention } from './attention.ts';
import { GraphBuilder, type Value } from './builder.ts';
import type { Component, Graph } from './component.ts';
import { ConfigReader } from './config.ts';
import { placedHeads } from './heads.ts';
import { jointAttention, PICTURE_PART, TEXT_PART } from './joint-attention.ts';
import { activation, linear } from './layers.ts';
import { modulate } from './mmdit-block.ts';
import { pack, unpack } from './patches.ts';
import { type Rotary, rotaryInputs } from './rotary.ts';
import { gated } from './swiglu.ts';
import { PORTABLE, type Target } from './target.ts';
import { embedder, sinusoids } from './timestep.ts';
import { gatedSum, shrunk, wideLayerNorm, wideLinear, wideLinearOfAnySize } from './wide-stream.ts';

interface Flux2Config {
  /** Of a token, which is one of the sampler's latents. */
  readonly inChannels: number;
  readonly numLayers: number;
  readonly numSingleLayers: number;
  readonly attentionHeadDim: number;
  readonly numAttentionHeads: number;
  /** Channels of the text: those of all layers of its encoder that are read. */
  readonly jointAttentionDim: number;
  readonly timeChannels: number;
  /** Inner channels of a feed-forward layer for each channel. */
  readonly mlpRatio: number;
  /** Channels of a head for each axis: picture, rows, columns, words. */
  readonly axesDimsRope: readonly number[];
  readonly ropeTheta: number;
  readonly eps: number;
}

const BARE = { bias: false } as const;

/** @throws DarkroomError naming file, key and value for everything that the builder does not carry out */
export function readFlux2Config(component: Component): Flux2Config {
  const reader = new ConfigReader(component);
  const inChannels = reader.integer('in_channels', 128);
  const config: Flux2Config = {
    inChannels,
    numLayers: reader.integer('num_layers', 8, 0),
    numSingleLayers: reader.integer('num_single_layers', 48, 0),
    attentionHeadDim: reader.integer('attention_head_dim', 128),
    numAttentionHeads: reader.integer('num_attention_heads', 48),
    jointAttentionDim: reader.integer('joint_attention_dim', 15_360),
    timeChannels: reader.integer('timestep_guidance_channels', 256),
    mlpRatio: reader.number('mlp_ratio', 3),
    axesDimsRope: reader.integers('axes_dims_rope', [32, 32, 32, 32]),
    ropeTheta: reader.number('rope_theta', 2000),
    eps: reader.number('eps', 1e-6),
  };
  const outChannels = reader.integerOrNull('out_channels', null) ?? inChannels;
  // FLUX.2 [dev] takes its guidance as an input; klein's pipelines give none.
  reader.only({ patch_size: 1, guidance_embeds: false });
  reader.finish();
  if (outChannels !== inChannels) {
    throw reader.contradiction('out_channels', `the transformer reads in_channels (${inChannels})`);
  }
  const { axesDimsRope: axes, attentionHeadDim, mlpRatio } = config;
  const sum = axes.reduce((total, count) => total + count, 0);
  if (axes.length !== 4 || axes.some((count) => count % 2 !== 0) || sum !== attentionHeadDim) {
    throw reader.contradiction(
      'axes_dims_rope',
      `it must be four even numbers whose sum is attention_head_dim (${attentionHeadDim})`,
    );
  }
  if (mlpRatio <= 0) throw reader.contradiction('mlp_ratio', 'it must be above 0');
  return config;
}

/**
 * Inputs: `hidden_states` [1, in_channels, h, w], the sampler's latents; `reference_states` [1, R, in_channels], the
 * latents of reference pictures one after another, row by row; `encoder_hidden_states` [1, S, joint_attention_dim];
 * `timestep` float32 [1], 0..1000; `rotary_cos` and `rotary_sin` [h w + R + S, size of a head / 2], in this order.
 * Output: `out_hidden_states` as `hidden_states`.
 */
export function flux2Graph(component: Component, target: Target = PORTABLE): Graph {
  const config = readFlux2Config(component);
  const { inChannels, numLayers, numSingleLayers, numAttentionHeads: heads, jointAttentionDim } = config;
  const channels = heads * config.attentionHeadDim;
  const one = { channels: inChannels, side: 1, order: 'channels first' } as const;
  const b = new GraphBuilder('transformer', component, target);
  const latents = b.input('hidden_states', 'float', [1, inChannels, 'height', 'width']);
  const references = b.narrow(b.input('reference_states', 'float', [1, 'references', inChannels]));
  const words = b.input('encoder_hidden_states', 'float', [1, 'sequence', jointAttentionDim]);
  const condition = timeCondition(b, config, channels);
  const rotary = rotaryInputs(b, config.attentionHeadDim);
  const block = { ...config, channels, heads, rotary };

  const own = pack(b, b.narrow(latents), one);
  const tokens = b.op('Concat', [own, references], { axis: 1 });
  let picture = wideLinear(b, tokens, 'x_embedder', inChannels, channels, BARE);
  let text = wideLinearOfAnySize(b, words, 'context_embedder', jointAttentionDim, channels, BARE);
  const shared = (name: string, count: number) =>
    b.split(linear(b, condition, `${name}.linear`, channels, count * channels, BARE), count);
  const vectors = {
    picture: shared('double_stream_modulation_img', 6),
    text: shared('double_stream_modulation_txt', 6),
  };
  for (let i = 0; i < numLayers; i++) {
    [picture, text] = doubleBlock(b, [picture, text], `transformer_blocks.${i}`, block, vectors);
  }
  let joined = b.op('Concat', [picture, text], { axis: 1 });
  const single = shared('single_stream_modulation', 3);
  for (let i = 0; i < numSingleLayers; i++) {
    joined = singleBlock(b, joined, `single_transformer_blocks.${i}`, block, single);
  }
  const length = b.op('Shape', [own], { start: 1, end: 2 });
  const last = b.op('Slice', [joined, b.ints([0]), length, b.ints([1])]);
  const [scale, shift] = shared('norm_out', 2) as [Value, Value];
  const normed = modulate(b, wideLayerNorm(b, last, channels, config.eps), shift, scale);
  const pixels = linear(b, normed, 'proj_out', channels, inChannels, BARE);
  const sides = b.op('Shape', [latents], { start: 2, end: 4 });
  b.output('out_hidden_states', unpack(b, pixels, sides, one), [1, inChannels, 'out_height', 'out_width']);
  return b.finish();
}

/** [1, 1, channels], activated. */
function timeCondition(b: GraphBuilder, { timeChannels }: Flux2Config, channels: number): Value {
  const thousand = b.floats([1000]);
  // The reference divides the timestep by 1000 and multiplies it again; the rounding of both shows in the last bits.
  const time = b.op('Mul', [b.op('Div', [b.input('timestep', 'float', [1]), thousand]), thousand]);
  const waves = sinusoids(b, time, timeChannels, { flipSinToCos: true, freqShift: 0 });
  const embedded = embedder(b, waves, 'time_guidance_embed.timestep_embedder', timeChannels, channels, BARE);
  return b.op('Unsqueeze', [activation(b, embedded, 'silu'), b.ints([1])]);
}

interface Block extends Flux2Config {
  readonly channels: number;
  readonly heads: number;
  readonly rotary: Rotary;
}

/** @param vectors shift, scale and gate of the attention, then of the feed-forward layer, for each stream */
function doubleBlock(
  b: GraphBuilder,
  streams: readonly [picture: Value, text: Value],
  name: string,
  { channels, heads, rotary, eps, mlpRatio }: Block,
  vectors: { readonly picture: readonly Value[]; readonly text: readonly Value[] },
): [Value, Value] {
  const of = [vectors.picture, vectors.text] as const;
  const normed = (x: Value, shift: Value, scale: Value) =>
    modulate(b, wideLayerNorm(b, x, channels, eps), shift, scale);
  const parts = [PICTURE_PART, TEXT_PART].map((part, i) => ({
    ...part,
    x: normed(streams[i]!, of[i]![0]!, of[i]![1]!),
  }));
  const how = { channels, heads, rotary, qkNorm: true, bias: false, epsilon: eps };
  const mixed = jointAttention(b, parts, `${name}.attn`, how) as [Value, Value];
  const [picture, text] = streams.map((x, i) => {
    const [, , gate, shift, scale, lastGate] = of[i] as readonly [Value, Value, Value, Value, Value, Value];
    const between = gatedSum(b, x, gate, mixed[i]!);
    const layer = `${name}.${i === 0 ? 'ff' : 'ff_context'}`;
    const inner = Math.trunc(channels * mlpRatio);
    const wide = linear(b, normed(between, shift, scale), `${layer}.linear_in`, channels, 2 * inner, BARE);
    const [gates, ups] = b.split(wide, 2) as [Value, Value];
    const out = { ...BARE, isShrunk: true };
    const change = wideLinear(b, gated(b, gates, ups), `${layer}.linear_out`, inner, channels, out);
    return gatedSum(b, between, lastGate, change);
  }) as [Value, Value];
  return [picture, text];
}

/** Attention and feed-forward side by side over one normed input (Dehghani et al. 2023, ViT-22B), in one projection. */
function singleBlock(
  b: GraphBuilder,
  x: Value,
  name: string,
  { channels, heads, rotary, eps, mlpRatio }: Block,
  vectors: readonly Value[],
): Value {
  const [shift, scale, gate] = vectors as readonly [Value, Value, Value];
  const normal = modulate(b, wideLayerNorm(b, x, channels, eps), shift, scale);
  const inner = Math.trunc(channels * mlpRatio);
  const fused = `${name}.attn.to_qkv_mlp_proj`;
  const all = 3 * channels + 2 * inner;
  const part = (first: number, count: number) =>
    linear(b, normal, fused, channels, all, { bias: false, rows: { first, count } });
  const turned = (first: number, norm: string) =>
    placedHeads(b, part(first, channels), `${name}.attn.${norm}`, { channels, heads, rotary, epsilon: eps });
  const mixed = scaledAttention(
    b,
    [turned(0, 'norm_q'), turned(channels, 'norm_k'), part(2 * channels, channels)],
    { channels, heads, long: true },
  );
  const wide = gated(b, part(3 * channels, inner), part(3 * channels + inner, inner));
  const both = b.op('Concat', [shrunk(b, mixed), wide], { axis: -1 });
  const out = { ...BARE, isShrunk: true };
  return gatedSum(b, x, gate, wideLinear(b, both, `${name}.attn.to_out`, channels + inner, channels, out));
}
