/**
 * An autoencoder in the layout of latent-diffusion (github.com/CompVis/latent-diffusion diffusionmodules/model.py), inside a
 * checkpoint or as a file of its own. Names as diffusers' convert_ldm_vae_checkpoint gives them, the config from the shapes.
 */
import type { StoredTensor } from '../../graph/component.ts';
import { known, numbersBehind, sideOf, type Tensors, under } from './tensors.ts';
import { lacking } from './whole.ts';

interface LdmVae {
  readonly tensors: Tensors;
  /** AutoencoderKL's, without the numbers that relate its latents to the denoiser's. */
  readonly config: Readonly<Record<string, unknown>>;
}

const ATTENTION: Readonly<Record<string, string>> = {
  norm: 'group_norm',
  q: 'to_q',
  k: 'to_k',
  v: 'to_v',
  proj_out: 'to_out.0',
};

/** Whether tensors, without any prefix, are an autoencoder in this layout or in diffusers'. */
export const isVae = (tensors: Tensors): boolean =>
  tensors.has('decoder.conv_in.weight') &&
  (tensors.has('decoder.mid.block_1.conv1.weight') ||
    tensors.has('decoder.mid_block.resnets.0.conv1.weight'));

/** What an autoencoder lacks, in the names of its own layout. */
export function lackingVae(tensors: Tensors): string[] {
  const isOriginal = tensors.has('decoder.mid.block_1.conv1.weight');
  const [middle, norm] = isOriginal ? ['mid', 'norm_out'] : ['mid_block', 'conv_norm_out'];
  const of = (half: string, levels: string) => ({
    names: ['conv_in', middle, norm, 'conv_out'].map((layer) => `${half}.${layer}.`),
    blocks: [`${half}.${levels}${isOriginal ? '' : '_blocks'}.`],
  });
  const [encoder, decoder] = [of('encoder', 'down'), of('decoder', 'up')];
  return [...lacking(tensors, encoder), ...lacking(tensors, decoder)];
}

/** An autoencoder with this many latent channels in a file of its own. */
export function readLoneVae(tensors: Tensors, channels: number): LdmVae | undefined {
  const part = [tensors, under(tensors, 'first_stage_model.'), under(tensors, 'vae.')].find(isVae);
  const found = part && readLdmVae(part);
  return found?.config['latent_channels'] === channels ? found : undefined;
}

/** @param tensors without the prefix first_stage_model. */
export function readLdmVae(tensors: Tensors): LdmVae {
  const levels = numbersBehind(tensors.keys(), 'decoder.up.').length;
  const found = new Map<string, StoredTensor>();
  for (const [name, stored] of tensors) {
    if (!/^((encoder|decoder|quant_conv|post_quant_conv)\.|bn\.running_(mean|var)$)/.test(name)) continue;
    const current = currentName(name, levels);
    found.set(current, /\.attentions\.0\.to_/.test(current) ? asMatrix(stored) : stored);
  }
  const blocks = numbersBehind(found.keys(), 'decoder.up_blocks.');
  const channels = (side: string) =>
    blocks.map((block) => sideOf(found, `${side}_blocks.${block}.resnets.0.conv1.weight`, 0) ?? 0);
  const decoder = channels('decoder.up').toReversed();
  const encoder = channels('encoder.down');
  // A file can lack the encoder, and FLUX.2's smaller decoder has channels of its own.
  const isSame = encoder.includes(0) || encoder.every((count, i) => count === decoder[i]);
  const layers = numbersBehind(found.keys(), 'decoder.up_blocks.0.resnets.').length - 1;
  return {
    tensors: found,
    config: known({
      in_channels: sideOf(found, 'encoder.conv_in.weight', 1),
      out_channels: sideOf(found, 'decoder.conv_out.weight', 0),
      latent_channels: sideOf(found, 'decoder.conv_in.weight', 1),
      block_out_channels: isSame ? decoder : encoder,
      ...(!isSame && { decoder_block_out_channels: decoder }),
      layers_per_block: Math.max(1, layers),
      down_block_types: blocks.map(() => 'DownEncoderBlock2D'),
      up_block_types: blocks.map(() => 'UpDecoderBlock2D'),
      mid_block_add_attention: found.has('decoder.mid_block.attentions.0.group_norm.weight'),
      use_quant_conv: found.has('quant_conv.weight'),
      use_post_quant_conv: found.has('post_quant_conv.weight'),
    }),
  };
}

/** Levels are numbered from the finest; diffusers counts the decoder's in the order they run. */
function currentName(name: string, levels: number): string {
  return name
    .replace(/^encoder\.down\.(\d+)\.block\.(\d+)\./, 'encoder.down_blocks.$1.resnets.$2.')
    .replace(/^encoder\.down\.(\d+)\.downsample\./, 'encoder.down_blocks.$1.downsamplers.0.')
    .replace(
      /^decoder\.up\.(\d+)\.(block\.(\d+)|upsample)\./,
      (_, level: string, part: string, layer: string | undefined) =>
        `decoder.up_blocks.${levels - 1 - Number(level)}.${part === 'upsample' ? 'upsamplers.0' : `resnets.${layer}`}.`,
    )
    .replace(/\.mid\.block_(\d+)\./, (_, number: string) => `.mid_block.resnets.${Number(number) - 1}.`)
    .replace(
      /\.mid\.attn_1\.(norm|q|k|v|proj_out)\./,
      (_, part: string) => `.mid_block.attentions.0.${ATTENTION[part]}.`,
    )
    .replace(/\.nin_shortcut\./, '.conv_shortcut.')
    .replace(/^(encoder|decoder)\.norm_out\./, '$1.conv_norm_out.')
    .replace(/^(encoder\.(?=quant_conv\.)|decoder\.(?=post_quant_conv\.))/, '');
}

/** A convolution of 1x1 is a matrix. */
function asMatrix(stored: StoredTensor): StoredTensor {
  const { shape } = stored;
  return shape.length > 2 && shape.slice(2).every((side) => side === 1)
    ? { ...stored, shape: shape.slice(0, 2) }
    : stored;
}
