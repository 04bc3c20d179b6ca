/** The parts of a checkpoint in latent-diffusion's layout, whichever program saved it: its UNet, VAE and text encoders. */
import type { Component, StoredTensor } from '../../graph/component.ts';
import type { Weights } from '../weights.ts';
import { isClipText } from './clip-text.ts';
import { type MissingPart, partOf } from './layout.ts';
import { lackingUnet, readLdmUnet, type UnetTraits } from './ldm-unet.ts';
import { isVae, lackingVae, readLdmVae, readLoneVae } from './ldm-vae.ts';
import { prefixOf, type Tensors, under } from './tensors.ts';
import { requireWhole } from './whole.ts';

export interface LdmParts {
  readonly unet: Tensors;
  readonly unetPrefix: string;
  readonly vae: Tensors | undefined;
  /** In the order of the family's encoders. */
  readonly texts: readonly (Tensors | undefined)[];
}

const UNET_PREFIXES = ['model.diffusion_model.', 'model.model.', 'diffusion_model.', 'net.', 'model.', ''];
const VAE_PREFIXES = ['first_stage_model.', 'vae.'];
/** Of the first and the second text encoder: latent-diffusion's, generative-models', and ComfyUI's own. */
const TEXT_PREFIXES: readonly (readonly string[])[] = [
  [
    'cond_stage_model.transformer.',
    'cond_stage_model.model.',
    'cond_stage_model.clip_l.transformer.',
    'cond_stage_model.clip_h.transformer.',
    'conditioner.embedders.0.transformer.',
    'conditioner.embedders.0.model.',
    'text_encoders.clip_l.transformer.',
  ],
  [
    'conditioner.embedders.1.model.',
    'conditioner.embedders.1.transformer.',
    'text_encoders.clip_g.transformer.',
  ],
];

/** A residual layer of a UNet; the file may hold no more of it. */
const BLOCK = /^(.*?)(?:in|out)put_blocks\.\d{1,3}\.0\.in_layers\.0\.weight$/;
const CONTROLNET = ['input_hint_block.0.weight', 'zero_convs.0.0.weight'];

/** undefined where the file holds no UNet in this layout. */
export function findLdm({ tensors }: Weights): LdmParts | undefined {
  const unetPrefix = prefixOf(tensors, UNET_PREFIXES, BLOCK);
  // A ControlNet is half a UNet.
  if (unetPrefix === undefined || CONTROLNET.some((name) => tensors.has(unetPrefix + name))) return undefined;
  const find = (prefixes: readonly string[], is: (part: Tensors) => boolean): Tensors | undefined =>
    prefixes.map((prefix) => under(tensors, prefix)).find(is);
  return {
    unet: under(tensors, unetPrefix),
    unetPrefix,
    vae: find(VAE_PREFIXES, isVae),
    texts: TEXT_PREFIXES.map((prefixes) => find(prefixes, isClipText)),
  };
}

/** undefined of a UNet that lacks its first layer. */
const channelsIn = ({ unet }: LdmParts): number | undefined => unet.get('input_blocks.0.0.weight')?.shape[1];

/** A UNet for inpainting takes latents, a mask and the latents of the masked picture. */
export const variantOf = (ldm: LdmParts): string | undefined =>
  channelsIn(ldm) === 9 ? 'inpainting' : undefined;

/** Why a UNet in this layout is not run, as a sentence. */
export function ldmRefusal({ label }: Weights, ldm: LdmParts): string | undefined {
  const channels = channelsIn(ldm);
  if (channels === undefined || channels === 4 || channels === 9) return undefined;
  const what =
    channels === 8
      ? 'an InstructPix2Pix model'
      : channels === 7
        ? 'the x4 upscaler of Stable Diffusion'
        : channels === 5
          ? 'a depth-to-image model'
          : `a UNet of ${channels} input channels`;
  return `${label} is ${what}, which this version of Darkroom does not run.`;
}

export function readUnetOf(
  weights: Weights,
  ldm: LdmParts,
  options: { readonly traits: UnetTraits; readonly sampleSize: number; readonly upcastAttention?: boolean },
): Component {
  requireWhole(weights.label, 'UNet', lackingUnet(ldm.unet));
  const { tensors, config } = readLdmUnet(ldm.unet, options.traits);
  return partOf(weights, 'unet', {
    tensors,
    config: {
      ...config,
      sample_size: options.sampleSize,
      ...(options.upcastAttention === true && { upcast_attention: true }),
    },
  });
}

/** @param scale how its latents relate to the denoiser's, which the weights do not tell */
export function readVaeOf(
  weights: Weights,
  vae: ReadonlyMap<string, StoredTensor>,
  scale: Readonly<Record<string, unknown>>,
): Component {
  requireWhole(weights.label, 'VAE', lackingVae(vae));
  const { tensors, config } = readLdmVae(vae);
  return partOf(weights, 'vae', { tensors, config: { ...config, ...scale } });
}

/** @param scale as of readVaeOf */
export const missingVae = (scale: Readonly<Record<string, unknown>>, channels = 4): MissingPart => ({
  part: 'vae',
  what: 'the VAE',
  read(tensors) {
    const found = readLoneVae(tensors, channels);
    return found && { tensors: found.tensors, config: { ...found.config, ...scale } };
  },
});
