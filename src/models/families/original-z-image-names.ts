/** What the layers of diffusers' Z-Image transformer are called in the authors' and ComfyUI's files (single_file_utils.py). */
import type { OriginalName } from './family.ts';

const INNER: Readonly<Record<string, OriginalName>> = {
  'attention.to_q': { name: 'attention.qkv', rows: { index: 0, of: 3 } },
  'attention.to_k': { name: 'attention.qkv', rows: { index: 1, of: 3 } },
  'attention.to_v': { name: 'attention.qkv', rows: { index: 2, of: 3 } },
  'attention.to_out.0': { name: 'attention.out' },
  'attention.norm_q': { name: 'attention.q_norm' },
  'attention.norm_k': { name: 'attention.k_norm' },
};
const SAME = [
  ...['attention_norm1', 'attention_norm2', 'ffn_norm1', 'ffn_norm2', 'adaLN_modulation.0'],
  ...['feed_forward.w1', 'feed_forward.w2', 'feed_forward.w3'],
];
const OUTER: Readonly<Record<string, string>> = {
  'all_x_embedder.2-1': 'x_embedder',
  'all_final_layer.2-1.linear': 'final_layer.linear',
  'all_final_layer.2-1.adaLN_modulation.1': 'final_layer.adaLN_modulation.1',
  't_embedder.mlp.0': 't_embedder.mlp.0',
  't_embedder.mlp.2': 't_embedder.mlp.2',
  'cap_embedder.0': 'cap_embedder.0',
  'cap_embedder.1': 'cap_embedder.1',
};
const GROUPS = ['noise_refiner', 'context_refiner', 'layers'];

export function originalZImageNames(module: string): OriginalName[] {
  if (Object.hasOwn(OUTER, module)) return [{ name: OUTER[module]! }];
  const [, block, inner] = /^((?:noise_refiner|context_refiner|layers)\.\d+)\.(.+)$/.exec(module) ?? [];
  if (block === undefined || inner === undefined) return [];
  if (SAME.includes(inner)) return [{ name: module }];
  if (!Object.hasOwn(INNER, inner)) return [];
  const { name, ...rest } = INNER[inner]!;
  return [{ name: `${block}.${name}`, ...rest }];
}

/** All modules of such a transformer, with their places; a file need not have all of them. @param count blocks of a group */
export function* zImageModules(
  count: (group: string) => number,
): Generator<readonly [module: string, original: OriginalName]> {
  const blocks = GROUPS.flatMap((group) =>
    Array.from({ length: count(group) }, (_, i) =>
      [...Object.keys(INNER), ...SAME].map((inner) => `${group}.${i}.${inner}`),
    ).flat(),
  );
  for (const module of [...Object.keys(OUTER), ...blocks]) {
    for (const original of originalZImageNames(module)) yield [module, original];
  }
}
