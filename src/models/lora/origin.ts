/** Which family a LoRA was made for, for the sentence that refuses it on another one. */
import type { LoraFile } from './file.ts';

/** By what training scripts write into the header: `modelspec.architecture` and `ss_base_model_version`. */
const BY_METADATA: readonly (readonly [RegExp, string])[] = [
  [/^stable-diffusion-v1|^sd_v?1/i, 'Stable Diffusion 1'],
  [/^stable-diffusion-v2|^sd_v?2/i, 'Stable Diffusion 2'],
  [/^stable-diffusion-xl|^sdxl/i, 'Stable Diffusion XL'],
  [/^stable-diffusion-3|^stable-diffusion-v3|^sd_?3/i, 'Stable Diffusion 3'],
  [/^flux-?2/i, 'FLUX.2'],
  [/^flux/i, 'FLUX.1'],
  [/^qwen/i, 'Qwen-Image'],
  [/^z-?image/i, 'Z-Image'],
  [/^lumina/i, 'Lumina 2'],
  [/^hunyuan/i, 'Hunyuan'],
  [/^wan/i, 'Wan'],
  [/^stable-cascade/i, 'Stable Cascade'],
];

/** By names of layers that only one family has. */
const BY_NAMES: readonly (readonly [RegExp, string])[] = [
  [/stream_modulation|to_qkv_mlp_proj|[._]ff(?:_context)?[._]linear_(?:in|out)/, 'FLUX.2'],
  [
    /single_blocks[._]\d+[._]modulation|proj_mlp|(?:img|txt)_mod[._]lin|[._]norm1(?:_context)?[._]linear/,
    'FLUX.1',
  ],
  [/double_blocks[._]\d|single_blocks[._]\d|single_transformer_blocks[._]\d/, 'FLUX'],
  [/(?:^|[._])layers[._]\d+[._]attention[._]/, 'Z-Image or Lumina 2'],
  [/transformer_blocks[._]\d+[._]img_m(?:od|lp)/, 'Qwen-Image'],
  [/joint_blocks[._]\d|transformer_blocks[._]\d+[._]attn[._]add_[qkv]_proj/, 'Stable Diffusion 3'],
  [/lora_te2_|text_encoder_2|input_blocks_[78]_1_transformer_blocks_[1-9]/, 'Stable Diffusion XL'],
];

/** Channels of the text that a UNet attends to. */
const BY_CONTEXT: ReadonlyMap<number, string> = new Map([
  [768, 'Stable Diffusion 1'],
  [1024, 'Stable Diffusion 2'],
  [2048, 'Stable Diffusion XL'],
]);

export function originOf({ tensors, metadata }: Pick<LoraFile, 'tensors' | 'metadata'>): string | undefined {
  for (const key of ['modelspec.architecture', 'ss_base_model_version']) {
    const value = metadata.get(key)?.slice(0, 100) ?? '';
    const found = BY_METADATA.find(([pattern]) => pattern.test(value));
    if (found !== undefined) return found[1];
  }
  for (const [name, { shape }] of tensors) {
    const isContext = /attn2[._](?:processor\.)?to_[kv].*(?:down|lora_A)/.test(name);
    const found = isContext ? BY_CONTEXT.get(shape[1] ?? 0) : undefined;
    if (found !== undefined) return found;
  }
  const names = [...tensors.keys()];
  return BY_NAMES.find(([pattern]) => names.some((name) => pattern.test(name)))?.[1];
}
