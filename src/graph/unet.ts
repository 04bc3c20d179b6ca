/**
 * UNet2DConditionModel (diffusers models/unets/unet_2d_condition.py): predicts the noise (or v) in latents. SD 1.x,
 * 2.x, XL and models distilled from them, with any number of ControlNets in the same graph.
 */
import { GraphBuilder, type Value } from './builder.ts';
import type { Component, Graph, StoredTensor } from './component.ts';
import { checkControlNet, controlResiduals, readControlNetConfig, residualCount } from './controlnet.ts';
import { conv, upsample } from './layers.ts';
import { groupNorm } from './norms.ts';
import { PORTABLE, type Target } from './target.ts';
import { readUnetConfig, TIME_IDS, type UnetConfig } from './unet-config.ts';
import { type Conditioning, type Skip, timeEmbedding, UnetEncoder } from './unet-encoder.ts';

export { readUnetConfig, type UnetConfig } from './unet-config.ts';

/**
 * Inputs: `sample` [B, in_channels, h, w]; `timestep` float32 [1] or [B], 0..1000, fractions allowed;
 * `encoder_hidden_states` [B, S, cross_attention_dim]; SDXL: `text_embeds` [B, P] and `time_ids` [B, 6]; distilled
 * models: `timestep_cond` [1 or B, time_cond_proj_dim]; for each ControlNet i `controlnet_conds.{i}` [B, 3, H, W]
 * in 0..1 and `conditioning_scales.{i}` [B, residuals]. Output: `out_sample` [B, out_channels, h, w].
 * h and w are free: where halving leaves a remainder, the way up takes the sizes of the way down.
 * @throws DarkroomError for what is not carried out, and for a ControlNet of another family
 */
export function unetGraph(
  component: Component,
  controlNets: readonly Component[] = [],
  target: Target = PORTABLE,
): Graph {
  const config = readUnetConfig(component);
  const nets = controlNets.map((net) => readControlNetConfig(net));
  nets.forEach((net, i) => {
    checkControlNet(net, config, controlNets[i]!);
  });
  const b = new GraphBuilder('unet', component, target, withControlNets(component, controlNets));
  const sample = b.input('sample', 'float', ['batch', config.inChannels, 'height', 'width']);
  const conditioning = declareConditioning(b, config);
  const residuals = nets.map((net, i) => {
    const picture = b.input(`controlnet_conds.${i}`, 'float', [
      'batch',
      net.conditioningChannels,
      'picture_height',
      'picture_width',
    ]);
    const scales = b.input(`conditioning_scales.${i}`, 'float', ['batch', residualCount(net)]);
    const latents =
      net.inChannels === config.inChannels
        ? sample
        : b.op('Slice', [sample, b.ints([0]), b.ints([net.inChannels]), b.ints([1])]);
    return controlResiduals(b, net, { sample: latents, picture, scales, conditioning }, prefixOf(i));
  });
  const time = timeEmbedding(b, config, { ...conditioning, sample });
  const out = new Unet(b, config, time, conditioning.context).run(sample, residuals);
  b.output('out_sample', b.leave(out), ['batch', config.outChannels, 'height', 'width']);
  return b.finish();
}

const prefixOf = (net: number) => `controlnet.${net}.`;

function declareConditioning(b: GraphBuilder, config: UnetConfig): Conditioning {
  const { crossAttentionDim, addition, timeCondProjDim } = config;
  return {
    timestep: b.input('timestep', 'float', ['times']),
    context: b.narrow(b.input('encoder_hidden_states', 'float', ['batch', 'sequence', crossAttentionDim])),
    ...(addition !== undefined && {
      addition: {
        textEmbeds: b.narrow(b.input('text_embeds', 'float', ['batch', addition.textDim])),
        timeIds: b.input('time_ids', 'float', ['batch', TIME_IDS]),
      },
    }),
    ...(timeCondProjDim !== undefined && {
      timestepCond: {
        value: b.narrow(b.input('timestep_cond', 'float', ['guidances', timeCondProjDim])),
        channels: timeCondProjDim,
      },
    }),
  };
}

/** The weights of all nets under one roof, each ControlNet's behind its own prefix. */
function withControlNets(unet: Component, nets: readonly Component[]): ReadonlyMap<string, StoredTensor> {
  const all = new Map(unet.tensors);
  for (const [i, { tensors }] of nets.entries()) {
    for (const [name, stored] of tensors) all.set(`${prefixOf(i)}${name}`, stored);
  }
  return all;
}

class Unet extends UnetEncoder {
  readonly #config: UnetConfig;

  constructor(b: GraphBuilder, config: UnetConfig, time: Value, context: Value) {
    super(b, config, time, context);
    this.#config = config;
  }

  /** @param residuals of each ControlNet: one a skip connection, the middle's last */
  run(sample: Value, residuals: readonly (readonly Value[])[]): Value {
    const b = this.b;
    const { inChannels, outChannels, blockOutChannels, normNumGroups, normEps } = this.#config;
    const { centerInputSample, convInKernel, convOutKernel } = this.#config;
    const first = blockOutChannels[0]!;
    const centred = centerInputSample
      ? b.op('Sub', [b.op('Mul', [sample, b.floats([2], [])]), b.floats([1], [])])
      : sample;
    const descent = this.descend(
      conv(b, b.enter(centred), 'conv_in', inChannels, first, { kernel: convInKernel }),
    );
    const add = (value: Value, i: number) =>
      residuals.reduce((sum, of) => b.op('Add', [sum, of.at(i)!]), value);
    const skips = descent.skips.map(({ value, channels }, i) => ({ value: add(value, i), channels }));
    let x = add(descent.x, -1);
    for (const position of blockOutChannels.keys()) x = this.#up(x, position, skips);
    const norm = { channels: first, groups: normNumGroups, epsilon: normEps, silu: true };
    const normal = groupNorm(b, x, 'conv_norm_out', norm);
    return conv(b, normal, 'conv_out', first, outChannels, { kernel: convOutKernel });
  }

  /** @param position counts from the bottom, as the file does; block counts from the top */
  #up(input: Value, position: number, skips: Skip[]): Value {
    const { blockOutChannels, upBlockTypes, upTransformerLayers, layersPerBlock } = this.#config;
    const block = blockOutChannels.length - 1 - position;
    const channels = blockOutChannels[block]!;
    const name = `up_blocks.${position}`;
    let x = input;
    for (let i = 0; i <= layersPerBlock[block]!; i++) {
      const skip = skips.pop()!;
      const below = i === 0 ? (blockOutChannels[block + 1] ?? channels) : channels;
      const joined = this.b.op('Concat', [x, skip.value], { axis: this.b.channelAxis });
      x = this.resnet(joined, `${name}.resnets.${i}`, below + skip.channels, channels);
      if (upBlockTypes[position] === 'CrossAttnUpBlock2D')
        x = this.transformer(x, `${name}.attentions.${i}`, block, upTransformerLayers[position]![i]!);
    }
    if (block === 0) return x;
    const larger = upsample(this.b, x, skips.at(-1)!.value);
    return conv(this.b, larger, `${name}.upsamplers.0.conv`, channels, channels);
  }
}
