/** What the layers of diffusers' FLUX.2 transformer are called in Black Forest Labs' files (diffusers loaders/single_file_utils.py). */
import type { OriginalName } from './family.ts';
import {
  type BlockNames,
  DOUBLE_ATTENTION,
  originalBlockNames,
  SINGLE_NORMS,
} from './original-flux-blocks.ts';

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

const DOUBLE: BlockNames = {
  ...DOUBLE_ATTENTION,
  'ff.linear_in': { name: 'img_mlp.0' },
  'ff.linear_out': { name: 'img_mlp.2' },
  'ff_context.linear_in': { name: 'txt_mlp.0' },
  'ff_context.linear_out': { name: 'txt_mlp.2' },
};

/** Fused in the same way on both sides. */
const SINGLE: BlockNames = {
  ...SINGLE_NORMS,
  'attn.to_qkv_mlp_proj': { name: 'linear1' },
  'attn.to_out': { name: 'linear2' },
};

export function originalFlux2Names(module: string): OriginalName[] {
  if (Object.hasOwn(OUTER, module)) return [OUTER[module]!];
  return originalBlockNames(module, DOUBLE, SINGLE);
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
