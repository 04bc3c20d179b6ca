/** Stable Diffusion 1 and 2, and latent consistency models, as single files in latent-diffusion's layout. */

import type { Component } from '../../graph/component.ts';
import type { Beside } from '../checkpoint/beside.ts';
import { type ClipTraits, readClipText, readLoneClip, type TextEncoder } from '../checkpoint/clip-text.ts';
import {
  type CheckpointLayout,
  type CheckpointTraits,
  type MissingPart,
  partOf,
} from '../checkpoint/layout.ts';
import {
  findLdm,
  type LdmParts,
  ldmRefusal,
  missingVae,
  readUnetOf,
  readVaeOf,
  variantOf,
} from '../checkpoint/ldm.ts';
import { type Prediction, predictionOfSd2, readPrediction } from '../checkpoint/prediction.ts';
import { lcmScheduler, sd1Scheduler, sd2Scheduler } from '../checkpoint/schedulers.ts';
import type { Weights } from '../weights.ts';
import { attendsAsSd2 } from './unet.ts';

/** Stable Diffusion 2 leaves out the last of ViT-H's 24 layers. */
const SD2_LAYERS = 23;
const LATENT_SCALE = { scaling_factor: 0.18215 };

export const sdCheckpoint: CheckpointLayout = {
  words: ['predictionType', 'zeroTerminalSnr'],

  recognise(weights): CheckpointTraits | undefined {
    const ldm = findLdm(weights);
    if (ldm === undefined || ldm.unet.has('label_emb.0.0.weight')) return undefined;
    const variant = variantOf(ldm);
    const refusal = ldmRefusal(weights, ldm);
    return {
      base: isSd2(ldm) ? 'Stable Diffusion 2' : 'Stable Diffusion 1',
      ...(variant !== undefined && { variant }),
      ...(refusal !== undefined && { refusal }),
      hasVae: ldm.vae !== undefined,
      hasTextEncoders: ldm.texts[0] !== undefined,
    };
  },

  async prediction(weights, beside) {
    return (await predictionOf(weights, beside, findLdm(weights)!)).type;
  },

  async read(weights, beside) {
    const ldm = findLdm(weights)!;
    const second = isSd2(ldm);
    const isInpainting = variantOf(ldm) === 'inpainting';
    const prediction = await predictionOf(weights, beside, ldm);
    const isLarge = second && prediction.type === 'v_prediction';
    const unet = readUnetOf(weights, ldm, {
      traits: { heads: second ? (channels) => Math.max(1, Math.floor(channels / 64)) : () => 8 },
      sampleSize: isLarge ? 96 : 64,
      // As the hub's folders of the models that predict the velocity have it: their scores overflow float16.
      ...(isLarge && { upcastAttention: true }),
    });
    const isConsistency = unet.config['time_cond_proj_dim'] !== undefined;
    const components = new Map<string, Component>([['unet', unet]]);
    const missing: MissingPart[] = [];
    const text = ldm.texts[0];
    if (text === undefined) {
      const width = Number(unet.config['cross_attention_dim']);
      missing.push({
        part: 'text_encoder',
        what: second ? 'OpenCLIP ViT-H' : 'CLIP-L',
        read(tensors) {
          const lone = readLoneClip(tensors, width, clipTraits(second));
          return lone && withoutProjection(lone);
        },
      });
    } else {
      const own = withoutProjection(readClipText(text, clipTraits(second)));
      components.set('text_encoder', partOf(weights, 'text_encoder', own));
    }
    if (ldm.vae === undefined) missing.push(missingVae(LATENT_SCALE));
    else components.set('vae', readVaeOf(weights, ldm.vae, LATENT_SCALE));
    return {
      index: {
        _class_name: isConsistency
          ? 'LatentConsistencyModelPipeline'
          : `StableDiffusion${isInpainting ? 'Inpaint' : ''}Pipeline`,
        text_encoder: ['transformers', 'CLIPTextModel'],
        tokenizer: ['transformers', 'CLIPTokenizer'],
        unet: ['diffusers', 'UNet2DConditionModel'],
        vae: ['diffusers', 'AutoencoderKL'],
      },
      scheduler: isConsistency ? lcmScheduler : (second ? sd2Scheduler : sd1Scheduler)(prediction),
      components,
      tokenizers: new Map([['tokenizer', second ? '!' : '<|endoftext|>']]),
      missing,
    };
  },
};

/** The inpainting model of Stable Diffusion 2 predicts the noise. */
const predictionOf = (weights: Weights, beside: Beside, ldm: LdmParts): Promise<Prediction> =>
  readPrediction(
    weights,
    beside,
    isSd2(ldm) && variantOf(ldm) !== 'inpainting'
      ? () => predictionOfSd2(weights, ldm.unetPrefix)
      : undefined,
  );

function isSd2({ unet }: LdmParts): boolean {
  const find = (end: string) => [...unet].find(([name]) => name.endsWith(end))?.[1].shape;
  return attendsAsSd2(find('attn2.to_k.weight')?.[1], find('.proj_in.weight')?.length === 2);
}

const clipTraits = (second: boolean): ClipTraits => ({
  hiddenAct: second ? 'gelu' : 'quick_gelu',
  ...(second && { layers: SD2_LAYERS }),
});

/** The family reads no projection; it would be a tensor that its config gives no place to. */
function withoutProjection({ tensors, config }: TextEncoder): TextEncoder {
  const used = [...tensors].filter(([name]) => name !== 'text_projection.weight');
  return { tensors: new Map(used), config };
}
