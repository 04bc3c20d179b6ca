/**
 * Types of GGUF files that store whole numbers of a few bits in blocks, each block with scales of its own (ggml's
 * ggml-common.h; gguf's Python package, quants.py). They are named as ggml names them.
 */

export interface BlockType {
  /** Numbers of a block, which lie side by side in a row. */
  readonly elements: number;
  /** Of a block. */
  readonly bytes: number;
  /** Of a number, where MatMulNBits can take the blocks without loss: whole numbers around the middle, and one scale. */
  readonly bits?: 4 | 8;
}

export const BLOCK_TYPES = {
  Q4_0: { elements: 32, bytes: 18, bits: 4 },
  Q4_1: { elements: 32, bytes: 20 },
  Q5_0: { elements: 32, bytes: 22 },
  Q5_1: { elements: 32, bytes: 24 },
  Q8_0: { elements: 32, bytes: 34, bits: 8 },
  Q4_K: { elements: 256, bytes: 144 },
  Q5_K: { elements: 256, bytes: 176 },
  Q6_K: { elements: 256, bytes: 210 },
} as const satisfies Readonly<Record<string, BlockType>>;

export type BlockTypeName = keyof typeof BLOCK_TYPES;

export const isBlockType = (dtype: string): dtype is BlockTypeName => Object.hasOwn(BLOCK_TYPES, dtype);
