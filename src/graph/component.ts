/**
 * What a builder is given: the parsed config.json of one component and where each of its tensors lies. The
 * weights themselves are never read here; onnxruntime maps them out of the .safetensors file.
 */

import { BLOCK_TYPES, isBlockType } from './block-types.ts';

export const STORED_DTYPES = ['F32', 'F16', 'BF16', 'F64', 'F8_E4M3', 'F8_E5M2'] as const;

/** @returns a sentence about a weight that no graph can read; undefined for one that it can */
export function refuseType({ name, dtype }: Pick<StoredTensor, 'name' | 'dtype'>): string | undefined {
  if (isBlockType(dtype) || STORED_DTYPES.some((known) => known === dtype)) return undefined;
  const known = [...STORED_DTYPES, ...Object.keys(BLOCK_TYPES)].join(', ');
  return `${name} is stored as ${dtype}; weights can be ${known}.`;
}

export interface StoredTensor {
  readonly name: string;
  /**
   * safetensors' name of the type, or ggml's. Builders take STORED_DTYPES and BLOCK_TYPES; others are listed so that they
   * can be refused.
   */
  readonly dtype: string;
  readonly shape: readonly number[];
  /** Real path of the file. */
  readonly file: string;
  /** The file as it was when its header was read (models/seen.ts); absent where Darkroom wrote the file itself. */
  readonly version?: string;
  /** First byte and number of bytes within the file. */
  readonly offset: number;
  readonly length: number;
  /** How the values come from the bytes; absent where the bytes are the values, in the order of the shape. */
  readonly decode?: Decode;
  /** Two factors, inputs of the graph, whose product is added to it: a LoRA that can change from run to run. */
  readonly factors?: Factors;
}

/** Where the factors of one weight [rows, columns] lie among those of all weights of its size. */
export interface Factors {
  /** Weights of one group share a rank, which is free. */
  readonly group: string;
  /** Of an input [1, count, rank, columns]. */
  readonly down: FactorPlace;
  /** Of an input [1, count, rows, rank]. */
  readonly up: FactorPlace;
}

export interface FactorPlace {
  readonly input: string;
  readonly index: number;
  readonly count: number;
}

/** Other programs order and scale some of their weights differently. Everything here is of a matrix or vector. */
export interface Decode {
  /** The file holds the columns: bytes of [shape[1], shape[0]]. */
  readonly transposed?: true;
  /** The file holds the second half of the rows first. */
  readonly halvesSwapped?: true;
  /** The values are multiplied by it: one number, or one for each row. Scaled 8-bit floats. */
  readonly scale?: StoredTensor;
  /** There are no bytes: the values are the identity matrix. */
  readonly identity?: true;
}

export interface Component {
  /** As an error names it: "unet/config.json". */
  readonly configFile: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: ReadonlyMap<string, StoredTensor>;
  /** Its weights are a copy for a while: nothing that is made from them is kept. */
  readonly isTemporary?: true;
}

/** A weight that is made when a session opens: whole numbers of 8 bits, and a scale for each output. */
export interface QuantisedWeight {
  readonly stored: StoredTensor;
  /** The rows of the stored tensor, that is its outputs, that it has. */
  readonly first: number;
  readonly count: number;
  /** Input channels: what a stored row holds behind them are the positions of a kernel. */
  readonly inputs: number;
  /** Where its bytes begin: int8 [positions x inputs, count]. */
  readonly values: number;
  /** Where its scales begin: float32 [count], at a multiple of 4. */
  readonly scales: number;
}

/** Weights that are made when a session opens, all in one file. */
export interface QuantisedWeights {
  /** What the graph's external data calls the file. */
  readonly location: string;
  readonly bytes: number;
  /** In the order of their places, each one's scales right before its values. */
  readonly weights: readonly QuantisedWeight[];
}

/** A finished ONNX model over weights on disk; openSession (src/engine/session.ts) runs it. */
export interface Graph {
  /** The serialised ModelProto; its large tensors are external data. */
  readonly bytes: Uint8Array;
  /** The folder that the locations of the external data are relative to. */
  readonly folder: string;
  /** Names of tensors of the file that neither this graph nor another one of the same file reads. */
  readonly unused?: readonly string[];
  /**
   * The weights stay in the file and are widened as they are used, at each run: for what is large and seldom run.
   * T5-XXL in half width takes 10 GB of memory that the system may reclaim rather than 19 GB that it may not.
   */
  readonly weightsInPlace?: boolean;
  /** Weights that do not lie in a file as the graph needs them; absent where there are none. */
  readonly quantised?: QuantisedWeights;
  /**
   * Some weights are blocks of whole numbers (block-types.ts): they stay in the file and are read out at each run, or they
   * are read out once, when the session folds its constants.
   */
  readonly blocks?: 'in place' | 'folded';
  /** Where the weights lie, and their bytes as a session holds them; absent where what is made from them cannot be used again. */
  readonly source?: {
    readonly files: readonly string[];
    readonly bytes: number;
    /** Whether the weights are only cast before use, which a run can do as well as the opening. */
    readonly isCast: boolean;
  };
}
