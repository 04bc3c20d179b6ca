/** What the layers of diffusers' FLUX.1 transformer are called in Black Forest Labs' files (scripts/convert_flux_to_diffusers.py). */
import type { OriginalName } from './family.ts';
import {
  type BlockNames,
  DOUBLE_ATTENTION,
  originalBlockNames,
  SINGLE_NORMS,
} from './original-flux-blocks.ts';

const OUTER: Readonly<Record<string, string>> = {
  x_embedder: 'img_in',
  context_embedder: 'txt_in',
  'time_text_embed.timestep_embedder.linear_1': 'time_in.in_layer',
  'time_text_embed.timestep_embedder.linear_2': 'time_in.out_layer',
  'time_text_embed.guidance_embedder.linear_1': 'guidance_in.in_layer',
  'time_text_embed.guidance_embedder.linear_2': 'guidance_in.out_layer',
  'time_text_embed.text_embedder.linear_1': 'vector_in.in_layer',
  'time_text_embed.text_embedder.linear_2': 'vector_in.out_layer',
  proj_out: 'final_layer.linear',
};

const DOUBLE: BlockNames = {
  'norm1.linear': { name: 'img_mod.lin' },
  'norm1_context.linear': { name: 'txt_mod.lin' },
  ...DOUBLE_ATTENTION,
  'ff.net.0.proj': { name: 'img_mlp.0' },
  'ff.net.2': { name: 'img_mlp.2' },
  'ff_context.net.0.proj': { name: 'txt_mlp.0' },
  'ff_context.net.2': { name: 'txt_mlp.2' },
};

/** Queries, keys, values and the four times wider feed-forward are one matrix there. */
const SINGLE: BlockNames = {
  'norm.linear': { name: 'modulation.lin' },
  ...SINGLE_NORMS,
  'attn.to_q': { name: 'linear1', rows: { index: 0, of: 7 } },
  'attn.to_k': { name: 'linear1', rows: { index: 1, of: 7 } },
  'attn.to_v': { name: 'linear1', rows: { index: 2, of: 7 } },
  proj_mlp: { name: 'linear1', rows: { index: 3, of: 7, count: 4 } },
  proj_out: { name: 'linear2' },
};

function originalFluxNames(module: string): OriginalName[] {
  if (Object.hasOwn(OUTER, module)) return [{ name: OUTER[module]! }];
  if (module === 'norm_out.linear') {
    return [{ name: 'final_layer.adaLN_modulation.1', halvesSwapped: true }];
  }
  return originalBlockNames(module, DOUBLE, SINGLE);
}

/**
 * What XLabs' LoRAs call the attention of each block: its first LoRA is the picture's, its second the text's
 * (github.com/XLabs-AI/x-flux src/flux/modules/layers.py).
 */
const XLABS_DOUBLE: BlockNames = {
  'attn.to_out.0': { name: 'proj_lora1' },
  'attn.to_add_out': { name: 'proj_lora2' },
  ...Object.fromEntries(
    ['q', 'k', 'v'].flatMap((letter, index) => [
      [`attn.to_${letter}`, { name: 'qkv_lora1', rows: { index, of: 3 } }],
      [`attn.add_${letter}_proj`, { name: 'qkv_lora2', rows: { index, of: 3 } }],
    ]),
  ),
};
const XLABS_SINGLE: BlockNames = {
  'attn.to_q': { name: 'qkv', rows: { index: 0, of: 3 } },
  'attn.to_k': { name: 'qkv', rows: { index: 1, of: 3 } },
  'attn.to_v': { name: 'qkv', rows: { index: 2, of: 3 } },
  proj_out: { name: 'proj' },
};

/** The names of LoRAs: the authors' and XLabs'. */
export const fluxLoraNames = (module: string): OriginalName[] => [
  ...originalFluxNames(module),
  ...originalBlockNames(module, XLABS_DOUBLE, XLABS_SINGLE),
];

/** All modules of such a transformer, with their places; a file need not have all of them. */
export function* fluxModules(
  layers: number,
  singleLayers: number,
): Generator<readonly [module: string, original: OriginalName]> {
  const blocks = (prefix: string, count: number, table: Readonly<Record<string, unknown>>) =>
    Array.from({ length: count }, (_, i) =>
      Object.keys(table).map((inner) => `${prefix}transformer_blocks.${i}.${inner}`),
    ).flat();
  const modules = [
    ...[...Object.keys(OUTER), 'norm_out.linear'],
    ...[...blocks('', layers, DOUBLE), ...blocks('single_', singleLayers, SINGLE)],
  ];
  for (const module of modules) {
    for (const original of originalFluxNames(module)) yield [module, original];
  }
}
