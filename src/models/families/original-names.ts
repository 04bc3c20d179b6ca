/**
 * What the layers of diffusers' networks are called in the files of their authors, whose names many LoRA files use:
 * latent-diffusion's UNet (diffusers scripts/convert_diffusers_to_original_stable_diffusion.py, read the other way
 * round) and Stability's MMDiT (scripts/convert_sd3_to_diffusers.py).
 */
import type { OriginalName } from './family.ts';

const RESNET: Readonly<Record<string, string>> = {
  norm1: 'in_layers.0',
  conv1: 'in_layers.2',
  time_emb_proj: 'emb_layers.1',
  norm2: 'out_layers.0',
  conv2: 'out_layers.3',
  conv_shortcut: 'skip_connection',
};

const UNET: Readonly<Record<string, string>> = {
  'time_embedding.linear_1': 'time_embed.0',
  'time_embedding.linear_2': 'time_embed.2',
  'add_embedding.linear_1': 'label_emb.0.0',
  'add_embedding.linear_2': 'label_emb.0.2',
  conv_in: 'input_blocks.0.0',
  conv_norm_out: 'out.0',
  conv_out: 'out.2',
};

const UNET_LAYER =
  /^(?:(?<side>down|up)_blocks\.(?<block>\d+)|(?<middle>mid_block))\.(?<kind>resnets|attentions|downsamplers|upsamplers)\.(?<layer>\d+)\.(?<rest>.+)$/;

/**
 * @param module of the UNet in diffusers' names
 * @param layersPerBlock of each block on the way down
 * @param hasAttention whether the block of that number on the way up has transformers
 */
export function originalUnetNames(
  module: string,
  layersPerBlock: readonly number[],
  hasAttention: (upBlock: number) => boolean,
): OriginalName[] {
  if (Object.hasOwn(UNET, module)) return [{ name: UNET[module]! }];
  const groups = UNET_LAYER.exec(module)?.groups;
  if (groups === undefined) return [];
  const {
    side,
    middle,
    kind,
    rest: inner,
  } = groups as { side?: 'down' | 'up'; middle?: string; kind: string; rest: string };
  const [block, layer] = [Number(groups['block'] ?? 0), Number(groups['layer'])];
  const rest = kind === 'resnets' && Object.hasOwn(RESNET, inner) ? RESNET[inner]! : inner;
  if (middle !== undefined) {
    const place = kind === 'attentions' ? 1 : 2 * layer;
    return [{ name: `middle_block.${place}.${rest}` }];
  }
  const before = (counts: readonly number[]) =>
    counts.slice(0, block).reduce((sum, count) => sum + count + 1, 0);
  const within = kind === 'attentions' ? 1 : 0;
  if (side === 'down') {
    const first = 1 + before(layersPerBlock);
    if (kind !== 'downsamplers') return [{ name: `input_blocks.${first + layer}.${within}.${rest}` }];
    return [{ name: `input_blocks.${first + layersPerBlock[block]!}.0.${rest === 'conv' ? 'op' : rest}` }];
  }
  const upwards = layersPerBlock.toReversed();
  const first = before(upwards);
  if (kind !== 'upsamplers') return [{ name: `output_blocks.${first + layer}.${within}.${rest}` }];
  return [{ name: `output_blocks.${first + upwards[block]!}.${hasAttention(block) ? 2 : 1}.${rest}` }];
}

const MMDIT: Readonly<Record<string, string>> = {
  'pos_embed.proj': 'x_embedder.proj',
  context_embedder: 'context_embedder',
  'time_text_embed.timestep_embedder.linear_1': 't_embedder.mlp.0',
  'time_text_embed.timestep_embedder.linear_2': 't_embedder.mlp.2',
  'time_text_embed.text_embedder.linear_1': 'y_embedder.mlp.0',
  'time_text_embed.text_embedder.linear_2': 'y_embedder.mlp.2',
  proj_out: 'final_layer.linear',
};

/** By the module within a block. Queries, keys and values are one matrix there. */
const MMDIT_BLOCK: Readonly<Record<string, OriginalName>> = {
  'norm1.linear': { name: 'x_block.adaLN_modulation.1' },
  'norm1_context.linear': { name: 'context_block.adaLN_modulation.1' },
  'attn.norm_q': { name: 'x_block.attn.ln_q' },
  'attn.norm_k': { name: 'x_block.attn.ln_k' },
  'attn.norm_added_q': { name: 'context_block.attn.ln_q' },
  'attn.norm_added_k': { name: 'context_block.attn.ln_k' },
  'attn.to_out.0': { name: 'x_block.attn.proj' },
  'attn.to_add_out': { name: 'context_block.attn.proj' },
  'attn2.to_out.0': { name: 'x_block.attn2.proj' },
  'attn2.norm_q': { name: 'x_block.attn2.ln_q' },
  'attn2.norm_k': { name: 'x_block.attn2.ln_k' },
  'ff.net.0.proj': { name: 'x_block.mlp.fc1' },
  'ff.net.2': { name: 'x_block.mlp.fc2' },
  'ff_context.net.0.proj': { name: 'context_block.mlp.fc1' },
  'ff_context.net.2': { name: 'context_block.mlp.fc2' },
  ...Object.fromEntries(
    ['q', 'k', 'v'].flatMap((letter, index) => {
      const rows = { index, of: 3 };
      return [
        [`attn.to_${letter}`, { name: 'x_block.attn.qkv', rows }],
        [`attn.add_${letter}_proj`, { name: 'context_block.attn.qkv', rows }],
        [`attn2.to_${letter}`, { name: 'x_block.attn2.qkv', rows }],
      ];
    }),
  ),
};

/** @param layers of the transformer: the last one's modulation of the text has its halves in another order there */
export function originalMmditNames(module: string, layers: number): OriginalName[] {
  if (Object.hasOwn(MMDIT, module)) return [{ name: MMDIT[module]! }];
  const swapped = { halvesSwapped: true } as const;
  if (module === 'norm_out.linear') return [{ name: 'final_layer.adaLN_modulation.1', ...swapped }];
  const [, block, inner] = /^transformer_blocks\.(\d+)\.(.+)$/.exec(module) ?? [];
  if (block === undefined || inner === undefined || !Object.hasOwn(MMDIT_BLOCK, inner)) return [];
  const { name, rows } = MMDIT_BLOCK[inner]!;
  const isLast = Number(block) === layers - 1 && inner === 'norm1_context.linear';
  return [{ name: `joint_blocks.${block}.${name}`, ...(rows && { rows }), ...(isLast && swapped) }];
}

/** All modules of such a transformer, with their places; a file need not have all of them. */
export function* mmditModules(layers: number): Generator<readonly [module: string, original: OriginalName]> {
  const blocks = Array.from({ length: layers }, (_, i) =>
    Object.keys(MMDIT_BLOCK).map((inner) => `transformer_blocks.${i}.${inner}`),
  );
  for (const module of [...Object.keys(MMDIT), 'norm_out.linear', ...blocks.flat()]) {
    for (const original of originalMmditNames(module, layers)) yield [module, original];
  }
}
