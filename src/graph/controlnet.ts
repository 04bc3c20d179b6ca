/**
 * ControlNetModel (Zhang et al. 2023; diffusers models/controlnets/controlnet.py): a copy of the UNet's way down
 * that sees a control picture, and whose features are added to the UNet's skip connections. It is built into the
 * UNet's own graph, so that they never leave the device.
 */
import type { GraphBuilder, Value } from './builder.ts';
import type { Component } from './component.ts';
import { ConfigReader } from './config.ts';
import { activation, conv } from './layers.ts';
import { checkHeads, type EncoderConfig, readEncoder, type UnetConfig } from './unet-config.ts';
import { type Conditioning, timeEmbedding, UnetEncoder } from './unet-encoder.ts';

interface ControlNetConfig extends EncoderConfig {
  readonly conditioningChannels: number;
  readonly conditioningEmbeddingOutChannels: readonly number[];
  readonly channelOrder: 'rgb' | 'bgr';
  /** Each feature is averaged over the picture before it is added. */
  readonly globalPoolConditions: boolean;
}

/** @throws DarkroomError naming file, key and value for everything that the builder does not carry out */
export function readControlNetConfig(component: Component): ControlNetConfig {
  const reader = new ConfigReader(component);
  const config: ControlNetConfig = {
    ...readEncoder(reader, component),
    conditioningChannels: reader.integer('conditioning_channels', 3),
    conditioningEmbeddingOutChannels: reader.integers(
      'conditioning_embedding_out_channels',
      [16, 32, 96, 256],
    ),
    channelOrder: reader.choice('controlnet_conditioning_channel_order', ['rgb', 'bgr'], 'rgb'),
    globalPoolConditions: reader.boolean('global_pool_conditions', false),
  };
  reader.harmless(['sample_size']);
  reader.finish();
  if (config.midBlockType === null) throw reader.contradiction('mid_block_type', 'a ControlNet needs one');
  checkHeads(reader, config, []);
  return config;
}

/** Residuals that a net adds: one a skip connection, and one for the middle. */
export function residualCount({ blockOutChannels, layersPerBlock }: EncoderConfig): number {
  const layers = layersPerBlock.reduce((sum, count) => sum + count, 0);
  return 1 + layers + (blockOutChannels.length - 1) + 1;
}

/** What a UNet and its ControlNets must have in common: key, and how each of them has it. */
const SHARED: readonly (readonly [key: string, of: (config: EncoderConfig) => unknown])[] = [
  ['cross_attention_dim', ({ crossAttentionDim }) => crossAttentionDim],
  ['block_out_channels', ({ blockOutChannels }) => blockOutChannels],
  ['layers_per_block', ({ layersPerBlock }) => layersPerBlock],
  ['addition_embed_type', ({ addition }) => (addition === undefined ? null : 'text_time')],
  ['projection_class_embeddings_input_dim', ({ addition }) => addition ?? null],
];

/**
 * @throws DarkroomError('bad_model') where the net belongs to another family of models
 */
export function checkControlNet(net: ControlNetConfig, unet: UnetConfig, component: Component): void {
  for (const [key, of] of SHARED) {
    if (JSON.stringify(of(net)) === JSON.stringify(of(unet))) continue;
    const reader = new ConfigReader(component);
    throw reader.contradiction(
      key,
      `the model's UNet has ${JSON.stringify(of(unet))}: this ControlNet was made for another family of models`,
    );
  }
}

interface ControlInputs {
  /** The latents, [B, in_channels, h, w]; of an inpainting UNet the first channels are the net's. */
  readonly sample: Value;
  /** The control picture in 0..1, [B, 3, H, W]. */
  readonly picture: Value;
  /** [B, residuals] */
  readonly scales: Value;
  readonly conditioning: Conditioning;
}

/** @returns the scaled residuals, one a skip connection, the middle's last */
export function controlResiduals(
  b: GraphBuilder,
  config: ControlNetConfig,
  { sample, picture, scales, conditioning }: ControlInputs,
  prefix: string,
): Value[] {
  const first = config.blockOutChannels[0]!;
  const latents = conv(b, b.enter(sample), `${prefix}conv_in`, config.inChannels, first);
  const seen = b.op('Add', [latents, embedPicture(b, config, picture, prefix)]);
  // A distilled UNet is told its guidance; a ControlNet never is (diffusers calls it without timestep_cond).
  const { timestepCond: _, ...shared } = conditioning;
  const time = timeEmbedding(b, config, { ...shared, sample }, prefix);
  const { x, skips } = new UnetEncoder(b, config, time, conditioning.context, prefix).descend(seen);
  const deepest = { value: x, channels: config.blockOutChannels.at(-1)! };
  const scaleOf = b.split(b.narrow(scales), skips.length + 1);
  return [...skips, deepest].map(({ value, channels }, i) => {
    const name = i < skips.length ? `${prefix}controlnet_down_blocks.${i}` : `${prefix}controlnet_mid_block`;
    const residual = conv(b, value, name, channels, channels, { kernel: 1 });
    const pooled = config.globalPoolConditions ? averagePool(b, residual) : residual;
    return b.op('Mul', [pooled, b.op('Unsqueeze', [scaleOf[i]!, b.ints(b.sideAxes)])]);
  });
}

function averagePool(b: GraphBuilder, x: Value): Value {
  return b.target.channelsLast
    ? b.op('ReduceMean', [x, b.ints(b.sideAxes)], { keepdims: 1 })
    : b.op('GlobalAveragePool', [x]);
}

/** ControlNetConditioningEmbedding: the picture at the latents' size, [B, block_out_channels[0], h, w]. */
function embedPicture(b: GraphBuilder, config: ControlNetConfig, picture: Value, prefix: string): Value {
  const { conditioningChannels, conditioningEmbeddingOutChannels: widths, channelOrder } = config;
  const name = `${prefix}controlnet_cond_embedding`;
  const ordered =
    channelOrder === 'rgb' ? picture : b.op('Gather', [picture, b.ints([2, 1, 0])], { axis: 1 });
  let x = activation(
    b,
    conv(b, b.enter(ordered), `${name}.conv_in`, conditioningChannels, widths[0]!),
    'silu',
  );
  for (let i = 0; i + 1 < widths.length; i++) {
    const [here, next] = [widths[i]!, widths[i + 1]!];
    x = activation(b, conv(b, x, `${name}.blocks.${2 * i}`, here, here), 'silu');
    const down = conv(b, x, `${name}.blocks.${2 * i + 1}`, here, next, { stride: 2, pads: [1, 1, 1, 1] });
    x = activation(b, down, 'silu');
  }
  return conv(b, x, `${name}.conv_out`, widths.at(-1)!, config.blockOutChannels[0]!);
}
