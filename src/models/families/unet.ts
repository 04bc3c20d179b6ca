/** The UNet that Stable Diffusion 1, 2 and XL share: read, built, and given its conditions. */
import { DarkroomError } from '../../errors.ts';
import type { Component } from '../../graph/component.ts';
import { checkControlNet, readControlNetConfig, residualCount } from '../../graph/controlnet.ts';
import { readUnetConfig, type UnetConfig, unetGraph } from '../../graph/unet.ts';
import type { Feeds, Tensor } from '../../tensor.ts';
import type { ModelSource } from '../source.ts';
import type { Denoiser, FamilyField, PassConditions } from './family.ts';
import { originalUnetNames } from './original-names.ts';
import type { ClipPart } from './text-encoders.ts';

interface Unet extends Denoiser {
  readonly config: UnetConfig;
}

/**
 * @param conditioning what the family adds to the text that the UNet attends to
 * @throws DarkroomError('bad_model' | 'unsupported') naming file, key and value
 */
export async function openUnet(
  files: ModelSource,
  conditioning: (pass: PassConditions) => Feeds = () => ({}),
): Promise<Unet> {
  const component = await files.component('unet', 'diffusion_pytorch_model');
  const config = readUnetConfig(component);
  const { inChannels, outChannels, timeCondProjDim } = config;
  return {
    config,
    component,
    label: 'UNet',
    base: unetBase(component.config),
    inChannels,
    outChannels,
    patchSize: 1,
    takesInt8: true,
    names: { sample: 'sample', output: 'out_sample' },
    graph: (controlNets, target, changed = component) => unetGraph(changed, controlNets, target),
    originalNames: (module) =>
      originalUnetNames(
        module,
        config.layersPerBlock,
        (block) => config.upBlockTypes[block] === 'CrossAttnUpBlock2D',
      ),
    conditioning: (pass) => ({
      encoder_hidden_states: pass.prompt.context,
      ...(timeCondProjDim !== undefined && {
        timestep_cond: guidanceEmbedding(pass.request.guidanceScale, timeCondProjDim),
      }),
      ...conditioning(pass),
    }),
    controlNets: {
      fits: (base) => base === unetBase(component.config),
      complete: (net) => ({ ...net, config: { ...net.config, ...sharedConfig(config, net) } }),
      read(net) {
        const netConfig = readControlNetConfig(net);
        checkControlNet(netConfig, config, net);
        return { residuals: residualCount(netConfig), pools: netConfig.globalPoolConditions };
      },
    },
  };
}

/** Width of what the UNet of Stable Diffusion 2 attends to, whose text encoder is open_clip's ViT-H; of 1 it is CLIP-L. */
const CONTEXT = { sd1: 768, sd2: 1024 };

/** By its width, and by the linear projections where the width is neither's. */
export const attendsAsSd2 = (width: unknown, isLinear: boolean): boolean =>
  width === CONTEXT.sd2 || (width !== CONTEXT.sd1 && isLinear);

/** Which of the models with this UNet it belongs to, as CheckpointTraits.base. @param config of a UNet or a ControlNet */
export function unetBase(config: Readonly<Record<string, unknown>>): string {
  if (config['addition_embed_type'] === 'text_time') return 'Stable Diffusion XL';
  const { cross_attention_dim: width, use_linear_projection: isLinear } = config;
  return attendsAsSd2(width, isLinear === true) ? 'Stable Diffusion 2' : 'Stable Diffusion 1';
}

/** What a ControlNet has from the UNet that it was copied from, and the shapes in its file do not tell. */
function sharedConfig(unet: UnetConfig, { config }: Component): Record<string, unknown> {
  const blocks = config['block_out_channels'] as readonly number[];
  return {
    attention_head_dim: blocks.map((_, i) => unet.heads[i] ?? unet.heads.at(-1)),
    norm_num_groups: unet.normNumGroups,
    norm_eps: unet.normEps,
    upcast_attention: unet.upcastAttention,
    flip_sin_to_cos: unet.flipSinToCos,
    freq_shift: unet.freqShift,
    downsample_padding: unet.downsamplePadding,
    mid_block_scale_factor: unet.midBlockScaleFactor,
    ...(unet.addition !== undefined &&
      config['addition_embed_type'] === 'text_time' && { addition_time_embed_dim: unet.addition.timeDim }),
  };
}

/** A guidance-distilled UNet takes the guidance scale as an input and needs no second half. */
export const isGuided = ({ config }: Unet, guidanceScale: number): boolean =>
  guidanceScale > 1 && config.timeCondProjDim === undefined;

/** A guidance-distilled UNet is told the guidance scale. */
export const guidanceField = ({ config }: Unet): FamilyField[] =>
  config.timeCondProjDim === undefined ? [] : ['guidanceScale'];

/** @throws DarkroomError('bad_model') where the states of the text encoders are not what the UNet attends to */
export function checkContext({ config }: Unet, clips: readonly ClipPart[]): void {
  const width = clips.reduce((sum, { hiddenSize }) => sum + hiddenSize, 0);
  if (width === config.crossAttentionDim) return;
  const whose =
    clips.length === 1 ? "The text encoder's hidden_size" : "The text encoders' hidden sizes, together";
  throw new DarkroomError(
    'bad_model',
    `${whose} (${width}) is not the UNet's cross_attention_dim (${config.crossAttentionDim}): the parts come from different models.`,
  );
}

/** @throws DarkroomError('bad_model') where SDXL's UNet stands in a folder of Stable Diffusion 1 or 2, or the other way round */
export function checkAddition({ config, component }: Unet, isExpected: boolean): void {
  const type = config.addition === undefined ? null : 'text_time';
  if ((type !== null) === isExpected) return;
  throw new DarkroomError(
    'bad_model',
    `${component.configFile}: addition_embed_type is ${JSON.stringify(type)}, which does not belong to this pipeline: the parts come from different models.`,
  );
}

const LONGEST_PERIOD = 10_000;

/**
 * The guidance scale w as a latent consistency model takes it (Luo et al. 2023, section 4.2): sinusoids of
 * 1000 (w - 1). Each step is rounded to float32, as the reference computes it.
 * @param channels time_cond_proj_dim, even
 * @returns [1, channels]
 */
function guidanceEmbedding(guidanceScale: number, channels: number): Tensor {
  const half = channels >> 1;
  const data = new Float32Array(channels);
  const scaled = Math.fround(Math.fround(guidanceScale - 1) * 1000);
  const step = Math.fround(Math.fround(Math.log(LONGEST_PERIOD)) / (half - 1));
  for (let i = 0; i < half; i++) {
    const angle = Math.fround(scaled * Math.fround(Math.exp(Math.fround(i * -step))));
    data[i] = Math.sin(angle);
    data[half + i] = Math.cos(angle);
  }
  return { data, dims: [1, channels] };
}
