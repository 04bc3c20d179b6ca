/** FLUX.2 klein as single files in Black Forest Labs' layout (github.com/black-forest-labs/flux2), as ComfyUI splits or joins them. */
import { collected, findTransformer, findVae, flux2Vae, textEncoder } from '../checkpoint/flow-parts.ts';
import { type CheckpointLayout, partOf } from '../checkpoint/layout.ts';
import { fromOriginal } from '../checkpoint/original.ts';
import { isQwenText, readQwenText } from '../checkpoint/qwen-text.ts';
import { flux2Scheduler } from '../checkpoint/schedulers.ts';
import { known, numbersBehind, sideOf, type Tensors, under } from '../checkpoint/tensors.ts';
import { lacking, requireWhole } from '../checkpoint/whole.ts';
import { FLUX2_TEXT_LAYERS } from './flux2-layers.ts';
import { flux2Modules } from './original-flux2-names.ts';

const KEYS = ['single_stream_modulation.lin.weight', 'double_stream_modulation_img.lin.weight'];
const NEEDS = {
  names: [
    ...['img_in.', 'txt_in.', 'time_in.in_layer.', 'time_in.out_layer.', 'final_layer.linear.'],
    ...KEYS,
  ],
  blocks: ['double_blocks.', 'single_blocks.'],
};
/** Only FLUX.2 [dev] takes its guidance as an input. */
const GUIDANCE = 'guidance_in.in_layer.weight';
const TEXT_PREFIXES = ['qwen3_4b', 'qwen3_8b'].flatMap((name) => [
  `text_encoders.${name}.transformer.`,
  `text_encoders.${name}.`,
]);
/** Text encoders by their width; klein has two sizes. */
const QWENS = {
  4096: {
    what: 'the text encoder Qwen3-8B',
    source: 'Comfy-Org/flux2-klein-9B/blob/main/split_files/text_encoders/qwen_3_8b_fp8mixed.safetensors',
  },
  2560: {
    what: 'the text encoder Qwen3-4B',
    source: 'Comfy-Org/z_image_turbo/blob/main/split_files/text_encoders/qwen_3_4b.safetensors',
  },
} as const;

export const flux2Checkpoint: CheckpointLayout = {
  words: ['distilled'],

  recognise(weights) {
    const transformer = findTransformer(weights, KEYS);
    if (transformer === undefined) return undefined;
    return {
      base: 'FLUX.2 klein',
      ...(transformer.has(GUIDANCE) && {
        refusal: `${weights.label} is FLUX.2 [dev], which this version of Darkroom does not run; FLUX.2 [klein] works.`,
      }),
      hasVae: findVae(weights) !== undefined,
      hasTextEncoders: TEXT_PREFIXES.some((prefix) => isQwenText(under(weights.tensors, prefix))),
    };
  },

  async prediction() {
    return 'flow';
  },

  async read(weights, { distilled = true }) {
    const original = findTransformer(weights, KEYS)!;
    requireWhole(weights.label, 'transformer', lacking(original, NEEDS));
    const width = (sideOf(original, 'txt_in.weight', 1) ?? 0) / FLUX2_TEXT_LAYERS.length;
    const { components, missing } = collected({
      transformer: { component: partOf(weights, 'transformer', readTransformer(original)) },
      text_encoder: textEncoder(weights, {
        part: 'text_encoder',
        ...QWENS[width === 4096 ? 4096 : 2560],
        prefixes: TEXT_PREFIXES,
        read(tensors) {
          const found = isQwenText(tensors) ? readQwenText(tensors) : undefined;
          return found?.config['hidden_size'] === width ? found : undefined;
        },
      }),
      vae: flux2Vae(weights, (sideOf(original, 'img_in.weight', 1) ?? 0) / SQUARE),
    });
    return {
      index: {
        _class_name: 'Flux2KleinPipeline',
        is_distilled: distilled,
        text_encoder: ['transformers', 'Qwen3ForCausalLM'],
        tokenizer: ['transformers', 'Qwen2TokenizerFast'],
        transformer: ['diffusers', 'Flux2Transformer2DModel'],
        vae: ['diffusers', 'AutoencoderKLFlux2'],
      },
      scheduler: flux2Scheduler,
      components,
      tokenizers: new Map(),
      missing,
    };
  },
};

/** Latents of the VAE in one of the sampler's. */
const SQUARE = 4;
const AXES = 4;

function readTransformer(original: Tensors): { tensors: Tensors; config: Record<string, unknown> } {
  const layers = numbersBehind(original.keys(), 'double_blocks.').length;
  const singleLayers = numbersBehind(original.keys(), 'single_blocks.').length;
  const width = sideOf(original, 'img_in.weight', 0) ?? 0;
  const headChannels = sideOf(original, 'single_blocks.0.norm.query_norm.scale', 0) ?? 128;
  const inner = sideOf(original, 'double_blocks.0.img_mlp.2.weight', 1);
  return {
    tensors: fromOriginal(original, flux2Modules(layers, singleLayers)),
    config: known({
      in_channels: sideOf(original, 'img_in.weight', 1),
      num_layers: layers,
      num_single_layers: singleLayers,
      attention_head_dim: headChannels,
      num_attention_heads: Math.floor(width / headChannels),
      joint_attention_dim: sideOf(original, 'txt_in.weight', 1),
      timestep_guidance_channels: sideOf(original, 'time_in.in_layer.weight', 1),
      mlp_ratio: inner === undefined || width === 0 ? undefined : inner / width,
      axes_dims_rope: Array.from({ length: AXES }, () => headChannels / AXES),
      guidance_embeds: false,
    }),
  };
}
