/** Which family a LoRA was made for, for the sentence that refuses it on another one. */
import type { LoraFile } from './file.ts';

/** By what training scripts write into the header: `modelspec.architecture` and `ss_base_model_version`. */
const BY_METADATA: readonly (readonly [RegExp, string])[] = [
  [/^stable-diffusion-v1|^sd_v?1/i, 'Stable Diffusion 1'],
  [/^stable-diffusion-v2|^sd_v?2/i, 'Stable Diffusion 2'],
  [/^stable-diffusion-xl|^sdxl/i, 'Stable Diffusion XL'],
  [/^stable-diffusion-3|^stable-diffusion-v3|^sd_?3/i, 'Stable Diffusion 3'],
  // Musubi-tuner writes Flux.2-klein-4b, ai-toolkit flux2_klein_4b.
  [/^flux[-._]?2/i, 'FLUX.2'],
  [/^flux/i, 'FLUX.1'],
  [/^qwen/i, 'Qwen-Image'],
  [/^z-?image/i, 'Z-Image'],
  [/^lumina/i, 'Lumina 2'],
  [/^hunyuan/i, 'Hunyuan'],
  [/^wan/i, 'Wan'],
  [/^stable-cascade/i, 'Stable Cascade'],
];

/** What the last rows say of names that FLUX.1 and FLUX.2 share, and Stable Diffusion 3 in part. */
const FLUX = 'FLUX';
const SD3 = 'Stable Diffusion 3';

/** By names of layers that only one family has. */
const BY_NAMES: readonly (readonly [RegExp, string])[] = [
  [/stream_modulation|to_qkv_mlp_proj|[._]ff(?:_context)?[._]linear_(?:in|out)/, 'FLUX.2'],
  [
    /single_blocks[._]\d+[._]modulation|proj_mlp|(?:img|txt)_mod[._]lin|[._]norm1(?:_context)?[._]linear/,
    'FLUX.1',
  ],
  [/\.processor\.(?:qkv|proj)_lora[12]?\./, 'FLUX.1'],
  [/double_blocks[._]\d|single_blocks[._]\d|single_transformer_blocks[._]\d/, FLUX],
  [/(?:^|[._])layers[._]\d+[._]attention[._]/, 'Z-Image or Lumina 2'],
  [/transformer_blocks[._]\d+[._]img_m(?:od|lp)/, 'Qwen-Image'],
  [/joint_blocks[._]\d|transformer_blocks[._]\d+[._]attn[._]add_[qkv]_proj/, SD3],
  [/lora_te2_|text_encoder_2|input_blocks_[78]_1_transformer_blocks_[1-9]/, 'Stable Diffusion XL'],
];

/** Channels of the text that a UNet attends to. */
const BY_CONTEXT: ReadonlyMap<number, string> = new Map([
  [768, 'Stable Diffusion 1'],
  [1024, 'Stable Diffusion 2'],
  [2048, 'Stable Diffusion XL'],
]);

/** Families whose denoiser is a UNet. */
const UNETS: ReadonlySet<string> = new Set([...BY_CONTEXT.values(), 'Stable Cascade']);
/** Blocks of a UNet, in the names of diffusers and of the original. */
const UNET_BLOCK = /(?:^|[._])(?:down|up|mid|input|output|middle)_blocks?[._]/;

/**
 * The family whose model a LoRA was trained on. Metadata is believed as far as the tensors do not contradict it: it is copied
 * from file to file, and scripts write a default.
 * @returns undefined where nothing tells
 */
export function originOf({ tensors, metadata }: Pick<LoraFile, 'tensors' | 'metadata'>): string | undefined {
  const byContext = familyByContext(tensors);
  if (byContext !== undefined) return byContext;
  const names = [...tensors.keys()];
  const byNames = familyByNames(names, tensors);
  const stated = familyByMetadata(metadata);
  if (stated === undefined) return byNames;
  const hasUnetBlocks = names.some((name) => UNET_BLOCK.test(name));
  const hasOtherBlocks = !hasUnetBlocks && byNames !== undefined && !UNETS.has(byNames);
  return (hasUnetBlocks && !UNETS.has(stated)) || (hasOtherBlocks && UNETS.has(stated)) ? byNames : stated;
}

function familyByMetadata(metadata: LoraFile['metadata']): string | undefined {
  for (const key of ['modelspec.architecture', 'ss_base_model_version']) {
    const value = metadata.get(key)?.slice(0, 100) ?? '';
    const found = BY_METADATA.find(([pattern]) => pattern.test(value));
    if (found !== undefined) return found[1];
  }
  return undefined;
}

function familyByContext(tensors: LoraFile['tensors']): string | undefined {
  for (const [name, { shape }] of tensors) {
    const isContext = /attn2[._](?:processor\.)?to_[kv].*(?:down|lora_A)/.test(name);
    const found = isContext ? BY_CONTEXT.get(shape[1] ?? 0) : undefined;
    if (found !== undefined) return found;
  }
  return undefined;
}

function familyByNames(names: readonly string[], tensors: LoraFile['tensors']): string | undefined {
  const found = BY_NAMES.find(([pattern]) => names.some((name) => pattern.test(name)))?.[1];
  if (found === FLUX || (found === SD3 && isAsWideAsFlux(tensors))) return fluxByBlocks(names) ?? FLUX;
  return found;
}

/** Channels of FLUX.1 and FLUX.2 [klein] 4B and of 9B; Stable Diffusion 3 has 1536 or 2432. */
const FLUX_WIDTHS: readonly (number | undefined)[] = [3072, 4096];

function isAsWideAsFlux(tensors: LoraFile['tensors']): boolean {
  const query = [...tensors].find(([name]) => /[._]add_[qkv]_proj\b.*(?:down|lora_A)/.test(name));
  return FLUX_WIDTHS.includes(query?.[1].shape[1]);
}

/** FLUX.1 has 19 double and 38 single blocks, FLUX.2 [dev] 8 and 48, [klein] 8 and 24 (9B), or 5 and 20 (4B). */
const FLUX2_BLOCKS = { double: 8, single: 24, klein4B: 5 };
const FLUX1_SINGLE_BLOCKS = 38;

/**
 * By the numbers of the blocks that are changed. All double blocks of klein 4B, no more and no fewer, are a klein's: a LoRA of
 * FLUX.1 that leaves blocks out picks others.
 * @returns undefined where they fit both
 */
function fluxByBlocks(names: readonly string[]): string | undefined {
  const numbers = (block: RegExp) => new Set(names.flatMap((name) => Number(block.exec(name)?.[1] ?? [])));
  const double = numbers(/(?:double_blocks|(?<!single_)transformer_blocks)[._](\d+)/);
  const lastDouble = Math.max(-1, ...double);
  const lastSingle = Math.max(-1, ...numbers(/single_(?:transformer_)?blocks[._](\d+)/));
  if (lastSingle >= FLUX1_SINGLE_BLOCKS) return 'FLUX.2';
  if (lastDouble >= FLUX2_BLOCKS.double) return 'FLUX.1';
  if (lastSingle >= FLUX2_BLOCKS.single) return undefined;
  return double.size === FLUX2_BLOCKS.klein4B && lastDouble === double.size - 1 ? 'FLUX.2' : undefined;
}
