/** FLUX.1 as single files in Black Forest Labs' layout (github.com/black-forest-labs/flux src/flux/model.py). */
import { isClipText, readLoneClip } from '../checkpoint/clip-text.ts';
import { collected, findTransformer, findVae, fluxVae, textEncoder } from '../checkpoint/flow-parts.ts';
import { type CheckpointLayout, partOf } from '../checkpoint/layout.ts';
import { fromOriginal } from '../checkpoint/original.ts';
import { fluxDevScheduler, fluxSchnellScheduler } from '../checkpoint/schedulers.ts';
import { isT5Text, readT5Text } from '../checkpoint/t5-text.ts';
import { known, numbersBehind, sideOf, type Tensors, under } from '../checkpoint/tensors.ts';
import { lacking, requireWhole } from '../checkpoint/whole.ts';
import type { Weights } from '../weights.ts';
import { fluxModules } from './original-flux-names.ts';

const KEYS = [0, 1].map((block) => `double_blocks.${block}.img_attn.qkv.weight`);
const NEEDS = {
  names: ['img_in.', 'txt_in.', 'time_in.in_layer.', 'time_in.out_layer.', 'final_layer.linear.'],
  blocks: ['double_blocks.', 'single_blocks.'],
};
/** Of other transformers with blocks of the same names: Chroma, FLUX.2. */
const OTHERS = ['distilled_guidance_layer.', 'single_stream_modulation.', 'double_stream_modulation_img.'];
const CLIP_PREFIX = 'text_encoders.clip_l.transformer.';
const T5_PREFIX = 'text_encoders.t5xxl.transformer.';
/** Channels that a token of latents has; others take a picture beside them. */
const TOKEN_CHANNELS = 64;
const VARIANTS: ReadonlyMap<number, string> = new Map([
  [384, 'FLUX.1 Fill'],
  [128, 'FLUX.1 Canny or Depth'],
]);

export const fluxCheckpoint: CheckpointLayout = {
  words: [],

  recognise(weights) {
    const transformer = find(weights);
    if (transformer === undefined) return undefined;
    const channels = sideOf(transformer, 'img_in.weight', 1) ?? TOKEN_CHANNELS;
    const variant = VARIANTS.get(channels) ?? `a FLUX.1 of ${channels} input channels`;
    return {
      base: 'FLUX.1',
      variant: isGuided(transformer) ? 'dev' : 'schnell',
      ...(channels !== TOKEN_CHANNELS && {
        refusal: `${weights.label} is ${variant}, which this version of Darkroom does not run.`,
      }),
      hasVae: findVae(weights) !== undefined,
      hasTextEncoders:
        isClipText(under(weights.tensors, CLIP_PREFIX)) && isT5Text(under(weights.tensors, T5_PREFIX)),
    };
  },

  async prediction() {
    return 'flow';
  },

  async read(weights) {
    const original = find(weights)!;
    requireWhole(weights.label, 'transformer', lacking(original, NEEDS));
    const clipWidth = sideOf(original, 'vector_in.in_layer.weight', 1) ?? 768;
    const t5Width = sideOf(original, 'txt_in.weight', 1) ?? 4096;
    const { components, missing } = collected({
      transformer: { component: partOf(weights, 'transformer', readTransformer(original)) },
      text_encoder: textEncoder(weights, {
        part: 'text_encoder',
        what: 'the text encoder CLIP-L',
        source: 'comfyanonymous/flux_text_encoders/blob/main/clip_l.safetensors',
        prefixes: [CLIP_PREFIX],
        read: (tensors) => readLoneClip(tensors, clipWidth, { hiddenAct: 'quick_gelu' }),
      }),
      text_encoder_2: textEncoder(weights, {
        part: 'text_encoder_2',
        what: 'the text encoder T5-XXL',
        source: 'comfyanonymous/flux_text_encoders/blob/main/t5xxl_fp8_e4m3fn_scaled.safetensors',
        prefixes: [T5_PREFIX],
        read(tensors) {
          const found = isT5Text(tensors) ? readT5Text(tensors) : undefined;
          return found?.config['d_model'] === t5Width ? found : undefined;
        },
      }),
      vae: fluxVae(weights),
    });
    return {
      index: {
        _class_name: 'FluxPipeline',
        text_encoder: ['transformers', 'CLIPTextModel'],
        text_encoder_2: ['transformers', 'T5EncoderModel'],
        tokenizer: ['transformers', 'CLIPTokenizer'],
        tokenizer_2: ['transformers', 'T5TokenizerFast'],
        transformer: ['diffusers', 'FluxTransformer2DModel'],
        vae: ['diffusers', 'AutoencoderKL'],
      },
      scheduler: isGuided(original) ? fluxDevScheduler : fluxSchnellScheduler,
      components,
      tokenizers: new Map([['tokenizer', '<|endoftext|>']]),
      missing,
    };
  },
};

function find(weights: Weights): Tensors | undefined {
  const found = findTransformer(weights, KEYS);
  if (found === undefined || !found.has('vector_in.in_layer.weight')) return undefined;
  const isOther = [...found.keys()].some((name) => OTHERS.some((prefix) => name.startsWith(prefix)));
  return isOther ? undefined : found;
}

/** The one that takes the guidance scale as an input is dev; schnell was distilled to a few steps without it. */
const isGuided = (transformer: Tensors): boolean => transformer.has('guidance_in.in_layer.weight');

function readTransformer(original: Tensors): { tensors: Tensors; config: Record<string, unknown> } {
  const layers = numbersBehind(original.keys(), 'double_blocks.').length;
  const singleLayers = numbersBehind(original.keys(), 'single_blocks.').length;
  const width = sideOf(original, 'img_in.weight', 0) ?? 0;
  const headChannels = sideOf(original, 'double_blocks.0.img_attn.norm.query_norm.scale', 0) ?? 128;
  return {
    tensors: fromOriginal(original, fluxModules(layers, singleLayers)),
    config: known({
      in_channels: sideOf(original, 'img_in.weight', 1),
      num_layers: layers,
      num_single_layers: singleLayers,
      attention_head_dim: headChannels,
      num_attention_heads: Math.floor(width / headChannels),
      joint_attention_dim: sideOf(original, 'txt_in.weight', 1),
      pooled_projection_dim: sideOf(original, 'vector_in.in_layer.weight', 1),
      guidance_embeds: isGuided(original),
      // 16, 56 and 56 of 128.
      axes_dims_rope: [2, 7, 7].map((share) => (share * headChannels) / 16),
    }),
  };
}
