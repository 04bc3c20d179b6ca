/** What the layers of diffusers' FLUX.2 transformer are called in Black Forest Labs' files (diffusers loaders/single_file_utils.py). */
import type { OriginalName } from './family.ts';

const OUTER: Readonly<Record<string, OriginalName>> = {
  x_embedder: { name: 'img_in' },
  context_embedder: { name: 'txt_in' },
  'time_guidance_embed.timestep_embedder.linear_1': { name: 'time_in.in_layer' },
  'time_guidance_embed.timestep_embedder.linear_2': { name: 'time_in.out_layer' },
  'double_stream_modulation_img.linear': { name: 'double_stream_modulation_img.lin' },
  'double_stream_modulation_txt.linear': { name: 'double_stream_modulation_txt.lin' },
  'single_stream_modulation.linear': { name: 'single_stream_modulation.lin' },
  'norm_out.linear': { name: 'final_layer.adaLN_modulation.1', halvesSwapped: true },
  proj_out: { name: 'final_layer.linear' },
};

/** Queries, keys and values are one matrix there. */
const DOUBLE: Readonly<Record<string, OriginalName>> = {
  'attn.norm_q': { name: 'img_attn.norm.query_norm' },
  'attn.norm_k': { name: 'img_attn.norm.key_norm' },
  'attn.norm_added_q': { name: 'txt_attn.norm.query_norm' },
  'attn.norm_added_k': { name: 'txt_attn.norm.key_norm' },
  'attn.to_out.0': { name: 'img_attn.proj' },
  'attn.to_add_out': { name: 'txt_attn.proj' },
  'ff.linear_in': { name: 'img_mlp.0' },
  'ff.linear_out': { name: 'img_mlp.2' },
  'ff_context.linear_in': { name: 'txt_mlp.0' },
  'ff_context.linear_out': { name: 'txt_mlp.2' },
  ...Object.fromEntries(
    ['q', 'k', 'v'].flatMap((letter, index) => [
      [`attn.to_${letter}`, { name: 'img_attn.qkv', rows: { index, of: 3 } }],
      [`attn.add_${letter}_proj`, { name: 'txt_attn.qkv', rows: { index, of: 3 } }],
    ]),
  ),
};

/** Fused in the same way on both sides. */
const SINGLE: Readonly<Record<string, OriginalName>> = {
  'attn.norm_q': { name: 'norm.query_norm' },
  'attn.norm_k': { name: 'norm.key_norm' },
  'attn.to_qkv_mlp_proj': { name: 'linear1' },
  'attn.to_out': { name: 'linear2' },
};

const BLOCK = /^(?<kind>single_)?transformer_blocks\.(?<number>\d+)\.(?<inner>.+)$/;

export function originalFlux2Names(module: string): OriginalName[] {
  if (Object.hasOwn(OUTER, module)) return [OUTER[module]!];
  const groups = BLOCK.exec(module)?.groups;
  if (groups === undefined) return [];
  const { kind, number, inner } = groups as { kind?: string; number: string; inner: string };
  const [blocks, table] = kind === undefined ? ['double_blocks', DOUBLE] : ['single_blocks', SINGLE];
  if (!Object.hasOwn(table, inner)) return [];
  const { name, ...rest } = table[inner]!;
  return [{ name: `${blocks}.${number}.${name}`, ...rest }];
}

/** All modules of such a transformer, with their places; a file need not have all of them. */
export function* flux2Modules(
  layers: number,
  singleLayers: number,
): Generator<readonly [module: string, original: OriginalName]> {
  const blocks = (prefix: string, count: number, table: Readonly<Record<string, unknown>>) =>
    Array.from({ length: count }, (_, i) =>
      Object.keys(table).map((inner) => `${prefix}transformer_blocks.${i}.${inner}`),
    ).flat();
  const modules = [
    ...Object.keys(OUTER),
    ...blocks('', layers, DOUBLE),
    ...blocks('single_', singleLayers, SINGLE),
  ];
  for (const module of modules) {
    for (const original of originalFlux2Names(module)) yield [module, original];
  }
}
