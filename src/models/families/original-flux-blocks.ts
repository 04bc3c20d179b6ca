/** What is called the same in the blocks of FLUX.1 and FLUX.2, in diffusers and in Black Forest Labs' files. */
import type { OriginalName } from './family.ts';

/** Names within a block, by those of diffusers. */
export type BlockNames = Readonly<Record<string, OriginalName>>;

/** The attention of a double block: queries, keys and values are one matrix there. */
export const DOUBLE_ATTENTION: BlockNames = {
  'attn.norm_q': { name: 'img_attn.norm.query_norm' },
  'attn.norm_k': { name: 'img_attn.norm.key_norm' },
  'attn.norm_added_q': { name: 'txt_attn.norm.query_norm' },
  'attn.norm_added_k': { name: 'txt_attn.norm.key_norm' },
  'attn.to_out.0': { name: 'img_attn.proj' },
  'attn.to_add_out': { name: 'txt_attn.proj' },
  ...Object.fromEntries(
    ['q', 'k', 'v'].flatMap((letter, index) => [
      [`attn.to_${letter}`, { name: 'img_attn.qkv', rows: { index, of: 3 } }],
      [`attn.add_${letter}_proj`, { name: 'txt_attn.qkv', rows: { index, of: 3 } }],
    ]),
  ),
};

/** The norms of a single block. */
export const SINGLE_NORMS: BlockNames = {
  'attn.norm_q': { name: 'norm.query_norm' },
  'attn.norm_k': { name: 'norm.key_norm' },
};

const BLOCK = /^(?<kind>single_)?transformer_blocks\.(?<number>\d+)\.(?<inner>.+)$/;

/** The place of a module of a block; none where the tables do not name it. */
export function originalBlockNames(module: string, double: BlockNames, single: BlockNames): OriginalName[] {
  const groups = BLOCK.exec(module)?.groups;
  if (groups === undefined) return [];
  const { kind, number, inner } = groups as { kind?: string; number: string; inner: string };
  const [blocks, table] = kind === undefined ? ['double_blocks', double] : ['single_blocks', single];
  if (!Object.hasOwn(table, inner)) return [];
  const { name, ...rest } = table[inner]!;
  return [{ name: `${blocks}.${number}.${name}`, ...rest }];
}
