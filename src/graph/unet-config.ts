/** What a UNet's config.json says, and the part of it that a ControlNet shares: down blocks and middle block. */
import type { Component } from './component.ts';
import { ConfigReader } from './config.ts';

const DOWN_BLOCKS = ['CrossAttnDownBlock2D', 'DownBlock2D'] as const;
const UP_BLOCKS = ['CrossAttnUpBlock2D', 'UpBlock2D'] as const;
const MID_BLOCKS = ['UNetMidBlock2DCrossAttn', 'UNetMidBlock2D', null] as const;
/** SDXL's original size, crop and target size, two numbers each. */
export const TIME_IDS = 6;

/** SDXL's micro-conditioning (Podell et al. 2023): the pooled text and some sizes join the time embedding. */
interface AdditionConfig {
  /** Width of `text_embeds`. */
  readonly textDim: number;
  /** Sinusoids for each of TIME_IDS numbers. */
  readonly timeDim: number;
}

/** What the down blocks and the middle block are built from. */
export interface EncoderConfig {
  readonly inChannels: number;
  readonly blockOutChannels: readonly number[];
  readonly downBlockTypes: readonly (typeof DOWN_BLOCKS)[number][];
  readonly layersPerBlock: readonly number[];
  /** Transformer layers behind each residual layer of each block on the way down. */
  readonly transformerLayers: readonly (readonly number[])[];
  /** attention_head_dim of the file, which is the number of heads by a mistake that became the format. */
  readonly heads: readonly number[];
  readonly onlyCrossAttention: readonly boolean[];
  readonly crossAttentionDim: number;
  readonly normNumGroups: number;
  readonly normEps: number;
  readonly useLinearProjection: boolean;
  /** Attention is computed in float32 also where the rest is float16: SD 2.1, whose scores overflow it. */
  readonly upcastAttention: boolean;
  readonly flipSinToCos: boolean;
  readonly freqShift: number;
  readonly timeEmbeddingDim: number;
  readonly downsamplePadding: number;
  /** `UNetMidBlock2D` is one residual block without attention; null is no middle at all. */
  readonly midBlockType: (typeof MID_BLOCKS)[number];
  readonly midBlockScaleFactor: number;
  readonly convInKernel: number;
  readonly addition?: AdditionConfig;
}

export interface UnetConfig extends EncoderConfig {
  readonly outChannels: number;
  readonly upBlockTypes: readonly (typeof UP_BLOCKS)[number][];
  /** As transformerLayers, from the bottom up; each block has one residual layer more than on the way down. */
  readonly upTransformerLayers: readonly (readonly number[])[];
  readonly centerInputSample: boolean;
  readonly convOutKernel: number;
  /** Channels of `timestep_cond`, in which a distilled model is told its guidance (Meng et al. 2023). */
  readonly timeCondProjDim?: number;
}

/** @throws DarkroomError naming file, key and value for everything that the builder does not carry out */
export function readUnetConfig(component: Component): UnetConfig {
  const reader = new ConfigReader(component);
  const encoder = readEncoder(reader, component);
  const blocks = encoder.blockOutChannels.length;
  const timeCondProjDim = component.config['time_cond_proj_dim'] ?? null;
  const config: UnetConfig = {
    ...encoder,
    timeEmbeddingDim: reader.integerOrNull('time_embedding_dim', null) ?? encoder.timeEmbeddingDim,
    convInKernel: reader.integer('conv_in_kernel', 3),
    outChannels: reader.integer('out_channels', 4),
    upBlockTypes: reader.choices('up_block_types', UP_BLOCKS, blocks),
    upTransformerLayers: readUpTransformerLayers(reader, component, encoder),
    centerInputSample: reader.boolean('center_input_sample', false),
    convOutKernel: reader.integer('conv_out_kernel', 3),
    ...(timeCondProjDim !== null && { timeCondProjDim: reader.integer('time_cond_proj_dim') }),
  };
  reader.only({
    dual_cross_attention: false,
    time_embedding_type: 'positional',
    time_embedding_act_fn: null,
    timestep_post_act: null,
    time_cond_proj_dim: timeCondProjDim as number | null,
    class_embeddings_concat: false,
  });
  reader.choice('attention_type', ['default', null], 'default');
  // The size is the caller's, dropout acts in training; the others only act in blocks that this builder has not.
  reader.harmless(['sample_size', 'dropout', 'resnet_skip_time_act', 'resnet_out_scale_factor']);
  reader.harmless(['mid_block_only_cross_attention', 'cross_attention_norm']);
  reader.finish();
  checkHeads(reader, config, config.upBlockTypes);
  for (const key of ['conv_in_kernel', 'conv_out_kernel'] as const) {
    if ((key === 'conv_in_kernel' ? config.convInKernel : config.convOutKernel) % 2 === 0) {
      throw reader.contradiction(key, 'only odd kernels keep the size');
    }
  }
  return config;
}

/** Reads the keys that UNets and ControlNets share. */
export function readEncoder(reader: ConfigReader, component: Component): EncoderConfig {
  const blockOutChannels = reader.integers('block_out_channels');
  const blocks = blockOutChannels.length;
  const layersPerBlock = reader.perBlock('layers_per_block', blocks, 2);
  const crossAttentionDims = reader.perBlock('cross_attention_dim', blocks, 1280);
  const addition = readAddition(reader, component);
  const config: EncoderConfig = {
    inChannels: reader.integer('in_channels', 4),
    blockOutChannels,
    downBlockTypes: reader.choices('down_block_types', DOWN_BLOCKS, blocks),
    layersPerBlock,
    transformerLayers:
      reader.perLayer('transformer_layers_per_block', layersPerBlock) ??
      layersPerBlock.map((count) => new Array<number>(count).fill(1)),
    heads: reader.perBlock('attention_head_dim', blocks, 8),
    onlyCrossAttention: reader.flagPerBlock('only_cross_attention', blocks, false),
    crossAttentionDim: crossAttentionDims[0]!,
    normNumGroups: reader.integer('norm_num_groups', 32),
    normEps: reader.number('norm_eps', 1e-5),
    useLinearProjection: reader.boolean('use_linear_projection', false),
    upcastAttention: reader.boolean('upcast_attention', false),
    flipSinToCos: reader.boolean('flip_sin_to_cos', true),
    freqShift: reader.number('freq_shift', 0),
    timeEmbeddingDim: 4 * blockOutChannels[0]!,
    downsamplePadding: reader.integer('downsample_padding', 1, 0),
    midBlockType: reader.choice('mid_block_type', MID_BLOCKS, 'UNetMidBlock2DCrossAttn'),
    midBlockScaleFactor: reader.number('mid_block_scale_factor', 1),
    convInKernel: 3,
    ...(addition !== undefined && { addition }),
  };
  reader.choice('act_fn', ['silu', 'swish'], 'silu');
  reader.only({
    num_attention_heads: null,
    encoder_hid_dim: null,
    encoder_hid_dim_type: null,
    class_embed_type: null,
    num_class_embeds: null,
    resnet_time_scale_shift: 'default',
  });
  // The heads of the addition embedding mean nothing to text_time.
  reader.harmless(['addition_embed_type_num_heads']);
  if (crossAttentionDims.some((dim) => dim !== config.crossAttentionDim)) {
    throw reader.contradiction('cross_attention_dim', 'all blocks read the same text embeddings');
  }
  return config;
}

/**
 * Where no list of its own is given, the way up mirrors the way down; a list for each layer has no mirror image, since
 * the way up has one layer more (diffusers refuses it too).
 */
function readUpTransformerLayers(
  reader: ConfigReader,
  { config }: Component,
  { layersPerBlock }: EncoderConfig,
): (readonly number[])[] {
  const counts = layersPerBlock.map((count) => count + 1).toReversed();
  const key = 'reverse_transformer_layers_per_block';
  reader.harmless([key]);
  const own = config[key] === null ? undefined : reader.perLayer(key, counts);
  if (own !== undefined) return own;
  const down = config['transformer_layers_per_block'] ?? 1;
  if (Array.isArray(down) && down.some((of) => Array.isArray(of))) {
    throw reader.contradiction(
      'transformer_layers_per_block',
      'reverse_transformer_layers_per_block is missing: it has to say the same of the way up',
    );
  }
  return counts.map((count, i) =>
    new Array<number>(count).fill(Array.isArray(down) ? down.at(-1 - i) : down),
  );
}

function readAddition(reader: ConfigReader, { config }: Component): AdditionConfig | undefined {
  const type = config['addition_embed_type'] ?? null;
  if (type === null) {
    reader.only({
      addition_embed_type: null,
      addition_time_embed_dim: null,
      projection_class_embeddings_input_dim: null,
    });
    return undefined;
  }
  reader.choice('addition_embed_type', ['text_time']);
  const timeDim = reader.integer('addition_time_embed_dim');
  const textDim = reader.integer('projection_class_embeddings_input_dim') - TIME_IDS * timeDim;
  if (textDim < 1) {
    throw reader.contradiction(
      'projection_class_embeddings_input_dim',
      `${TIME_IDS} numbers of addition_time_embed_dim (${timeDim}) leave nothing for the text`,
    );
  }
  return { textDim, timeDim };
}

/** @param upBlockTypes from the bottom up, where there is a way up */
export function checkHeads(
  reader: ConfigReader,
  config: EncoderConfig,
  upBlockTypes: readonly string[],
): void {
  const { blockOutChannels, normNumGroups, downBlockTypes, midBlockType, heads } = config;
  for (const [i, channels] of blockOutChannels.entries()) {
    if (channels % normNumGroups !== 0) {
      throw reader.contradiction('block_out_channels', `norm_num_groups (${normNumGroups}) must divide each`);
    }
    const types = [downBlockTypes[i]!, upBlockTypes.at(-1 - i) ?? ''];
    const isLast = i === blockOutChannels.length - 1;
    const attends = types.some((type) => type.startsWith('Cross'));
    const attendsInMiddle = isLast && midBlockType === 'UNetMidBlock2DCrossAttn';
    if ((attends || attendsInMiddle) && channels % heads[i]! !== 0) {
      throw reader.contradiction('attention_head_dim', `it must divide the block's ${channels} channels`);
    }
  }
}
