/** Stable Diffusion XL as a single file in the layout of generative-models (github.com/Stability-AI/generative-models). */
import type { Component } from '../../graph/component.ts';
import { readClipText, readLoneClip } from '../checkpoint/clip-text.ts';
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
import { readPrediction } from '../checkpoint/prediction.ts';
import { playgroundScheduler, sdxlScheduler } from '../checkpoint/schedulers.ts';
import { sideOf } from '../checkpoint/tensors.ts';
import { readValues, type Weights } from '../weights.ts';

/** Widths of what the UNets attend to. */
const CONTEXT = { refiner: 1280, unclip: 1024 };
const WIDTHS = { l: 768, g: 1280 };
/** The projection of open_clip's ViT-bigG. */
const POOLED = 1280;

export const sdxlCheckpoint: CheckpointLayout = {
  words: ['predictionType', 'zeroTerminalSnr'],

  recognise(weights): CheckpointTraits | undefined {
    const ldm = findLdm(weights);
    if (ldm === undefined || !ldm.unet.has('label_emb.0.0.weight')) return undefined;
    const variant = weights.tensors.has('edm_mean') ? 'Playground 2.5' : variantOf(ldm);
    const refusal = refusalOf(weights, ldm);
    return {
      base: 'Stable Diffusion XL',
      ...(variant !== undefined && { variant }),
      ...(refusal !== undefined && { refusal }),
      hasVae: ldm.vae !== undefined,
      hasTextEncoders: ldm.texts.every((text) => text !== undefined),
    };
  },

  async prediction(weights, beside) {
    return weights.tensors.has('edm_mean') ? 'epsilon' : (await readPrediction(weights, beside)).type;
  },

  async read(weights, beside) {
    const ldm = findLdm(weights)!;
    const [first, second] = ldm.texts;
    const isInpainting = variantOf(ldm) === 'inpainting';
    const components = new Map<string, Component>();
    const missing: MissingPart[] = [];
    const texts = [
      ['text_encoder', 'CLIP-L', first, 'quick_gelu', WIDTHS.l],
      ['text_encoder_2', 'OpenCLIP ViT-bigG', second, 'gelu', WIDTHS.g],
    ] as const;
    for (const [part, what, tensors, hiddenAct, width] of texts) {
      if (tensors === undefined) {
        missing.push({
          part,
          what,
          read(of) {
            const lone = readLoneClip(of, width, { hiddenAct });
            return lone && withoutProjection(part, lone);
          },
        });
      } else
        components.set(
          part,
          partOf(weights, part, withoutProjection(part, readClipText(tensors, { hiddenAct }))),
        );
    }
    const projected = components.get('text_encoder_2')?.tensors;
    components.set(
      'unet',
      readUnetOf(weights, ldm, {
        traits: {
          heads: (channels) => Math.max(1, Math.floor(channels / 64)),
          pooledDim: (projected && sideOf(projected, 'text_projection.weight', 0)) ?? POOLED,
        },
        sampleSize: 128,
      }),
    );
    const playground = await readPlayground(weights);
    const scale = playground ?? { scaling_factor: 0.13025, force_upcast: true };
    if (ldm.vae === undefined) missing.push(missingVae(scale));
    else components.set('vae', readVaeOf(weights, ldm.vae, scale));
    return {
      index: {
        _class_name: `StableDiffusionXL${isInpainting ? 'Inpaint' : ''}Pipeline`,
        force_zeros_for_empty_prompt: true,
        text_encoder: ['transformers', 'CLIPTextModel'],
        text_encoder_2: ['transformers', 'CLIPTextModelWithProjection'],
        tokenizer: ['transformers', 'CLIPTokenizer'],
        tokenizer_2: ['transformers', 'CLIPTokenizer'],
        unet: ['diffusers', 'UNet2DConditionModel'],
        vae: ['diffusers', 'AutoencoderKL'],
      },
      scheduler:
        playground === undefined ? sdxlScheduler(await readPrediction(weights, beside)) : playgroundScheduler,
      components,
      tokenizers: new Map([
        ['tokenizer', '<|endoftext|>'],
        ['tokenizer_2', '!'],
      ]),
      missing,
    };
  },
};

/** The first encoder's summary of a prompt is not read. */
function withoutProjection(part: string, { tensors, config }: ReturnType<typeof readClipText>) {
  const used = [...tensors].filter(([name]) => part !== 'text_encoder' || name !== 'text_projection.weight');
  return { tensors: new Map(used), config };
}

function refusalOf(weights: Weights, ldm: LdmParts): string | undefined {
  const context = [...ldm.unet].find(([name]) => name.endsWith('attn2.to_k.weight'))?.[1].shape[1];
  const isRefiner = context === CONTEXT.refiner || (ldm.texts[1] === undefined && isOpenClipFirst(weights));
  if (isRefiner) {
    return `${weights.label} is SDXL's refiner. This version of Darkroom does not run refiners: use the base model.`;
  }
  if (context === CONTEXT.unclip) {
    return `${weights.label} is a Stable Diffusion 2 unCLIP model, which this version of Darkroom does not run.`;
  }
  return ldmRefusal(weights, ldm);
}

const isOpenClipFirst = ({ tensors }: Weights): boolean =>
  tensors.has('conditioner.embedders.0.model.positional_embedding');

/** Playground 2.5 says how its latents are spread. */
async function readPlayground({ tensors }: Weights): Promise<Readonly<Record<string, unknown>> | undefined> {
  const [mean, std] = [tensors.get('edm_mean'), tensors.get('edm_std')];
  if (mean === undefined || std === undefined) return undefined;
  return {
    scaling_factor: 0.5,
    force_upcast: true,
    latents_mean: [...(await readValues(mean))],
    latents_std: [...(await readValues(std))],
  };
}
