/** What the config.json of an AutoencoderKL or AutoencoderKLFlux2 says. */
import type { Component } from './component.ts';
import { ConfigReader } from './config.ts';
import { readSquares, type Squares } from './latent-squares.ts';

export interface VaeConfig {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly latentChannels: number;
  readonly blockOutChannels: readonly number[];
  /** Of the decoder, where they are others. */
  readonly decoderBlockOutChannels: readonly number[];
  readonly layersPerBlock: number;
  readonly normNumGroups: number;
  readonly useQuantConv: boolean;
  readonly usePostQuantConv: boolean;
  readonly midBlockAddAttention: boolean;
  /** Float32 on every target. diffusers' own default is true, but only SDXL's pipelines act on it, and their files say it. */
  readonly forceUpcast: boolean;
  /** How its latents become those of the sampler, where that is more than a scale (FLUX.2). */
  readonly squares?: Squares;
}

/** @throws DarkroomError naming file, key and value for everything that the builder does not carry out */
export function readVaeConfig(component: Component): VaeConfig {
  const reader = new ConfigReader(component);
  const blockOutChannels = reader.integers('block_out_channels');
  const squares = readSquares(reader, component);
  const config: VaeConfig = {
    inChannels: reader.integer('in_channels', 3),
    outChannels: reader.integer('out_channels', 3),
    latentChannels: reader.integer('latent_channels', 4),
    blockOutChannels,
    decoderBlockOutChannels: readDecoderChannels(reader, component, blockOutChannels),
    layersPerBlock: reader.integer('layers_per_block', 1),
    normNumGroups: reader.integer('norm_num_groups', 32),
    useQuantConv: reader.boolean('use_quant_conv', true),
    usePostQuantConv: reader.boolean('use_post_quant_conv', true),
    midBlockAddAttention: reader.boolean('mid_block_add_attention', true),
    // As diffusers' class has it. Other VAEs are read as if it were false: its pipelines look at it in SDXL's alone.
    forceUpcast: reader.boolean('force_upcast', squares.squares !== undefined),
    ...squares,
  };
  reader.choices('down_block_types', ['DownEncoderBlock2D'], blockOutChannels.length);
  reader.choices('up_block_types', ['UpDecoderBlock2D'], blockOutChannels.length);
  reader.choice('act_fn', ['silu', 'swish'], 'silu');
  // Scale, shift and statistics of the latents are the caller's (ModelSpec).
  reader.harmless(['sample_size', 'scaling_factor', 'shift_factor', 'latents_mean', 'latents_std']);
  reader.finish();
  for (const [key, list] of [
    ['block_out_channels', blockOutChannels],
    ['decoder_block_out_channels', config.decoderBlockOutChannels],
  ] as const) {
    if (list.every((channels) => channels % config.normNumGroups === 0)) continue;
    throw reader.contradiction(key, `norm_num_groups (${config.normNumGroups}) must divide each`);
  }
  return config;
}

/** FLUX.2's smaller decoder has channels of its own. */
function readDecoderChannels(reader: ConfigReader, { config }: Component, own: readonly number[]) {
  const key = 'decoder_block_out_channels';
  if ((config[key] ?? null) === null) {
    reader.harmless([key]);
    return own;
  }
  const channels = reader.integers(key);
  if (channels.length === own.length) return channels;
  throw reader.contradiction(key, `block_out_channels has ${own.length} sizes`);
}
