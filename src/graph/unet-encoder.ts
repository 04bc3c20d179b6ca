/** The down blocks and the middle block of a UNet, which a ControlNet has as well, and the time embedding of both. */
import type { GraphBuilder, Value } from './builder.ts';
import { activation, conv, linear } from './layers.ts';
import { resnetBlock } from './resnet.ts';
import { embedder, sinusoids } from './timestep.ts';
import { spatialTransformer } from './transformer.ts';
import { type EncoderConfig, TIME_IDS } from './unet-config.ts';

/** A skip connection. */
export interface Skip {
  readonly value: Value;
  readonly channels: number;
}

/** The inputs of a denoiser beside the latents; UNet and ControlNets of one graph share them. */
export interface Conditioning {
  readonly timestep: Value;
  readonly context: Value;
  /** SDXL's pooled text and sizes. */
  readonly addition?: { readonly textEmbeds: Value; readonly timeIds: Value };
  /** The guidance of a distilled model, with its channels. */
  readonly timestepCond?: { readonly value: Value; readonly channels: number };
}

/**
 * The activated time embedding, [1 or B, time_embedding_dim].
 * @param sample the latents, whose batch it has where an operator asks for that
 * @param prefix of the weights' names
 */
export function timeEmbedding(
  b: GraphBuilder,
  config: EncoderConfig,
  { sample, timestep, addition, timestepCond }: Conditioning & { readonly sample: Value },
  prefix = '',
): Value {
  const { blockOutChannels, timeEmbeddingDim } = config;
  const channels = blockOutChannels[0]!;
  let waves = sinusoids(b, timestep, channels, config);
  if (timestepCond !== undefined) {
    const name = `${prefix}time_embedding.cond_proj`;
    const told = linear(b, timestepCond.value, name, timestepCond.channels, channels, {
      bias: false,
      precise: true,
    });
    waves = b.op('Add', [waves, told]);
  }
  let time = embedder(b, waves, `${prefix}time_embedding`, channels, timeEmbeddingDim);
  if (addition !== undefined && config.addition !== undefined) {
    const { textDim, timeDim } = config.addition;
    const flat = b.op('Reshape', [addition.timeIds, b.ints([-1])]);
    const sizes = sinusoids(b, flat, timeDim, config);
    const rows = b.op('Reshape', [sizes, b.ints([-1, TIME_IDS * timeDim])]);
    const joined = b.op('Concat', [addition.textEmbeds, rows], { axis: 1 });
    const added = embedder(
      b,
      joined,
      `${prefix}add_embedding`,
      textDim + TIME_IDS * timeDim,
      timeEmbeddingDim,
    );
    time = b.op('Add', [time, added]);
  }
  const active = activation(b, time, 'silu');
  if (!b.target.groupNorm) return active;
  // SkipGroupNorm does not repeat one row for the whole batch.
  const batch = b.op('Shape', [sample], { start: 0, end: 1 });
  return b.op('Expand', [active, b.op('Concat', [batch, b.ints([1])], { axis: 0 })]);
}

/** Blocks over one time embedding and one context. */
export class UnetEncoder {
  protected readonly b: GraphBuilder;
  protected readonly config: EncoderConfig;
  readonly #time: Value;
  readonly #context: Value;
  readonly #prefix: string;

  constructor(b: GraphBuilder, config: EncoderConfig, time: Value, context: Value, prefix = '') {
    this.b = b;
    this.config = config;
    this.#time = time;
    this.#context = context;
    this.#prefix = prefix;
  }

  /** @returns the deepest features, and a skip connection for each step of the way, the first one's input among them */
  descend(first: Value): { x: Value; skips: Skip[] } {
    const { blockOutChannels } = this.config;
    const skips: Skip[] = [{ value: first, channels: blockOutChannels[0]! }];
    let x = first;
    for (const block of blockOutChannels.keys()) x = this.#down(x, block, skips);
    return { x: this.#middle(x), skips };
  }

  #down(input: Value, block: number, skips: Skip[]): Value {
    const { blockOutChannels, downBlockTypes, layersPerBlock, transformerLayers, downsamplePadding } =
      this.config;
    const channels = blockOutChannels[block]!;
    const name = `down_blocks.${block}`;
    let x = input;
    for (let i = 0; i < layersPerBlock[block]!; i++) {
      const inputs = i === 0 ? (blockOutChannels[block - 1] ?? blockOutChannels[0]!) : channels;
      x = this.resnet(x, `${name}.resnets.${i}`, inputs, channels);
      if (downBlockTypes[block] === 'CrossAttnDownBlock2D')
        x = this.transformer(x, `${name}.attentions.${i}`, block, transformerLayers[block]![i]!);
      skips.push({ value: x, channels });
    }
    if (block === blockOutChannels.length - 1) return x;
    // Padding 0 stands for one row and column of zeros at the far sides (diffusers models/downsampling.py).
    const p = downsamplePadding;
    x = conv(this.b, x, `${this.#prefix}${name}.downsamplers.0.conv`, channels, channels, {
      stride: 2,
      pads: p === 0 ? [0, 0, 1, 1] : [p, p, p, p],
    });
    skips.push({ value: x, channels });
    return x;
  }

  #middle(input: Value): Value {
    const { blockOutChannels, midBlockType, midBlockScaleFactor, transformerLayers } = this.config;
    if (midBlockType === null) return input;
    const last = blockOutChannels.length - 1;
    const channels = blockOutChannels[last]!;
    const resnet = (x: Value, i: number) =>
      this.resnet(x, `mid_block.resnets.${i}`, channels, channels, midBlockScaleFactor);
    const first = resnet(input, 0);
    if (midBlockType === 'UNetMidBlock2D') return first;
    // diffusers takes the last block's layers, and of a list for each layer the first.
    const layers = transformerLayers[last]![0]!;
    return resnet(this.transformer(first, 'mid_block.attentions.0', last, layers, false), 1);
  }

  protected resnet(x: Value, name: string, inputs: number, outputs: number, outputScale = 1): Value {
    const { normNumGroups, normEps, timeEmbeddingDim } = this.config;
    return resnetBlock(this.b, x, this.#prefix + name, {
      inputs,
      outputs,
      groups: normNumGroups,
      epsilon: normEps,
      time: { value: this.#time, channels: timeEmbeddingDim },
      outputScale,
    });
  }

  protected transformer(x: Value, name: string, block: number, layers: number, mayCrossOnly = true): Value {
    const config = this.config;
    return spatialTransformer(this.b, x, this.#context, this.#prefix + name, {
      channels: config.blockOutChannels[block]!,
      contextChannels: config.crossAttentionDim,
      heads: config.heads[block]!,
      layers,
      groups: config.normNumGroups,
      linearProjection: config.useLinearProjection,
      upcastAttention: config.upcastAttention,
      // Each further level has a quarter of the positions.
      long: block < 2,
      onlyCrossAttention: mayCrossOnly && config.onlyCrossAttention[block]!,
    });
  }
}
