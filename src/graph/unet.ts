/**
 * UNet2DConditionModel (diffusers models/unets/unet_2d_condition.py): predicts the noise (or v) in latents.
 * SD 1.x and 2.x; options of later families are refused by name.
 */
import { GraphBuilder, type Value } from './builder.ts';
import type { Component, Graph } from './component.ts';
import { ConfigReader } from './config.ts';
import { activation, conv, groupNorm, upsample } from './layers.ts';
import { resnetBlock } from './resnet.ts';
import { embedder, sinusoids } from './timestep.ts';
import { spatialTransformer } from './transformer.ts';

const DOWN_BLOCKS = ['CrossAttnDownBlock2D', 'DownBlock2D'] as const;
const UP_BLOCKS = ['CrossAttnUpBlock2D', 'UpBlock2D'] as const;

export interface UnetConfig {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly blockOutChannels: readonly number[];
  readonly downBlockTypes: readonly (typeof DOWN_BLOCKS)[number][];
  readonly upBlockTypes: readonly (typeof UP_BLOCKS)[number][];
  readonly layersPerBlock: readonly number[];
  readonly transformerLayersPerBlock: readonly number[];
  /** attention_head_dim of the file, which is the number of heads by a mistake that became the format. */
  readonly heads: readonly number[];
  readonly onlyCrossAttention: readonly boolean[];
  readonly crossAttentionDim: number;
  readonly normNumGroups: number;
  readonly normEps: number;
  readonly useLinearProjection: boolean;
  readonly centerInputSample: boolean;
  readonly flipSinToCos: boolean;
  readonly freqShift: number;
  readonly timeEmbeddingDim: number;
  readonly downsamplePadding: number;
  readonly midBlockScaleFactor: number;
  readonly convInKernel: number;
  readonly convOutKernel: number;
}

/** @throws DarkroomError naming file, key and value for everything that the builder does not carry out */
export function readUnetConfig(component: Component): UnetConfig {
  const reader = new ConfigReader(component);
  const blockOutChannels = reader.integers('block_out_channels');
  const blocks = blockOutChannels.length;
  const crossAttentionDims = reader.perBlock('cross_attention_dim', blocks, 1280);
  const config: UnetConfig = {
    inChannels: reader.integer('in_channels', 4),
    outChannels: reader.integer('out_channels', 4),
    blockOutChannels,
    downBlockTypes: reader.choices('down_block_types', DOWN_BLOCKS, blocks),
    upBlockTypes: reader.choices('up_block_types', UP_BLOCKS, blocks),
    layersPerBlock: reader.perBlock('layers_per_block', blocks, 2),
    transformerLayersPerBlock: reader.perBlock('transformer_layers_per_block', blocks, 1),
    heads: reader.perBlock('attention_head_dim', blocks, 8),
    onlyCrossAttention: reader.flagPerBlock('only_cross_attention', blocks, false),
    crossAttentionDim: crossAttentionDims[0]!,
    normNumGroups: reader.integer('norm_num_groups', 32),
    normEps: reader.number('norm_eps', 1e-5),
    useLinearProjection: reader.boolean('use_linear_projection', false),
    centerInputSample: reader.boolean('center_input_sample', false),
    flipSinToCos: reader.boolean('flip_sin_to_cos', true),
    freqShift: reader.number('freq_shift', 0),
    timeEmbeddingDim: reader.integer('time_embedding_dim', 4 * blockOutChannels[0]!),
    downsamplePadding: reader.integer('downsample_padding', 1, 0),
    midBlockScaleFactor: reader.number('mid_block_scale_factor', 1),
    convInKernel: reader.integer('conv_in_kernel', 3),
    convOutKernel: reader.integer('conv_out_kernel', 3),
  };
  reader.choice('act_fn', ['silu', 'swish'], 'silu');
  reader.choice('mid_block_type', ['UNetMidBlock2DCrossAttn'], 'UNetMidBlock2DCrossAttn');
  reader.only({
    num_attention_heads: null,
    reverse_transformer_layers_per_block: null,
    encoder_hid_dim: null,
    encoder_hid_dim_type: null,
    dual_cross_attention: false,
    class_embed_type: null,
    addition_embed_type: null,
    addition_time_embed_dim: null,
    num_class_embeds: null,
    resnet_time_scale_shift: 'default',
    resnet_skip_time_act: false,
    resnet_out_scale_factor: 1,
    time_embedding_type: 'positional',
    time_embedding_act_fn: null,
    timestep_post_act: null,
    time_cond_proj_dim: null,
    projection_class_embeddings_input_dim: null,
    attention_type: 'default',
    class_embeddings_concat: false,
    mid_block_only_cross_attention: false,
    cross_attention_norm: null,
  });
  // The size is the caller's; dropout acts in training; all attention is computed in float32 already; the heads
  // of an addition embedding mean nothing without one.
  reader.harmless(['sample_size', 'dropout', 'upcast_attention', 'addition_embed_type_num_heads']);
  reader.finish();

  if (crossAttentionDims.some((dim) => dim !== config.crossAttentionDim)) {
    throw reader.contradiction('cross_attention_dim', 'all blocks read the same text embeddings');
  }
  for (const [i, channels] of blockOutChannels.entries()) {
    if (channels % config.normNumGroups !== 0) {
      throw reader.contradiction(
        'block_out_channels',
        `norm_num_groups (${config.normNumGroups}) must divide each`,
      );
    }
    const attends = [config.downBlockTypes[i]!, config.upBlockTypes.at(-1 - i)!].some((type) =>
      type.startsWith('Cross'),
    );
    if ((attends || i === blocks - 1) && channels % config.heads[i]! !== 0) {
      throw reader.contradiction('attention_head_dim', `it must divide the block's ${channels} channels`);
    }
  }
  for (const key of ['conv_in_kernel', 'conv_out_kernel'] as const) {
    if ((key === 'conv_in_kernel' ? config.convInKernel : config.convOutKernel) % 2 === 0) {
      throw reader.contradiction(key, 'only odd kernels keep the size');
    }
  }
  return config;
}

/**
 * Inputs: `sample` [B, in_channels, H, W]; `timestep` float32 [1] or [B], 0..1000, fractions allowed;
 * `encoder_hidden_states` [B, S, cross_attention_dim]. Output: `out_sample` [B, out_channels, H, W].
 * H and W are free: where halving leaves a remainder, the way up takes the sizes of the way down.
 */
export function unetGraph(component: Component): Graph {
  const config = readUnetConfig(component);
  const b = new GraphBuilder('unet', component);
  const sample = b.input('sample', 'float', ['batch', config.inChannels, 'height', 'width']);
  const timestep = b.input('timestep', 'float', ['times']);
  const context = b.input('encoder_hidden_states', 'float', ['batch', 'sequence', config.crossAttentionDim]);
  const out = new UnetBlocks(b, config, timeEmbedding(b, timestep, config), context).run(sample);
  b.output('out_sample', out, ['batch', config.outChannels, 'height', 'width']);
  return b.finish();
}

/** The activated time embedding: [n] -> [n, time_embedding_dim]. */
function timeEmbedding(b: GraphBuilder, timestep: Value, config: UnetConfig): Value {
  const channels = config.blockOutChannels[0]!;
  const waves = sinusoids(b, timestep, channels, config);
  return activation(b, embedder(b, waves, 'time_embedding', channels, config.timeEmbeddingDim), 'silu');
}

/** The way down, the middle and the way up over one stack of skip connections. */
class UnetBlocks {
  readonly #b: GraphBuilder;
  readonly #config: UnetConfig;
  readonly #time: Value;
  readonly #context: Value;
  readonly #skips: { value: Value; channels: number }[] = [];

  constructor(b: GraphBuilder, config: UnetConfig, time: Value, context: Value) {
    this.#b = b;
    this.#config = config;
    this.#time = time;
    this.#context = context;
  }

  run(sample: Value): Value {
    const b = this.#b;
    const { inChannels, outChannels, blockOutChannels, normNumGroups, normEps } = this.#config;
    const { centerInputSample, convInKernel, convOutKernel } = this.#config;
    const first = blockOutChannels[0]!;
    const two = b.floats([2], []);
    const one = b.floats([1], []);
    const centred = centerInputSample ? b.op('Sub', [b.op('Mul', [sample, two]), one]) : sample;
    let x = conv(b, centred, 'conv_in', inChannels, first, { kernel: convInKernel });
    this.#skips.push({ value: x, channels: first });
    for (const block of blockOutChannels.keys()) x = this.#down(x, block);
    x = this.#middle(x);
    for (const block of blockOutChannels.keys()) x = this.#up(x, block);
    const normal = activation(b, groupNorm(b, x, 'conv_norm_out', first, normNumGroups, normEps), 'silu');
    return conv(b, normal, 'conv_out', first, outChannels, { kernel: convOutKernel });
  }

  #down(input: Value, block: number): Value {
    const { blockOutChannels, downBlockTypes, layersPerBlock, downsamplePadding } = this.#config;
    const channels = blockOutChannels[block]!;
    const name = `down_blocks.${block}`;
    let x = input;
    for (let i = 0; i < layersPerBlock[block]!; i++) {
      const inputs = i === 0 ? (blockOutChannels[block - 1] ?? blockOutChannels[0]!) : channels;
      x = this.#resnet(x, `${name}.resnets.${i}`, inputs, channels);
      if (downBlockTypes[block] === 'CrossAttnDownBlock2D')
        x = this.#transformer(x, `${name}.attentions.${i}`, block);
      this.#skips.push({ value: x, channels });
    }
    if (block === blockOutChannels.length - 1) return x;
    // Padding 0 stands for one row and column of zeros at the far sides (diffusers models/downsampling.py).
    const p = downsamplePadding;
    x = conv(this.#b, x, `${name}.downsamplers.0.conv`, channels, channels, {
      stride: 2,
      pads: p === 0 ? [0, 0, 1, 1] : [p, p, p, p],
    });
    this.#skips.push({ value: x, channels });
    return x;
  }

  #middle(input: Value): Value {
    const { blockOutChannels, midBlockScaleFactor } = this.#config;
    const last = blockOutChannels.length - 1;
    const channels = blockOutChannels[last]!;
    const resnet = (x: Value, i: number) =>
      this.#resnet(x, `mid_block.resnets.${i}`, channels, channels, midBlockScaleFactor);
    return resnet(this.#transformer(resnet(input, 0), 'mid_block.attentions.0', last, false), 1);
  }

  /** @param position counts from the bottom, as the file does; block counts from the top */
  #up(input: Value, position: number): Value {
    const { blockOutChannels, upBlockTypes, layersPerBlock } = this.#config;
    const block = blockOutChannels.length - 1 - position;
    const channels = blockOutChannels[block]!;
    const name = `up_blocks.${position}`;
    let x = input;
    for (let i = 0; i <= layersPerBlock[block]!; i++) {
      const skip = this.#skips.pop()!;
      const below = i === 0 ? (blockOutChannels[block + 1] ?? channels) : channels;
      const joined = this.#b.op('Concat', [x, skip.value], { axis: 1 });
      x = this.#resnet(joined, `${name}.resnets.${i}`, below + skip.channels, channels);
      if (upBlockTypes[position] === 'CrossAttnUpBlock2D')
        x = this.#transformer(x, `${name}.attentions.${i}`, block);
    }
    if (block === 0) return x;
    const larger = upsample(this.#b, x, this.#skips.at(-1)!.value);
    return conv(this.#b, larger, `${name}.upsamplers.0.conv`, channels, channels);
  }

  #resnet(x: Value, name: string, inputs: number, outputs: number, outputScale = 1): Value {
    const { normNumGroups, normEps, timeEmbeddingDim } = this.#config;
    return resnetBlock(this.#b, x, name, {
      inputs,
      outputs,
      groups: normNumGroups,
      epsilon: normEps,
      time: { value: this.#time, channels: timeEmbeddingDim },
      outputScale,
    });
  }

  #transformer(x: Value, name: string, block: number, mayCrossOnly = true): Value {
    const config = this.#config;
    return spatialTransformer(this.#b, x, this.#context, name, {
      channels: config.blockOutChannels[block]!,
      contextChannels: config.crossAttentionDim,
      heads: config.heads[block]!,
      layers: config.transformerLayersPerBlock[block]!,
      groups: config.normNumGroups,
      linearProjection: config.useLinearProjection,
      onlyCrossAttention: mayCrossOnly && config.onlyCrossAttention[block]!,
    });
  }
}
