/**
 * SD3Transformer2DModel (Esser et al. 2024; diffusers models/transformers/transformer_sd3.py): predicts the velocity
 * of a rectified flow in latents. SD3 and SD3.5, medium and large.
 */

import { GraphBuilder, type Value } from './builder.ts';
import type { Component, Graph, StoredTensor } from './component.ts';
import { ConfigReader } from './config.ts';
import { activation, conv, imageToSequence, linear } from './layers.ts';
import { EPSILON, jointBlock, modulate, modulation } from './mmdit-block.ts';
import { unpack } from './patches.ts';
import { PORTABLE, type Target } from './target.ts';
import { embedder, sinusoids } from './timestep.ts';
import { wideLayerNorm, wideLinear } from './wide-stream.ts';

/** Sinusoids of the timestep; not in the config (diffusers models/embeddings.py CombinedTimestepTextProjEmbeddings). */
const TIME_CHANNELS = 256;

interface Sd3TransformerConfig {
  /** Latents are cut into patches of this many rows and columns; their sides are multiples of it. */
  readonly patchSize: number;
  readonly inChannels: number;
  readonly outChannels: number;
  readonly numLayers: number;
  readonly attentionHeadDim: number;
  readonly numAttentionHeads: number;
  /** Channels of the text: the width of T5, to which CLIP's are padded. */
  readonly jointAttentionDim: number;
  /** Sum of the two CLIPs' projections. */
  readonly pooledProjectionDim: number;
  /** The largest side in patches. */
  readonly posEmbedMaxSize: number;
  /** Numbers of the blocks that have a second attention. */
  readonly dualAttentionLayers: readonly number[];
  readonly qkNorm: boolean;
}

/** @throws DarkroomError naming file, key and value for everything that the builder does not carry out */
export function readSd3TransformerConfig(component: Component): Sd3TransformerConfig {
  const reader = new ConfigReader(component);
  const inChannels = reader.integer('in_channels', 16);
  const config: Sd3TransformerConfig = {
    patchSize: reader.integer('patch_size', 2),
    inChannels,
    outChannels: reader.integerOrNull('out_channels', 16) ?? inChannels,
    numLayers: reader.integer('num_layers', 18),
    attentionHeadDim: reader.integer('attention_head_dim', 64),
    numAttentionHeads: reader.integer('num_attention_heads', 18),
    jointAttentionDim: reader.integer('joint_attention_dim', 4096),
    pooledProjectionDim: reader.integer('pooled_projection_dim', 2048),
    posEmbedMaxSize: reader.integer('pos_embed_max_size', 96),
    dualAttentionLayers: reader.integers('dual_attention_layers', [], 0),
    qkNorm: reader.choice('qk_norm', ['rms_norm', null], null) === 'rms_norm',
  };
  const captionProjectionDim = reader.integer('caption_projection_dim', 1152);
  // The size is the caller's; it only shaped the table of positions, which the file holds.
  reader.harmless(['sample_size']);
  reader.finish();
  const channels = config.numAttentionHeads * config.attentionHeadDim;
  if (captionProjectionDim !== channels) {
    throw reader.contradiction(
      'caption_projection_dim',
      `picture and text meet at num_attention_heads x attention_head_dim (${channels}) channels`,
    );
  }
  if (config.dualAttentionLayers.some((layer) => layer >= config.numLayers)) {
    throw reader.contradiction(
      'dual_attention_layers',
      `num_layers (${config.numLayers}) counts the blocks from 0`,
    );
  }
  return config;
}

/**
 * Inputs: `hidden_states` [B, in_channels, h, w], latents with sides that are multiples of patch_size, up to
 * pos_embed_max_size patches; `encoder_hidden_states` [B, S, joint_attention_dim]; `pooled_projections`
 * [B, pooled_projection_dim]; `timestep` float32 [1] or [B], 0..1000. Output: `out_hidden_states`
 * [B, out_channels, h, w].
 */
export function sd3TransformerGraph(component: Component, target: Target = PORTABLE): Graph {
  const config = readSd3TransformerConfig(component);
  const { inChannels, outChannels, numLayers, numAttentionHeads: heads, jointAttentionDim } = config;
  const channels = heads * config.attentionHeadDim;
  const b = new GraphBuilder('transformer', component, target, withFlatPositions(component));
  const latents = b.input('hidden_states', 'float', ['batch', inChannels, 'height', 'width']);
  const context = b.narrow(
    b.input('encoder_hidden_states', 'float', ['batch', 'sequence', jointAttentionDim]),
  );
  const pooled = b.narrow(b.input('pooled_projections', 'float', ['batch', config.pooledProjectionDim]));
  const timestep = b.input('timestep', 'float', ['times']);

  const sides = b.op('Div', [b.op('Shape', [latents], { start: 2, end: 4 }), b.ints([config.patchSize])]);
  const waves = sinusoids(b, timestep, TIME_CHANNELS, { flipSinToCos: true, freqShift: 0 });
  const time = embedder(b, waves, 'time_text_embed.timestep_embedder', TIME_CHANNELS, channels);
  const text = embedder(b, pooled, 'time_text_embed.text_embedder', config.pooledProjectionDim, channels);
  const summed = activation(b, b.op('Add', [time, text]), 'silu');
  const condition = b.op('Unsqueeze', [summed, b.ints([1])]);

  let streams = {
    picture: b.widen(patches(b, latents, sides, config)),
    text: wideLinear(b, context, 'context_embedder', jointAttentionDim, channels) as Value | undefined,
  };
  for (let i = 0; i < numLayers; i++) {
    const { picture, text: tokens } = streams;
    streams = jointBlock(b, { picture, text: tokens! }, condition, `transformer_blocks.${i}`, {
      channels,
      heads,
      qkNorm: config.qkNorm,
      dualAttention: config.dualAttentionLayers.includes(i),
      contextPreOnly: i === numLayers - 1,
    });
  }
  const [scale, shift] = modulation(b, condition, 'norm_out', channels, 2) as [Value, Value];
  const last = modulate(b, wideLayerNorm(b, streams.picture, channels, EPSILON), shift, scale);
  const pixels = linear(b, last, 'proj_out', channels, config.patchSize ** 2 * outChannels);
  b.output(
    'out_hidden_states',
    unpack(b, pixels, b.op('Shape', [latents], { start: 2, end: 4 }), {
      channels: outChannels,
      side: config.patchSize,
      order: 'channels last',
    }),
    ['batch', outChannels, 'out_height', 'out_width'],
  );
  return b.finish();
}

/** [B,C,h,w] -> [B, patches, channels], with the middle of the table of positions added. */
function patches(b: GraphBuilder, latents: Value, sides: Value, config: Sd3TransformerConfig): Value {
  const { patchSize: p, inChannels, posEmbedMaxSize: max } = config;
  const channels = config.numAttentionHeads * config.attentionHeadDim;
  const cut = conv(b, b.enter(latents), 'pos_embed.proj', inChannels, channels, {
    kernel: p,
    stride: p,
    pads: [0, 0, 0, 0],
  });

  // Rows and columns around the middle, as numbers in the flat table: of a table as large as SD3.5 medium's
  // (900 MB in float32) only these rows are read and widened.
  const along = (axis: number, step: number) => {
    const side = b.op('Gather', [sides, b.integer(axis)]);
    const start = b.op('Div', [b.op('Sub', [b.integer(max), side]), b.integer(2)]);
    const places = b.op('Range', [start, b.op('Add', [start, side]), b.integer(1)]);
    // By a list of known places, so that a side beyond the table stops the run rather than read the next row.
    return b.op('Gather', [b.ints(Array.from({ length: max }, (_, i) => i * step)), places]);
  };
  const rows = b.op('Unsqueeze', [along(0, max), b.ints([1])]);
  const ids = b.op('Reshape', [b.op('Add', [rows, along(1, 1)]), b.ints([-1])]);
  return b.op('Add', [
    imageToSequence(b, cut, channels),
    b.lookup('pos_embed.pos_embed', [max * max, channels], ids),
  ]);
}

/** The table of positions [1, max x max, channels] as rows, to be looked up by number. */
function withFlatPositions(component: Component): ReadonlyMap<string, StoredTensor> {
  const tensors = new Map(component.tensors);
  const table = tensors.get('pos_embed.pos_embed');
  if (table?.shape.length === 3 && table.shape[0] === 1) {
    tensors.set('pos_embed.pos_embed', { ...table, shape: table.shape.slice(1) });
  }
  return tensors;
}
