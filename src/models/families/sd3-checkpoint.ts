/** Stable Diffusion 3 and 3.5 as single files in Stability's layout (github.com/Stability-AI/sd3.5 sd3_impls.py, mmditx.py). */
import type { Component, StoredTensor } from '../../graph/component.ts';
import { isClipText, readClipText, readLoneClip, type TextEncoder } from '../checkpoint/clip-text.ts';
import { type CheckpointLayout, type MissingPart, partOf } from '../checkpoint/layout.ts';
import { missingVae, readVaeOf } from '../checkpoint/ldm.ts';
import { isVae } from '../checkpoint/ldm-vae.ts';
import { fromOriginal } from '../checkpoint/original.ts';
import { sd3Scheduler } from '../checkpoint/schedulers.ts';
import { isT5Text, readT5Text } from '../checkpoint/t5-text.ts';
import { known, numbersBehind, prefixOf, sideOf, type Tensors, under } from '../checkpoint/tensors.ts';
import { lacking, requireWhole } from '../checkpoint/whole.ts';
import type { Weights } from '../weights.ts';
import { mmditModules } from './original-names.ts';

const PREFIXES = ['model.diffusion_model.', '', 'model.', 'net.'];
/** A block of the transformer; the file may hold no more of it. */
const BLOCK = /^(.*?)joint_blocks\.\d+\.context_block\.attn\.qkv\.weight$/;
const NEEDS = {
  names: [
    ...['x_embedder.proj.', 'context_embedder.', 'y_embedder.mlp.0.', 't_embedder.mlp.0.', 'pos_embed'],
    'final_layer.linear.',
  ],
  blocks: ['joint_blocks.'],
};
const VAE_PREFIXES = ['first_stage_model.', 'vae.'];
const CLIPS = [
  ['text_encoder', 'CLIP-L', 'text_encoders.clip_l.transformer.', 'quick_gelu', 768],
  ['text_encoder_2', 'OpenCLIP ViT-bigG', 'text_encoders.clip_g.transformer.', 'gelu', 1280],
] as const;
const LATENT_SCALE = { scaling_factor: 1.5305, shift_factor: 0.0609, force_upcast: true };
const T5_PREFIX = 'text_encoders.t5xxl.transformer.';

export const sd3Checkpoint: CheckpointLayout = {
  words: [],

  recognise(weights) {
    const transformer = findTransformer(weights);
    if (transformer === undefined) return undefined;
    const isNormed = transformer.has('joint_blocks.0.x_block.attn.ln_q.weight');
    const layers = numbersBehind(transformer.keys(), 'joint_blocks.').length;
    const isDual = transformer.has('joint_blocks.0.x_block.attn2.qkv.weight');
    return {
      base: isNormed ? 'Stable Diffusion 3.5' : 'Stable Diffusion 3',
      ...(isNormed && { variant: isDual ? 'medium' : layers > 30 ? 'large' : `${layers} layers` }),
      hasVae: findVae(weights) !== undefined,
      hasTextEncoders: CLIPS.every(([, , prefix]) => isClipText(under(weights.tensors, prefix))),
    };
  },

  async prediction() {
    return 'flow';
  },

  async read(weights) {
    const components = new Map<string, Component>([['transformer', readTransformer(weights)]]);
    const missing: MissingPart[] = [];
    for (const [part, what, prefix, hiddenAct, width] of CLIPS) {
      const tensors = under(weights.tensors, prefix);
      if (isClipText(tensors)) {
        components.set(
          part,
          partOf(weights, part, projected(weights, part, readClipText(tensors, { hiddenAct }))),
        );
        continue;
      }
      missing.push({
        part,
        what,
        read(of) {
          const lone = readLoneClip(of, width, { hiddenAct });
          return lone && projected(weights, part, lone);
        },
      });
    }
    const t5 = under(weights.tensors, T5_PREFIX);
    const hasT5Weights = isT5Text(t5);
    if (hasT5Weights) components.set('text_encoder_3', partOf(weights, 'text_encoder_3', readT5Text(t5)));
    const vae = findVae(weights);
    if (vae === undefined) missing.push(missingVae(LATENT_SCALE, 16));
    else components.set('vae', readVaeOf(weights, vae, LATENT_SCALE));
    return {
      index: {
        _class_name: 'StableDiffusion3Pipeline',
        text_encoder: ['transformers', 'CLIPTextModelWithProjection'],
        text_encoder_2: ['transformers', 'CLIPTextModelWithProjection'],
        text_encoder_3: hasT5Weights ? ['transformers', 'T5EncoderModel'] : [null, null],
        tokenizer: ['transformers', 'CLIPTokenizer'],
        tokenizer_2: ['transformers', 'CLIPTokenizer'],
        tokenizer_3: hasT5Weights ? ['transformers', 'T5TokenizerFast'] : [null, null],
        transformer: ['diffusers', 'SD3Transformer2DModel'],
        vae: ['diffusers', 'AutoencoderKL'],
      },
      scheduler: sd3Scheduler,
      components,
      tokenizers: new Map([
        ['tokenizer', '<|endoftext|>'],
        ['tokenizer_2', '!'],
      ]),
      missing,
    };
  },
};

function findTransformer({ tensors }: Weights): Tensors | undefined {
  const prefix = prefixOf(tensors, PREFIXES, BLOCK);
  return prefix === undefined ? undefined : under(tensors, prefix);
}

const findVae = ({ tensors }: Weights): Tensors | undefined =>
  VAE_PREFIXES.map((prefix) => under(tensors, prefix)).find(isVae);

function readTransformer(weights: Weights): Component {
  const original = findTransformer(weights)!;
  requireWhole(weights.label, 'transformer', lacking(original, NEEDS));
  const layers = numbersBehind(original.keys(), 'joint_blocks.');
  const tensors = fromOriginal(original, mmditModules(layers.length));
  const positions = original.get('pos_embed');
  if (positions !== undefined) tensors.set('pos_embed.pos_embed', positions);
  const channels = sideOf(original, 'x_embedder.proj.weight', 0) ?? 0;
  const headChannels = sideOf(original, 'joint_blocks.0.x_block.attn.ln_q.weight', 0) ?? 64;
  const latents = sideOf(original, 'x_embedder.proj.weight', 1);
  const patch = sideOf(original, 'x_embedder.proj.weight', 2);
  const places = positions?.shape.at(-2);
  return partOf(weights, 'transformer', {
    tensors,
    config: known({
      sample_size: 128,
      patch_size: patch,
      in_channels: latents,
      out_channels: latents,
      num_layers: layers.length,
      attention_head_dim: headChannels,
      num_attention_heads: Math.floor(channels / headChannels),
      caption_projection_dim: sideOf(original, 'context_embedder.weight', 0),
      joint_attention_dim: sideOf(original, 'context_embedder.weight', 1),
      pooled_projection_dim: sideOf(original, 'y_embedder.mlp.0.weight', 1),
      pos_embed_max_size: places === undefined ? undefined : Math.round(Math.sqrt(places)),
      dual_attention_layers: layers.filter((i) => original.has(`joint_blocks.${i}.x_block.attn2.qkv.weight`)),
      qk_norm: original.has('joint_blocks.0.x_block.attn.ln_q.weight') ? 'rms_norm' : null,
    }),
  });
}

/**
 * The summary of CLIP-L is not projected in Stable Diffusion 3: whatever projection the file holds, diffusers puts the
 * identity in its place (convert_ldm_clip_checkpoint).
 */
function projected(weights: Weights, part: string, encoder: TextEncoder): TextEncoder {
  if (part !== 'text_encoder') return encoder;
  const { tensors, config } = encoder;
  const width = Number(config['hidden_size']);
  const identity: StoredTensor = {
    name: 'text_projection.weight',
    dtype: 'F32',
    shape: [width, width],
    file: weights.file,
    offset: 0,
    length: 0,
    decode: { identity: true },
  };
  return {
    tensors: new Map([...tensors, ['text_projection.weight', identity]]),
    config: { ...config, projection_dim: width },
  };
}
