/** The weights of one graph: they stay on disk, and are cast, turned and scaled by nodes that depend on nothing else. */
import { DarkroomError } from '../errors.ts';
import { BLOCK_TYPES, type BlockType, type BlockTypeName, isBlockType } from './block-types.ts';
import { type Blocks, blockValues } from './block-values.ts';
import { type QuantisedWeight, type QuantisedWeights, refuseType, type StoredTensor } from './component.ts';
import { externalData } from './external.ts';
import { isFloat8 } from './float8.ts';
import {
  attribute,
  DataType,
  type DataTypeName,
  type NodeProto,
  type TensorProto,
  type Value,
} from './onnx.ts';
import { type Names, type Rows, STORED, StoredValues, type TypedValue } from './stored-values.ts';
import type { Target } from './target.ts';

/** Rows [first, first + count) of the first axis. */
export interface RowRange {
  readonly first: number;
  readonly count: number;
}

/** A weight in whole numbers of 8 bits. */
export interface Int8Weight {
  /** int8 [positions of a kernel x inputs, outputs], from -127 to 127. */
  readonly values: Value;
  /** float32 [outputs] */
  readonly scales: Value;
}

/** What external data calls the weights that are made when a session opens. The number is raised when they become others. */
const QUANTISED = 'int8.1';

/** A matrix in blocks, as MatMulNBits takes it. */
interface BlockMatrix {
  readonly bits: 4 | 8;
  readonly blockSize: number;
  /** uint8 [outputs, blocks of a row, bytes of a block] */
  readonly quants: Value;
  /** [outputs, blocks of a row], of the target's type */
  readonly scales: Value;
  /** A byte's lower half is number i of its block and its upper half number i + 16, rather than its neighbour. */
  readonly halvesApart: boolean;
}

export class GraphWeights {
  readonly #label: string;
  readonly #tensors: ReadonlyMap<string, StoredTensor>;
  readonly #target: Pick<Target, 'type' | 'channelsLast'>;
  readonly #names: Names;
  /** Tensors that a layer asked for. */
  readonly #used = new Set<StoredTensor>();
  readonly #values: StoredValues;
  /** Of the weights in 8 bits. */
  readonly #initializers: TensorProto[] = [];
  readonly #quantised: QuantisedWeight[] = [];
  #quantisedBytes = 0;

  /**
   * @param label of the model's part, as a sentence names it
   * @param tensors by the names that the layers ask for
   */
  constructor(
    label: string,
    tensors: ReadonlyMap<string, StoredTensor>,
    target: Pick<Target, 'type' | 'channelsLast'>,
    names: Names,
  ) {
    this.#label = label;
    this.#tensors = tensors;
    this.#target = target;
    this.#names = names;
    this.#values = new StoredValues(label, names);
  }

  isInBlocks(name: string): boolean {
    return isBlockType(this.#tensors.get(name)?.dtype ?? '');
  }

  /** Whether any rows of a matrix can be read by themselves. */
  hasRowsInBlocks(name: string, columns: number): boolean {
    const { dtype = '', decode } = this.#tensors.get(name) ?? {};
    return isBlockType(dtype) && decode === undefined && columns % BLOCK_TYPES[dtype].elements === 0;
  }

  get(name: string): StoredTensor | undefined {
    return this.#tensors.get(name);
  }

  /**
   * A weight in the target's type. One stored in another type is cast once, when the session folds its constants.
   * @param shape what the layer expects; a convolution of 1x1 passes for a matrix and the other way round
   * @param rows takes [first, first + count) of the first axis: how a fused projection is read in parts
   */
  weight(name: string, shape: readonly number[], rows?: RowRange): Value {
    return this.#values.cast(this.#stored(name, shape, rows), this.#target.type);
  }

  /** A matrix [outputs, inputs] as [inputs, outputs]; it is turned once, when the session folds its constants. */
  turnedWeight(name: string, shape: readonly [number, number], rows?: RowRange): Value {
    const weight = this.weight(name, shape, rows);
    return this.#names.once(`${weight}.turned`, () =>
      this.#values.prepare('Transpose', weight, attribute('perm', [1, 0])),
    );
  }

  /** A weight in float32 on every target: scale and shift of a fused group norm. */
  wideWeight(name: string, shape: readonly number[]): Value {
    return this.#values.cast(this.#stored(name, shape), 'float');
  }

  /**
   * A convolution's weight [outputs, inputs, rows, columns], as the target's operator takes it: with channels last
   * [outputs, rows, columns, inputs]. It is turned once, when the session folds its constants.
   */
  kernel(name: string, shape: readonly [number, number, number, number]): Value {
    if (!this.#target.channelsLast) return this.weight(name, shape);
    const [outputs, inputs, rows, columns] = shape;
    // Of a 1x1 kernel the bytes are the same in both orders.
    if (rows * columns === 1) {
      const stored = this.#stored(name, shape, undefined, [outputs, 1, 1, inputs]);
      return this.#values.cast(stored, this.#target.type);
    }
    const weight = this.weight(name, shape);
    return this.#names.once(`${weight}.nhwc`, () =>
      this.#values.prepare('Transpose', weight, attribute('perm', [0, 2, 3, 1])),
    );
  }

  /**
   * A weight [outputs, inputs] or [outputs, inputs, rows, columns] in 8 bits, made when a session opens.
   * @param rows as `weight` takes them
   */
  int8Weight(name: string, shape: readonly number[], rows?: RowRange): Int8Weight {
    const stored = this.#checked(name, shape);
    const { first, count } = rows ?? { first: 0, count: shape[0]! };
    const values = this.#names.once(`int8 ${name} ${first} ${count}`, () => {
      const unique = this.#names.unique(`${name}.int8`);
      const columns = shape.slice(1).reduce((product, side) => product * side, 1);
      const at = { scales: this.#quantisedBytes, values: this.#quantisedBytes + 4 * count };
      const [sizes, length] = [4 * count, columns * count];
      const place = (offset: number, bytes: number) => ({
        dataLocation: 1,
        externalData: externalData(QUANTISED, offset, bytes),
      });
      this.#initializers.push(
        { name: unique, dims: [columns, count], dataType: DataType.int8, ...place(at.values, length) },
        { name: `${unique}.scale`, dims: [count], dataType: DataType.float, ...place(at.scales, sizes) },
      );
      this.#quantised.push({ stored, first, count, inputs: shape[1]!, ...at });
      this.#quantisedBytes = 4 * Math.ceil((at.values + length) / 4);
      return unique;
    });
    return { values, scales: `${values}.scale` };
  }

  /** The weights that are made when a session opens; undefined where there are none. */
  get quantised(): QuantisedWeights | undefined {
    if (this.#quantised.length === 0) return undefined;
    return { location: QUANTISED, bytes: this.#quantisedBytes, weights: this.#quantised };
  }

  /**
   * A table's rows as they are stored; undefined where they lie in blocks. Floats of 8 bits, which no operator looks up, come
   * as bytes, with `meanings` [256] of each byte.
   */
  table(
    name: string,
    shape: readonly [number, number],
  ): { readonly value: Value; readonly type: DataTypeName; readonly meanings?: Value } | undefined {
    const checked = this.#checked(name, shape);
    if (isBlockType(checked.dtype)) return undefined;
    if (isFloat8(checked.dtype) && checked.decode === undefined) {
      const value = this.#values.bytes({ name, stored: checked, first: 0, count: shape[0] }, shape);
      return { value, type: 'float', meanings: this.#values.float8(checked.dtype) };
    }
    const { value, dtype } = this.#stored(name, shape);
    return { value, type: STORED[dtype].type };
  }

  /**
   * Rows of a table that lies in blocks, read out where they are looked up.
   * @param emit adds a node that runs each time
   * @returns float32 [rows looked up, numbers of a row]
   */
  blockRows(name: string, shape: readonly [number, number], ids: Value, emit: Blocks['op']): Value {
    const stored = this.#checked(name, shape);
    const type = stored.dtype as BlockTypeName;
    const [rows, columns] = shape;
    const { bytes } = BLOCK_TYPES[type];
    const rowBytes = stored.length / rows;
    const table = this.#values.bytes({ name, stored, first: 0, count: rows }, [rows, rowBytes]);
    const found = this.#names.once(`${table} ${ids}`, () =>
      emit('Reshape', [emit('Gather', [table, ids]), this.#values.ints([-1, bytes])]),
    );
    return emit('Reshape', [
      blockValues(type, this.#values.blocks(found, emit)),
      this.#values.ints([-1, columns]),
    ]);
  }

  /** @returns undefined where the weight is not stored in blocks that the operator takes as they are */
  blockMatrix(name: string, shape: readonly [number, number], rows?: RowRange): BlockMatrix | undefined {
    const stored = this.#checked(name, shape);
    if (!isBlockType(stored.dtype) || stored.decode !== undefined) return undefined;
    const { elements, bytes, bits }: BlockType = BLOCK_TYPES[stored.dtype];
    if (bits === undefined || shape[1] % elements !== 0) return undefined;
    const { first, count } = rows ?? { first: 0, count: shape[0] };
    const of: Rows = { name, stored, first, count };
    const inRow = shape[1] / elements;
    // By rows from the start: where a session folds its constants, a node that only reshapes copies all of them.
    const blocks = this.#values.blocks(this.#values.bytes(of, [count, inRow, bytes]), this.#values.prepareOp);
    const whole = blocks.bytes(2, bytes - 2);
    // The operator counts from 0 with the zero point in the middle; the file has numbers with a sign.
    const quants =
      bits === 8 ? this.#values.prepareOp('BitwiseXor', [whole, blocks.octets([128], [])]) : whole;
    const scale = blocks.half(0);
    const narrow =
      this.#target.type === 'float16'
        ? this.#values.prepareOp('Cast', [scale], { to: DataType.float16 })
        : scale;
    return {
      bits,
      blockSize: elements,
      quants,
      scales: this.#values.prepareOp('Reshape', [narrow, this.#values.ints([count, inRow])]),
      halvesApart: bits === 4,
    };
  }

  /** Casts, transposes and sums of weights. */
  get prepared(): readonly NodeProto[] {
    return this.#values.prepared;
  }

  /** Real paths of the files that are read. */
  get files(): string[] {
    return [...new Set([...this.#values.files, ...this.#quantised.map(({ stored }) => stored.file)])];
  }

  /** Whether weights that are read lie in blocks. */
  get hasBlocks(): boolean {
    return this.#values.hasBlocks;
  }

  /** Numbers that are read as they are stored. */
  get elements(): number {
    return this.#values.elements;
  }

  /** @returns what the model holds of them, and the folder that their places are relative to */
  initializers(): { readonly folder: string; readonly protos: TensorProto[] } {
    const { folder, protos } = this.#values.initializers();
    return { folder, protos: [...this.#initializers, ...protos] };
  }

  /**
   * @param elsewhere whether a tensor that no layer asked for belongs to another graph of the same file
   * @returns names of tensors that no layer asked for
   * @throws DarkroomError('bad_model') for one within a module that is read
   */
  unused(elsewhere: (name: string) => boolean): string[] {
    const used = this.#used;
    const modules = new Set(
      [...this.#tensors].filter(([, of]) => used.has(of)).map(([name]) => moduleOf(name)),
    );
    const unused = [...this.#tensors].filter(([name, stored]) => !used.has(stored) && !elsewhere(name));
    for (const [name, stored] of unused) {
      if (!modules.has(moduleOf(name))) continue;
      throw new DarkroomError(
        'bad_model',
        `${this.#label}: the weights hold a tensor ${stored.name} that its config.json gives no place to.`,
      );
    }
    return unused.map(([, { name }]) => name);
  }

  #stored(
    name: string,
    shape: readonly number[],
    rows?: RowRange,
    as: readonly number[] = [rows?.count ?? shape[0]!, ...shape.slice(1)],
  ): TypedValue {
    const { first, count } = rows ?? { first: 0, count: shape[0]! };
    return this.#values.read({ name, stored: this.#checked(name, shape), first, count }, shape, as);
  }

  /** What the file holds under a name, where its type and shape are as they should be; it counts as used. */
  #checked(name: string, shape: readonly number[]): StoredTensor {
    const stored = this.#tensors.get(name);
    if (stored === undefined) {
      throw new DarkroomError(
        'bad_model',
        `${this.#label}: the weights lack ${name} (${shape.join(' x ')}).`,
      );
    }
    const refusal = refuseType(stored);
    if (refusal !== undefined) throw new DarkroomError('unsupported', `${this.#label}: ${refusal}`);
    if (trimmed(stored.shape) !== trimmed(shape)) {
      throw new DarkroomError(
        'bad_model',
        `${this.#label}: ${stored.name} is ${stored.shape.join(' x ')}; its config.json asks for ${shape.join(' x ')}.`,
      );
    }
    this.#used.add(stored);
    return stored;
  }
}

/** The first part of a tensor's name; of a ControlNet within a UNet's graph, the first behind its prefix. */
const moduleOf = (name: string): string => /^(controlnet\.\d+\.)?[^.]*/.exec(name)![0];

/** A shape without its trailing ones: [C, C, 1, 1] and [C, C] hold the same bytes. */
function trimmed(shape: readonly number[]): string {
  return shape.slice(0, Math.max(2, shape.findLastIndex((n) => n !== 1) + 1)).join('x');
}
