/** Z-Image as single files in its authors' layout, with fused queries, keys and values, as ComfyUI splits or joins them. */
import { collected, findTransformer, findVae, fluxVae, textEncoder } from '../checkpoint/flow-parts.ts';
import { type CheckpointLayout, partOf } from '../checkpoint/layout.ts';
import { fromOriginal } from '../checkpoint/original.ts';
import { isQwenText, readQwenText } from '../checkpoint/qwen-text.ts';
import { zImageScheduler } from '../checkpoint/schedulers.ts';
import { known, numbersBehind, sideOf, type Tensors, under } from '../checkpoint/tensors.ts';
import { lacking, requireWhole } from '../checkpoint/whole.ts';
import type { Weights } from '../weights.ts';
import { zImageModules } from './original-z-image-names.ts';

const KEYS = ['noise_refiner.0.attention.qkv.weight', 'layers.0.attention.qkv.weight'];
const NEEDS = {
  names: ['x_embedder.', 'cap_embedder.1.', 't_embedder.mlp.0.', 'final_layer.linear.'],
  blocks: ['noise_refiner.', 'context_refiner.', 'layers.'],
};
const TEXT_PREFIXES = ['text_encoders.qwen3_4b.transformer.', 'text_encoders.qwen3_4b.'];
const PATCH_AREA = 4;
/** Beside modules, which all have a weight. */
const PADDING = ['x_pad_token', 'cap_pad_token'];

export const zImageCheckpoint: CheckpointLayout = {
  words: ['shift'],

  recognise(weights) {
    const transformer = find(weights);
    if (transformer === undefined) return undefined;
    const isOmni = [...transformer.keys()].some((name) => name.startsWith('siglip_'));
    return {
      base: 'Z-Image',
      ...(isOmni && {
        refusal: `${weights.label} is a Z-Image that reads pictures, which this version of Darkroom does not run.`,
      }),
      hasVae: findVae(weights) !== undefined,
      hasTextEncoders: TEXT_PREFIXES.some((prefix) => isQwenText(under(weights.tensors, prefix))),
    };
  },

  async prediction() {
    return 'flow';
  },

  async read(weights, { shift }) {
    const original = find(weights)!;
    requireWhole(weights.label, 'transformer', lacking(original, NEEDS));
    const width = sideOf(original, 'cap_embedder.1.weight', 1);
    const { components, missing } = collected({
      transformer: { component: partOf(weights, 'transformer', readTransformer(original)) },
      text_encoder: textEncoder(weights, {
        part: 'text_encoder',
        what: 'the text encoder Qwen3-4B',
        source: 'Comfy-Org/z_image_turbo/blob/main/split_files/text_encoders/qwen_3_4b.safetensors',
        prefixes: TEXT_PREFIXES,
        read(tensors) {
          const found = isQwenText(tensors) ? readQwenText(tensors) : undefined;
          return found?.config['hidden_size'] === width ? found : undefined;
        },
      }),
      vae: fluxVae(weights),
    });
    return {
      index: {
        _class_name: 'ZImagePipeline',
        text_encoder: ['transformers', 'Qwen3Model'],
        tokenizer: ['transformers', 'Qwen2Tokenizer'],
        transformer: ['diffusers', 'ZImageTransformer2DModel'],
        vae: ['diffusers', 'AutoencoderKL'],
      },
      scheduler: zImageScheduler(shift),
      components,
      tokenizers: new Map(),
      missing,
    };
  },
};

const MODULATED = ['layers', 'noise_refiner'];

/** Lumina 2 has the same blocks, and its modulation behind a SiLU. */
function find(weights: Weights): Tensors | undefined {
  const found = findTransformer(weights, KEYS);
  const isOwn = MODULATED.some((block) => found?.has(`${block}.0.adaLN_modulation.0.weight`));
  return isOwn ? found : undefined;
}

function readTransformer(original: Tensors): { tensors: Tensors; config: Record<string, unknown> } {
  const count = (group: string) => numbersBehind(original.keys(), `${group}.`).length;
  const tensors = fromOriginal(original, zImageModules(count));
  for (const name of PADDING) {
    const stored = original.get(name);
    if (stored !== undefined) tensors.set(name, stored);
  }
  const dim = sideOf(original, 'x_embedder.weight', 0) ?? 0;
  const headChannels = sideOf(original, 'layers.0.attention.q_norm.weight', 0) ?? 128;
  const heads = Math.floor(dim / headChannels);
  const inputs = sideOf(original, 'x_embedder.weight', 1);
  return {
    tensors,
    config: known({
      in_channels: inputs === undefined ? undefined : Math.floor(inputs / PATCH_AREA),
      dim,
      n_layers: count('layers'),
      n_refiner_layers: count('noise_refiner'),
      n_heads: heads,
      n_kv_heads: heads,
      cap_feat_dim: sideOf(original, 'cap_embedder.1.weight', 1),
      // 32, 48 and 48 of 128.
      axes_dims: [2, 3, 3].map((share) => (share * headChannels) / 8),
      axes_lens: [1536, 512, 512],
    }),
  };
}
