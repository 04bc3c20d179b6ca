/**
 * FluxTransformer2DModel (FLUX.1, Black Forest Labs 2024; diffusers models/transformers/transformer_flux.py): blocks
 * as in SD3 with rotary positions, then blocks in which picture and text are one sequence with shared weights.
 */

import { scaledAttention } from './attention.ts';
import { GraphBuilder, type Value } from './builder.ts';
import type { Component, Graph } from './component.ts';
import { ConfigReader } from './config.ts';
import { placedHeads } from './heads.ts';
import { activation, linear } from './layers.ts';
import { EPSILON, jointBlock, modulate, modulation } from './mmdit-block.ts';
import { pack, unpack } from './patches.ts';
import { type Rotary, rotaryInputs } from './rotary.ts';
import { PORTABLE, type Target } from './target.ts';
import { embedder, sinusoids } from './timestep.ts';
import { gatedSum, wideLayerNorm, wideLinear } from './wide-stream.ts';

/** Sinusoids of timestep and guidance; not in the config (diffusers models/embeddings.py). */
const TIME_CHANNELS = 256;
const MLP_RATIO = 4;
/** Sides of the square of latents that is one token; its pipelines pack them, so that the config says 1. */
export const FLUX_PATCH = 2;

interface FluxTransformerConfig {
  /** Of a token: latent channels x FLUX_PATCH². */
  readonly inChannels: number;
  readonly numLayers: number;
  readonly numSingleLayers: number;
  readonly attentionHeadDim: number;
  readonly numAttentionHeads: number;
  /** Channels of the text: the width of T5. */
  readonly jointAttentionDim: number;
  /** Width of CLIP. */
  readonly pooledProjectionDim: number;
  /** Takes the guidance scale as an input, and needs no negative half for it. */
  readonly guidanceEmbeds: boolean;
  /** Channels of a head for each axis: none for the text, rows, columns. */
  readonly axesDimsRope: readonly number[];
}

/** @throws DarkroomError naming file, key and value for everything that the builder does not carry out */
export function readFluxTransformerConfig(component: Component): FluxTransformerConfig {
  const reader = new ConfigReader(component);
  const inChannels = reader.integer('in_channels', 64);
  const config: FluxTransformerConfig = {
    inChannels,
    numLayers: reader.integer('num_layers', 19, 0),
    numSingleLayers: reader.integer('num_single_layers', 38, 0),
    attentionHeadDim: reader.integer('attention_head_dim', 128),
    numAttentionHeads: reader.integer('num_attention_heads', 24),
    jointAttentionDim: reader.integer('joint_attention_dim', 4096),
    pooledProjectionDim: reader.integer('pooled_projection_dim', 768),
    guidanceEmbeds: reader.boolean('guidance_embeds', false),
    axesDimsRope: reader.integers('axes_dims_rope', [16, 56, 56]),
  };
  const outChannels = reader.integerOrNull('out_channels', null) ?? inChannels;
  reader.only({ patch_size: 1 });
  reader.finish();
  if (outChannels !== inChannels) {
    throw reader.contradiction('out_channels', `the transformer reads in_channels (${inChannels})`);
  }
  if (inChannels % FLUX_PATCH ** 2 !== 0) {
    throw reader.contradiction('in_channels', `it must be a multiple of ${FLUX_PATCH ** 2}`);
  }
  const { axesDimsRope: axes, attentionHeadDim } = config;
  const sum = axes.reduce((total, count) => total + count, 0);
  if (axes.length !== 3 || axes.some((count) => count % 2 !== 0) || sum !== attentionHeadDim) {
    throw reader.contradiction(
      'axes_dims_rope',
      `it must be three even numbers whose sum is attention_head_dim (${attentionHeadDim})`,
    );
  }
  return config;
}

/**
 * Inputs: `hidden_states` [B, in_channels / 4, h, w], latents with even sides; `encoder_hidden_states`
 * [B, S, joint_attention_dim]; `pooled_projections` [B, pooled_projection_dim]; `timestep` float32 [1] or [B], 0..1000;
 * `guidance` float32 [1] or [B] where the model embeds it; `rotary_cos` and `rotary_sin` [h w / 4 + S, size of a
 * head / 2], the picture's positions first. Output: `out_hidden_states` as `hidden_states`.
 */
export function fluxTransformerGraph(component: Component, target: Target = PORTABLE): Graph {
  const config = readFluxTransformerConfig(component);
  const { inChannels, numLayers, numSingleLayers, numAttentionHeads: heads } = config;
  const channels = heads * config.attentionHeadDim;
  const latentChannels = inChannels / FLUX_PATCH ** 2;
  const patch = { channels: latentChannels, side: FLUX_PATCH, order: 'channels first' } as const;
  const b = new GraphBuilder('transformer', component, target);
  const latents = b.input('hidden_states', 'float', ['batch', latentChannels, 'height', 'width']);
  const context = b.narrow(
    b.input('encoder_hidden_states', 'float', ['batch', 'sequence', config.jointAttentionDim]),
  );
  const condition = timeTextGuidance(b, config, channels);
  const rotary = rotaryInputs(b, config.attentionHeadDim);

  const tokens = pack(b, b.narrow(latents), patch);
  let picture = wideLinear(b, tokens, 'x_embedder', inChannels, channels);
  let text: Value = wideLinear(b, context, 'context_embedder', config.jointAttentionDim, channels);
  const options = { channels, heads, qkNorm: true, dualAttention: false, contextPreOnly: false, rotary };
  for (let i = 0; i < numLayers; i++) {
    const streams = jointBlock(b, { picture, text }, condition, `transformer_blocks.${i}`, options);
    picture = streams.picture;
    text = streams.text!;
  }
  const pictureLength = b.op('Shape', [picture], { start: 1, end: 2 });
  let joined = b.op('Concat', [picture, text], { axis: 1 });
  for (let i = 0; i < numSingleLayers; i++) {
    const name = `single_transformer_blocks.${i}`;
    joined = singleBlock(b, joined, condition, name, { channels, heads, rotary });
  }
  picture = b.op('Slice', [joined, b.ints([0]), pictureLength, b.ints([1])]);

  const [scale, shift] = modulation(b, condition, 'norm_out', channels, 2) as [Value, Value];
  const last = modulate(b, wideLayerNorm(b, picture, channels, EPSILON), shift, scale);
  const pixels = linear(b, last, 'proj_out', channels, inChannels);
  const sides = b.op('Shape', [latents], { start: 2, end: 4 });
  b.output('out_hidden_states', unpack(b, pixels, sides, patch), [
    'batch',
    latentChannels,
    'out_height',
    'out_width',
  ]);
  return b.finish();
}

/** Activated sum of the embeddings of time, guidance and pooled text, [B, 1, channels]. */
function timeTextGuidance(b: GraphBuilder, config: FluxTransformerConfig, channels: number): Value {
  const embedded = (number: Value, name: string) => {
    const waves = sinusoids(b, number, TIME_CHANNELS, { flipSinToCos: true, freqShift: 0 });
    return embedder(b, waves, `time_text_embed.${name}`, TIME_CHANNELS, channels);
  };
  const thousand = b.floats([1000]);
  // The reference divides the timestep by 1000 and multiplies it again; the rounding of both shows in the last bits.
  const share = b.op('Div', [b.input('timestep', 'float', ['times']), thousand]);
  let sum = embedded(b.op('Mul', [share, thousand]), 'timestep_embedder');
  if (config.guidanceEmbeds) {
    const guidance = b.op('Mul', [b.input('guidance', 'float', ['guidances']), thousand]);
    sum = b.op('Add', [sum, embedded(guidance, 'guidance_embedder')]);
  }
  const { pooledProjectionDim } = config;
  const pooled = b.narrow(b.input('pooled_projections', 'float', ['batch', pooledProjectionDim]));
  const text = embedder(b, pooled, 'time_text_embed.text_embedder', pooledProjectionDim, channels);
  const condition = activation(b, b.op('Add', [sum, text]), 'silu');
  return b.op('Unsqueeze', [condition, b.ints([1])]);
}

/** Attention and feed-forward side by side over one normed input (Dehghani et al. 2023, ViT-22B). */
function singleBlock(
  b: GraphBuilder,
  x: Value,
  condition: Value,
  name: string,
  { channels, heads, rotary }: { channels: number; heads: number; rotary: Rotary },
): Value {
  const [shift, scale, gate] = modulation(b, condition, `${name}.norm`, channels, 3) as [Value, Value, Value];
  const normal = modulate(b, wideLayerNorm(b, x, channels, EPSILON), shift, scale);
  const projected = (projection: string) =>
    linear(b, normal, `${name}.attn.${projection}`, channels, channels);
  const turned = (projection: string, norm: string) =>
    placedHeads(b, projected(projection), `${name}.attn.${norm}`, { channels, heads, rotary });
  const mixed = scaledAttention(b, [turned('to_q', 'norm_q'), turned('to_k', 'norm_k'), projected('to_v')], {
    channels,
    heads,
    long: true,
  });
  const wide = MLP_RATIO * channels;
  const inner = activation(b, linear(b, normal, `${name}.proj_mlp`, channels, wide), 'gelu_tanh');
  const both = b.op('Concat', [mixed, inner], { axis: -1 });
  return gatedSum(b, x, gate, wideLinear(b, both, `${name}.proj_out`, channels + wide, channels));
}
