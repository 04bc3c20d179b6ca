/** AutoencoderKL (diffusers models/autoencoders/autoencoder_kl.py, vae.py): pictures to latents and back. */
import { DarkroomError } from '../errors.ts';
import { GraphBuilder, type Value } from './builder.ts';
import type { Component, Graph, StoredTensor } from './component.ts';
import { ConfigReader } from './config.ts';
import {
  attention,
  conv,
  type GroupNormOptions,
  groupNorm,
  imageToSequence,
  sequenceToImage,
  upsample,
} from './layers.ts';
import { resnetBlock } from './resnet.ts';
import { inFloat32, PORTABLE, type Target } from './target.ts';

const EPSILON = 1e-6;

export interface VaeConfig {
  readonly inChannels: number;
  readonly outChannels: number;
  readonly latentChannels: number;
  readonly blockOutChannels: readonly number[];
  readonly layersPerBlock: number;
  readonly normNumGroups: number;
  readonly useQuantConv: boolean;
  readonly usePostQuantConv: boolean;
  readonly midBlockAddAttention: boolean;
  /** Float32 on every target. diffusers' own default is true, but only SDXL's pipelines act on it, and their files say it. */
  readonly forceUpcast: boolean;
}

/** @throws DarkroomError naming file, key and value for everything that the builder does not carry out */
export function readVaeConfig(component: Component): VaeConfig {
  const reader = new ConfigReader(component);
  const blockOutChannels = reader.integers('block_out_channels');
  const config: VaeConfig = {
    inChannels: reader.integer('in_channels', 3),
    outChannels: reader.integer('out_channels', 3),
    latentChannels: reader.integer('latent_channels', 4),
    blockOutChannels,
    layersPerBlock: reader.integer('layers_per_block', 1),
    normNumGroups: reader.integer('norm_num_groups', 32),
    useQuantConv: reader.boolean('use_quant_conv', true),
    usePostQuantConv: reader.boolean('use_post_quant_conv', true),
    midBlockAddAttention: reader.boolean('mid_block_add_attention', true),
    forceUpcast: reader.boolean('force_upcast', false),
  };
  reader.choices('down_block_types', ['DownEncoderBlock2D'], blockOutChannels.length);
  reader.choices('up_block_types', ['UpDecoderBlock2D'], blockOutChannels.length);
  reader.choice('act_fn', ['silu', 'swish'], 'silu');
  // Scale, shift and statistics of the latents are the caller's (ModelSpec).
  reader.harmless(['sample_size', 'scaling_factor', 'shift_factor', 'latents_mean', 'latents_std']);
  reader.finish();
  if (blockOutChannels.some((channels) => channels % config.normNumGroups !== 0)) {
    throw reader.contradiction(
      'block_out_channels',
      `norm_num_groups (${config.normNumGroups}) must divide each`,
    );
  }
  return config;
}

/**
 * Input: `sample` [B, 3, H, W] in -1..1. Output: `latent_parameters` [B, 2 x latent_channels, h, w]: the mean,
 * then the log variance (unclamped), both before scaling_factor.
 */
export function vaeEncoderGraph(component: Component, target: Target = PORTABLE): Graph {
  const config = readVaeConfig(component);
  const { inChannels, latentChannels, blockOutChannels, layersPerBlock, normNumGroups } = config;
  const b = new GraphBuilder('vae_encoder', component, targetOf(config, target), currentNames(component));
  const sample = b.input('sample', 'float', ['batch', inChannels, 'height', 'width']);
  let channels = blockOutChannels[0]!;
  let x = conv(b, b.enter(sample), 'encoder.conv_in', inChannels, channels);
  for (const [block, outputs] of blockOutChannels.entries()) {
    const name = `encoder.down_blocks.${block}`;
    for (let i = 0; i < layersPerBlock; i++) {
      x = resnetBlock(b, x, `${name}.resnets.${i}`, {
        inputs: channels,
        outputs,
        groups: normNumGroups,
        epsilon: EPSILON,
      });
      channels = outputs;
    }
    if (block < blockOutChannels.length - 1) {
      x = conv(b, x, `${name}.downsamplers.0.conv`, channels, channels, { stride: 2, pads: [0, 0, 1, 1] });
    }
  }
  x = middle(b, x, 'encoder', channels, config);
  x = groupNorm(b, x, 'encoder.conv_norm_out', lastNorm(channels, config));
  const moments = 2 * latentChannels;
  x = conv(b, x, 'encoder.conv_out', channels, moments);
  if (config.useQuantConv) x = conv(b, x, 'quant_conv', moments, moments, { kernel: 1 });
  b.output('latent_parameters', b.leave(x), ['batch', moments, 'latent_height', 'latent_width']);
  return b.finish((name) => /^(decoder|post_quant_conv)\./.test(name));
}

/**
 * Input: `latent_sample` [B, latent_channels, h, w], already divided by scaling_factor.
 * Output: `sample` [B, 3, H, W], about -1..1 and not clamped.
 */
export function vaeDecoderGraph(component: Component, target: Target = PORTABLE): Graph {
  const config = readVaeConfig(component);
  const { outChannels, latentChannels, blockOutChannels, layersPerBlock, normNumGroups } = config;
  const b = new GraphBuilder('vae_decoder', component, targetOf(config, target), currentNames(component));
  const latents = b.input('latent_sample', 'float', [
    'batch',
    latentChannels,
    'latent_height',
    'latent_width',
  ]);
  let channels = blockOutChannels.at(-1)!;
  const entered = b.enter(latents);
  let x = config.usePostQuantConv
    ? conv(b, entered, 'post_quant_conv', latentChannels, latentChannels, { kernel: 1 })
    : entered;
  x = conv(b, x, 'decoder.conv_in', latentChannels, channels);
  x = middle(b, x, 'decoder', channels, config);
  for (const [block, outputs] of blockOutChannels.toReversed().entries()) {
    const name = `decoder.up_blocks.${block}`;
    for (let i = 0; i <= layersPerBlock; i++) {
      x = resnetBlock(b, x, `${name}.resnets.${i}`, {
        inputs: channels,
        outputs,
        groups: normNumGroups,
        epsilon: EPSILON,
      });
      channels = outputs;
    }
    if (block < blockOutChannels.length - 1) {
      x = conv(b, upsample(b, x), `${name}.upsamplers.0.conv`, channels, channels);
    }
  }
  x = groupNorm(b, x, 'decoder.conv_norm_out', lastNorm(channels, config));
  x = conv(b, x, 'decoder.conv_out', channels, outChannels);
  b.output('sample', b.leave(x), ['batch', outChannels, 'height', 'width']);
  return b.finish((name) => /^(encoder|quant_conv)\./.test(name));
}

/** Activations of SDXL's VAE overflow float16, and its file says so (diffusers upcasts it as well). */
function targetOf({ forceUpcast }: VaeConfig, target: Target): Target {
  return forceUpcast ? inFloat32(target) : target;
}

function lastNorm(channels: number, { normNumGroups: groups }: VaeConfig): GroupNormOptions {
  return { channels, groups, epsilon: EPSILON, silu: true };
}

function middle(b: GraphBuilder, input: Value, side: string, channels: number, config: VaeConfig): Value {
  const { normNumGroups: groups, midBlockAddAttention } = config;
  const resnet = (x: Value, i: number) =>
    resnetBlock(b, x, `${side}.mid_block.resnets.${i}`, {
      inputs: channels,
      outputs: channels,
      groups,
      epsilon: EPSILON,
    });
  let x = resnet(input, 0);
  if (midBlockAddAttention) {
    const name = `${side}.mid_block.attentions.0`;
    const sequence = imageToSequence(
      b,
      groupNorm(b, x, `${name}.group_norm`, { channels, groups, epsilon: EPSILON }),
      channels,
    );
    const mixed = attention(b, sequence, sequence, name, {
      channels,
      contextChannels: channels,
      heads: 1,
      projections: { q: 'to_q', k: 'to_k', v: 'to_v', out: 'to_out.0' },
      bias: true,
    });
    x = b.residual(sequenceToImage(b, mixed, x), x);
  }
  return resnet(x, 1);
}

const OLD_ATTENTION_NAMES: Readonly<Record<string, string>> = {
  query: 'to_q',
  key: 'to_k',
  value: 'to_v',
  proj_attn: 'to_out.0',
};

/** The names that diffusers gives the attention today; files of before 2023 call its parts by other names. */
function currentNames(component: Component): ReadonlyMap<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  for (const [name, stored] of component.tensors) {
    const current = name.replace(
      /(\.mid_block\.attentions\.\d+\.)(query|key|value|proj_attn)\./,
      (_, before: string, old: string) => `${before}${OLD_ATTENTION_NAMES[old]}.`,
    );
    if (tensors.has(current)) {
      throw new DarkroomError(
        'bad_model',
        `The VAE's weights hold ${current} twice, under its old and new name.`,
      );
    }
    tensors.set(current, stored);
  }
  return tensors;
}
