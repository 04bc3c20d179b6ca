/**
 * AutoencoderKL (diffusers models/autoencoders/autoencoder_kl.py, vae.py) and FLUX.2's AutoencoderKLFlux2: pictures to
 * latents and back.
 */
import { DarkroomError } from '../errors.ts';
import { GraphBuilder, type Value } from './builder.ts';
import type { Component, Graph, StoredTensor } from './component.ts';
import { joinSquares, splitSquares } from './latent-squares.ts';
import { attention, conv, imageToSequence, sequenceToImage, upsample } from './layers.ts';
import { type GroupNormOptions, groupNorm, type Norm } from './norms.ts';
import { resnetBlock } from './resnet.ts';
import { SharedNorms } from './shared-norms.ts';
import { inFloat32, PORTABLE, type Target } from './target.ts';
import { readVaeConfig, type VaeConfig } from './vae-config.ts';

const EPSILON = 1e-6;

/**
 * Input: `sample` [B, 3, H, W] in -1..1. Output: `latent_parameters` [B, 2 x latent_channels, h, w]: the mean,
 * then the log variance (unclamped), both before scaling_factor. With squares both are of the sampler's latents,
 * [B, 8 x latent_channels, h / 2, w / 2].
 */
export function vaeEncoderGraph(component: Component, target: Target = PORTABLE): Graph {
  const config = readVaeConfig(component);
  const b = new GraphBuilder('vae_encoder', component, targetOf(config, target), currentNames(component));
  const sample = b.input('sample', 'float', ['batch', config.inChannels, 'height', 'width']);
  const x = encodeLast(b, encodeFirst(b, b.enter(sample), config, groupNorm), config);
  leaveMoments(b, x, config);
  return b.finish(isDecoders);
}

/**
 * Input: `latent_sample` [B, latent_channels, h, w], already divided by scaling_factor; with squares the sampler's
 * latents, [B, 4 x latent_channels, h / 2, w / 2].
 * Output: `sample` [B, 3, H, W], about -1..1 and not clamped.
 */
export function vaeDecoderGraph(component: Component, target: Target = PORTABLE): Graph {
  const config = readVaeConfig(component);
  const b = new GraphBuilder('vae_decoder', component, targetOf(config, target), currentNames(component));
  const x = decodeLast(b, decodeFirst(b, enterLatents(b, config), config), config, groupNorm);
  b.output('sample', b.leave(x), ['batch', config.outChannels, 'height', 'width']);
  return b.finish(isEncoders);
}

/**
 * The decoder in two graphs, for pictures whose last layers do not fit into memory. `first` holds all that sees the whole
 * picture and is small: `latent_sample` -> `features` [1, C, h, w]. `last` is run on tiles of the features:
 * `features`, `statistics` and `share` -> `sample` and `found_statistics`.
 *
 * A group norm of a tile would see only that tile, and tiles would differ in colour and contrast. Here mean and mean square
 * of each group are an input, `statistics` [norms, 2, groups]; where `share` (float, 0 or 1) is 0 the tile's own are used,
 * and they are the output `found_statistics` in both cases. Others do so too: multidiffusion-upscaler's tiled VAE estimates
 * them on a picture that was made smaller. Here they come from samples of the features themselves, at their own scale.
 */
function tiledDecoderGraphs(component: Component, target: Target = PORTABLE): TiledGraphs {
  const config = readVaeConfig(component);
  const wide = inFloat32(target);
  const channels = config.decoderBlockOutChannels.at(-1)!;
  const first = new GraphBuilder('vae_decoder_first', component, wide, currentNames(component));
  const features = decodeFirst(first, enterLatents(first, config), config);
  first.output('features', first.leave(features), ['batch', channels, ...LATENT_SIDES]);
  const last = new GraphBuilder('vae_decoder_last', component, wide, currentNames(component));
  const norms = new SharedNorms(last, config.normNumGroups);
  const seen = last.input('features', 'float', ['batch', channels, ...LATENT_SIDES]);
  const x = decodeLast(last, last.enter(seen), config, norms.normalise);
  last.output('sample', last.leave(x), ['batch', config.outChannels, 'height', 'width']);
  norms.finish();
  return { first: first.finish(anywhere), last: last.finish(anywhere) };
}

/** The same for the encoder, whose first layers are the large ones: `first` is run on tiles of `sample`. */
function tiledEncoderGraphs(component: Component, target: Target = PORTABLE): TiledGraphs {
  const config = readVaeConfig(component);
  const wide = inFloat32(target);
  const channels = config.blockOutChannels.at(-2) ?? config.blockOutChannels[0]!;
  const first = new GraphBuilder('vae_encoder_first', component, wide, currentNames(component));
  const norms = new SharedNorms(first, config.normNumGroups);
  const sample = first.input('sample', 'float', ['batch', config.inChannels, 'height', 'width']);
  const features = encodeFirst(first, first.enter(sample), config, norms.normalise);
  first.output('features', first.leave(features), ['batch', channels, ...LATENT_SIDES]);
  norms.finish();
  const last = new GraphBuilder('vae_encoder_last', component, wide, currentNames(component));
  const seen = last.input('features', 'float', ['batch', channels, ...LATENT_SIDES]);
  leaveMoments(last, encodeLast(last, last.enter(seen), config), config);
  return { first: first.finish(anywhere), last: last.finish(anywhere) };
}

/** Parts of a model that are its VAE's. */
type VaePart = keyof typeof PARTS;

const PARTS = {
  vaeEncoder: vaeEncoderGraph,
  vaeDecoder: vaeDecoderGraph,
  vaeEncoderFirst: (vae: Component, target: Target) => tiledEncoderGraphs(vae, target).first,
  vaeEncoderLast: (vae: Component, target: Target) => tiledEncoderGraphs(vae, target).last,
  vaeDecoderFirst: (vae: Component, target: Target) => tiledDecoderGraphs(vae, target).first,
  vaeDecoderLast: (vae: Component, target: Target) => tiledDecoderGraphs(vae, target).last,
} as const;

export const isVaePart = (part: string): part is VaePart => Object.hasOwn(PARTS, part);

export const vaeGraph = (part: VaePart, vae: Component, target: Target): Graph => PARTS[part](vae, target);

interface TiledGraphs {
  readonly first: Graph;
  readonly last: Graph;
}

const LATENT_SIDES = ['latent_height', 'latent_width'] as const;
const SQUARE_SIDES = ['square_height', 'square_width'] as const;
const isDecoders = (name: string) => /^((decoder|post_quant_conv)\.|bn\.num_batches_tracked$)/.test(name);
const isEncoders = (name: string) => /^((encoder|quant_conv)\.|bn\.num_batches_tracked$)/.test(name);
const anywhere = () => true;

/** The input of a decoder, as its layers take it. */
function enterLatents(b: GraphBuilder, { latentChannels, squares }: VaeConfig): Value {
  if (squares === undefined) {
    return b.enter(b.input('latent_sample', 'float', ['batch', latentChannels, ...LATENT_SIDES]));
  }
  const sides = ['batch', squares.area * latentChannels, ...SQUARE_SIDES];
  return b.enter(splitSquares(b, b.input('latent_sample', 'float', sides), latentChannels, squares));
}

/** The output of an encoder. */
function leaveMoments(b: GraphBuilder, moments: Value, { latentChannels, squares }: VaeConfig): void {
  if (squares === undefined) {
    b.output('latent_parameters', b.leave(moments), ['batch', 2 * latentChannels, ...LATENT_SIDES]);
    return;
  }
  const sides = ['batch', 2 * squares.area * latentChannels, ...SQUARE_SIDES];
  b.output(
    'latent_parameters',
    b.narrow(joinSquares(b, b.widen(b.leave(moments)), latentChannels, squares)),
    sides,
  );
}

/** The encoder's layers down to the latents' size. */
function encodeFirst(b: GraphBuilder, input: Value, config: VaeConfig, normalise: Norm): Value {
  const { inChannels, blockOutChannels } = config;
  let channels = blockOutChannels[0]!;
  let x = conv(b, input, 'encoder.conv_in', inChannels, channels);
  for (const [block, outputs] of blockOutChannels.slice(0, -1).entries()) {
    const of = { name: `encoder.down_blocks.${block}`, count: config.layersPerBlock, normalise };
    x = resnets(b, x, of, [channels, outputs], config);
    channels = outputs;
    const name = `encoder.down_blocks.${block}.downsamplers.0.conv`;
    x = conv(b, x, name, channels, channels, { stride: 2, pads: [0, 0, 1, 1] });
  }
  return x;
}

/** The encoder's layers at the latents' size. */
function encodeLast(b: GraphBuilder, input: Value, config: VaeConfig): Value {
  const { latentChannels, blockOutChannels } = config;
  const channels = blockOutChannels.at(-1)!;
  const before = blockOutChannels.at(-2) ?? channels;
  const of = {
    name: `encoder.down_blocks.${blockOutChannels.length - 1}`,
    count: config.layersPerBlock,
  };
  let x = resnets(b, input, of, [before, channels], config);
  x = middle(b, x, 'encoder', channels, config);
  x = groupNorm(b, x, 'encoder.conv_norm_out', lastNorm(channels, config));
  const moments = 2 * latentChannels;
  x = conv(b, x, 'encoder.conv_out', channels, moments);
  return config.useQuantConv ? conv(b, x, 'quant_conv', moments, moments, { kernel: 1 }) : x;
}

/** The residual blocks of one size; the decoder has one more of them. */
function resnets(
  b: GraphBuilder,
  input: Value,
  { name, count, normalise = groupNorm }: { name: string; count: number; normalise?: Norm },
  [inputs, outputs]: readonly [number, number],
  { normNumGroups: groups }: VaeConfig,
): Value {
  let x = input;
  for (let i = 0; i < count; i++) {
    const how = { inputs: i === 0 ? inputs : outputs, outputs, groups, epsilon: EPSILON, normalise };
    x = resnetBlock(b, x, `${name}.resnets.${i}`, how);
  }
  return x;
}

/** The decoder's layers at the latents' size. */
function decodeFirst(b: GraphBuilder, input: Value, config: VaeConfig): Value {
  const { latentChannels, decoderBlockOutChannels, usePostQuantConv } = config;
  const channels = decoderBlockOutChannels.at(-1)!;
  const entered = usePostQuantConv
    ? conv(b, input, 'post_quant_conv', latentChannels, latentChannels, { kernel: 1 })
    : input;
  const x = middle(
    b,
    conv(b, entered, 'decoder.conv_in', latentChannels, channels),
    'decoder',
    channels,
    config,
  );
  const of = { name: 'decoder.up_blocks.0', count: config.layersPerBlock + 1 };
  return resnets(b, x, of, [channels, channels], config);
}

/** The decoder's layers from the latents' size up to the picture's. */
function decodeLast(b: GraphBuilder, input: Value, config: VaeConfig, normalise: Norm): Value {
  const { outChannels, decoderBlockOutChannels } = config;
  let channels = decoderBlockOutChannels.at(-1)!;
  let x = input;
  for (const [i, outputs] of decoderBlockOutChannels.toReversed().slice(1).entries()) {
    const name = `decoder.up_blocks.${i}.upsamplers.0.conv`;
    x = conv(b, upsample(b, x), name, channels, channels);
    const of = { name: `decoder.up_blocks.${i + 1}`, count: config.layersPerBlock + 1, normalise };
    x = resnets(b, x, of, [channels, outputs], config);
    channels = outputs;
  }
  x = normalise(b, x, 'decoder.conv_norm_out', lastNorm(channels, config));
  return conv(b, x, 'decoder.conv_out', channels, outChannels);
}

/** Activations of SDXL's and FLUX.2's VAE overflow float16, and SDXL's file says so (diffusers upcasts it as well). */
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
      long: true,
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
