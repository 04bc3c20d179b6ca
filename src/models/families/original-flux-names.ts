/** What the layers of diffusers' FLUX.1 transformer are called in Black Forest Labs' files (scripts/convert_flux_to_diffusers.py). */
import type { OriginalName } from './family.ts';

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

/** Queries, keys and values are one matrix there. */
const DOUBLE: Readonly<Record<string, OriginalName>> = {
  'norm1.linear': { name: 'img_mod.lin' },
  'norm1_context.linear': { name: 'txt_mod.lin' },
  'attn.norm_q': { name: 'img_attn.norm.query_norm' },
  'attn.norm_k': { name: 'img_attn.norm.key_norm' },
  'attn.norm_added_q': { name: 'txt_attn.norm.query_norm' },
  'attn.norm_added_k': { name: 'txt_attn.norm.key_norm' },
  'attn.to_out.0': { name: 'img_attn.proj' },
  'attn.to_add_out': { name: 'txt_attn.proj' },
  'ff.net.0.proj': { name: 'img_mlp.0' },
  'ff.net.2': { name: 'img_mlp.2' },
  'ff_context.net.0.proj': { name: 'txt_mlp.0' },
  'ff_context.net.2': { name: 'txt_mlp.2' },
  ...Object.fromEntries(
    ['q', 'k', 'v'].flatMap((letter, index) => [
      [`attn.to_${letter}`, { name: 'img_attn.qkv', rows: { index, of: 3 } }],
      [`attn.add_${letter}_proj`, { name: 'txt_attn.qkv', rows: { index, of: 3 } }],
    ]),
  ),
};

/** Queries, keys, values and the four times wider feed-forward are one matrix there. */
const SINGLE: Readonly<Record<string, OriginalName>> = {
  'norm.linear': { name: 'modulation.lin' },
  'attn.norm_q': { name: 'norm.query_norm' },
  'attn.norm_k': { name: 'norm.key_norm' },
  'attn.to_q': { name: 'linear1', rows: { index: 0, of: 7 } },
  'attn.to_k': { name: 'linear1', rows: { index: 1, of: 7 } },
  'attn.to_v': { name: 'linear1', rows: { index: 2, of: 7 } },
  proj_mlp: { name: 'linear1', rows: { index: 3, of: 7, count: 4 } },
  proj_out: { name: 'linear2' },
};

const BLOCK = /^(?<kind>single_)?transformer_blocks\.(?<number>\d+)\.(?<inner>.+)$/;

export function originalFluxNames(module: string): OriginalName[] {
  if (Object.hasOwn(OUTER, module)) return [{ name: OUTER[module]! }];
  if (module === 'norm_out.linear') {
    return [{ name: 'final_layer.adaLN_modulation.1', halvesSwapped: true }];
  }
  const groups = BLOCK.exec(module)?.groups;
  if (groups === undefined) return [];
  const { kind, number, inner } = groups as { kind?: string; number: string; inner: string };
  const [blocks, table] = kind === undefined ? ['double_blocks', DOUBLE] : ['single_blocks', SINGLE];
  if (!Object.hasOwn(table, inner)) return [];
  const { name, ...rest } = table[inner]!;
  return [{ name: `${blocks}.${number}.${name}`, ...rest }];
}

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
