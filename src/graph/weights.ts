/** The weights of one graph: they stay on disk, and are cast, turned and scaled by nodes that depend on nothing else. */
import { DarkroomError } from '../errors.ts';
import { BLOCK_TYPES, type BlockType, type BlockTypeName, isBlockType } from './block-types.ts';
import { type Blocks, blockValues } from './block-values.ts';
import {
  type QuantisedWeight,
  type QuantisedWeights,
  STORED_DTYPES,
  type StoredTensor,
} from './component.ts';
import { commonFolder, externalData, inFile } from './external.ts';
import {
  type AttributeProto,
  attribute,
  DataType,
  type DataTypeName,
  type NodeProto,
  type TensorProto,
  type Value,
} from './onnx.ts';
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

/** Where the weights' values get their names. */
export interface Names {
  /** A name that nothing has yet. */
  unique(base: string): Value;
  /** The value of a key; made the first time. */
  once(key: string, make: () => Value): Value;
  constant(type: DataTypeName, dims: readonly number[], rawData: Uint8Array): Value;
}

/** A matrix in blocks, as MatMulNBits takes it. */
export interface BlockMatrix {
  readonly bits: 4 | 8;
  readonly blockSize: number;
  /** uint8 [outputs, blocks of a row, bytes of a block] */
  readonly quants: Value;
  /** [outputs, blocks of a row], of the target's type */
  readonly scales: Value;
  /** A byte's lower half is number i of its block and its upper half number i + 16, rather than its neighbour. */
  readonly halvesApart: boolean;
}

interface External {
  readonly proto: TensorProto;
  readonly stored: StoredTensor;
  readonly offset: number;
  readonly length: number;
  /** Numbers that are read. */
  readonly elements: number;
}

const STORED: Readonly<Record<(typeof STORED_DTYPES)[number], { type: DataTypeName; bytes: number }>> = {
  F32: { type: 'float', bytes: 4 },
  F16: { type: 'float16', bytes: 2 },
  BF16: { type: 'bfloat16', bytes: 2 },
  F64: { type: 'double', bytes: 8 },
  F8_E4M3: { type: 'float8e4m3fn', bytes: 1 },
  F8_E5M2: { type: 'float8e5m2', bytes: 1 },
};

const product = (sides: readonly number[]): number => sides.reduce((total, side) => total * side, 1);

/** Rows of a stored tensor, under the name that the layers ask for. */
interface Rows {
  readonly name: string;
  readonly stored: StoredTensor;
  readonly first: number;
  readonly count: number;
}

export class GraphWeights {
  readonly #label: string;
  readonly #tensors: ReadonlyMap<string, StoredTensor>;
  readonly #target: Pick<Target, 'type' | 'channelsLast'>;
  readonly #names: Names;
  /** Tensors that a layer asked for. */
  readonly #used = new Set<StoredTensor>();
  /** Nodes that only depend on weights. */
  readonly #prepared: NodeProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #external: External[] = [];
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
    return this.#cast(this.#stored(name, shape, rows), this.#target.type);
  }

  /** A matrix [outputs, inputs] as [inputs, outputs]; it is turned once, when the session folds its constants. */
  turnedWeight(name: string, shape: readonly [number, number], rows?: RowRange): Value {
    const weight = this.weight(name, shape, rows);
    return this.#names.once(`${weight}.turned`, () =>
      this.#prepare('Transpose', weight, attribute('perm', [1, 0])),
    );
  }

  /** A weight in float32 on every target: scale and shift of a fused group norm. */
  wideWeight(name: string, shape: readonly number[]): Value {
    return this.#cast(this.#stored(name, shape), 'float');
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
      return this.#cast(stored, this.#target.type);
    }
    const weight = this.weight(name, shape);
    return this.#names.once(`${weight}.nhwc`, () =>
      this.#prepare('Transpose', weight, attribute('perm', [0, 2, 3, 1])),
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

  /** A table's rows as they are stored; undefined where they lie in blocks. */
  table(
    name: string,
    shape: readonly [number, number],
  ): { readonly value: Value; readonly type: DataTypeName } | undefined {
    if (isBlockType(this.#checked(name, shape).dtype)) return undefined;
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
    const table = this.#bytes({ name, stored, first: 0, count: rows }, [rows, rowBytes]);
    const found = this.#names.once(`${table} ${ids}`, () =>
      emit('Reshape', [emit('Gather', [table, ids]), this.#ints([-1, bytes])]),
    );
    return emit('Reshape', [blockValues(type, this.#blocks(found, emit)), this.#ints([-1, columns])]);
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
    const blocks = this.#blocks(this.#bytes(of, [count * inRow, bytes]), this.#prepareOp);
    const whole = blocks.bytes(2, bytes - 2);
    // The operator counts from 0 with the zero point in the middle; the file has numbers with a sign.
    const quants = bits === 8 ? this.#prepareOp('BitwiseXor', [whole, blocks.octets([128], [])]) : whole;
    const scale = blocks.half(0);
    const narrow =
      this.#target.type === 'float16' ? this.#prepareOp('Cast', [scale], { to: DataType.float16 }) : scale;
    return {
      bits,
      blockSize: elements,
      quants: this.#prepareOp('Reshape', [quants, this.#ints([count, inRow, bytes - 2])]),
      scales: this.#prepareOp('Reshape', [narrow, this.#ints([count, inRow])]),
      halvesApart: bits === 4,
    };
  }

  /** Casts, transposes and sums of weights. */
  get prepared(): readonly NodeProto[] {
    return this.#prepared;
  }

  /** Real paths of the files that are read. */
  get files(): string[] {
    return [...new Set([...this.#external, ...this.#quantised].map(({ stored }) => stored.file))];
  }

  /** Whether weights that are read lie in blocks. */
  get hasBlocks(): boolean {
    return this.#external.some(({ stored }) => isBlockType(stored.dtype));
  }

  /** Numbers that are read as they are stored. */
  get elements(): number {
    return this.#external.reduce((sum, { elements }) => sum + elements, 0);
  }

  /** @returns what the model holds of them, and the folder that their places are relative to */
  initializers(): { readonly folder: string; readonly protos: TensorProto[] } {
    const folder = commonFolder(this.#external.map(({ stored }) => stored.file));
    const external = this.#external.map(({ proto, stored, offset, length }) => ({
      ...proto,
      dataLocation: 1,
      externalData: externalData(inFile(folder, stored.file), offset, length),
    }));
    return { folder, protos: [...this.#initializers, ...external] };
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

  #cast({ value, dtype }: { value: Value; dtype: keyof typeof STORED }, type: Target['type']): Value {
    if (STORED[dtype].type === type) return value;
    return this.#names.once(`${value}.${type}`, () =>
      this.#prepare('Cast', value, attribute('to', DataType[type])),
    );
  }

  /** A node that only depends on weights. */
  #prepare(opType: string, value: Value | readonly Value[], ...how: readonly AttributeProto[]): Value {
    const name = this.#names.unique(opType);
    this.#prepared.push({ input: [value].flat(), output: [name], name, opType, domain: '', attribute: how });
    return name;
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
    if (!isBlockType(stored.dtype) && !STORED_DTYPES.some((known) => known === stored.dtype)) {
      const known = [...STORED_DTYPES, ...Object.keys(BLOCK_TYPES)].join(', ');
      throw new DarkroomError(
        'unsupported',
        `${this.#label}: ${stored.name} is stored as ${stored.dtype}; weights can be ${known}.`,
      );
    }
    if (trimmed(stored.shape) !== trimmed(shape)) {
      throw new DarkroomError(
        'bad_model',
        `${this.#label}: ${stored.name} is ${stored.shape.join(' x ')}; its config.json asks for ${shape.join(' x ')}.`,
      );
    }
    this.#used.add(stored);
    return stored;
  }

  #stored(
    name: string,
    shape: readonly number[],
    rows?: RowRange,
    as: readonly number[] = [rows?.count ?? shape[0]!, ...shape.slice(1)],
  ): { readonly value: Value; readonly dtype: keyof typeof STORED } {
    const stored = this.#checked(name, shape);
    const { first, count } = rows ?? { first: 0, count: shape[0]! };
    const of = { name, stored, first, count };
    const { transposed, halvesSwapped, scale, identity } = stored.decode ?? {};
    const isMoved = transposed === true || halvesSwapped === true;
    const isWide = isBlockType(stored.dtype) || (isMoved && isFloat8(stored));
    const dtype = isWide ? 'F32' : (stored.dtype as keyof typeof STORED);
    if (identity === true) return { value: this.#identity(name, shape[0]!), dtype: 'F32' };
    const value =
      transposed === true
        ? this.#transposed(of, shape)
        : halvesSwapped === true
          ? this.#halvesSwapped(of, as)
          : this.#region(of, as);
    return scale === undefined
      ? { value, dtype }
      : { value: this.#scaled({ first, count, stored: scale }, { value, dtype }, as), dtype: 'F32' };
  }

  /** `count` rows of a tensor in its file, from `first` on: as they are stored, or in float32 where they lie in blocks. */
  #region(of: Rows, as: readonly number[]): Value {
    const { name, stored, first, count } = of;
    if (!isBlockType(stored.dtype)) {
      const { type } = STORED[stored.dtype as keyof typeof STORED];
      return this.#listed(of, {
        key: `weight ${name} ${as} ${first}`,
        type,
        dims: as,
        elements: product(as),
      });
    }
    const { bytes } = BLOCK_TYPES[stored.dtype];
    const length = (stored.length / (stored.shape[0] ?? 1)) * count;
    if (length % bytes !== 0) {
      throw new DarkroomError(
        'unsupported',
        `${this.#label}: the rows of ${stored.name} do not begin with a block of ${stored.dtype}.`,
      );
    }
    const { dtype } = stored;
    return this.#names.once(`numbers ${name} ${as} ${first}`, () => {
      const blocks = this.#blocks(this.#bytes(of, [length / bytes, bytes]), this.#prepareOp);
      return this.#prepareOp('Reshape', [blockValues(dtype, blocks), this.#ints(as)]);
    });
  }

  /**
   * The bytes of blocks. They are listed once, as bytes: each listing is a mapping of its own, in which the system counts
   * the pages of the file again.
   */
  #bytes(of: Rows, dims: readonly number[]): Value {
    const { name, stored, first, count } = of;
    const elements = (product(stored.shape) / (stored.shape[0] ?? 1)) * count;
    return this.#listed(of, { key: `bytes ${name} ${dims} ${first}`, type: 'uint8', dims, elements });
  }

  #listed(
    { name, stored, first, count }: Rows,
    {
      key,
      type,
      dims,
      elements,
    }: {
      readonly key: string;
      readonly type: DataTypeName;
      readonly dims: readonly number[];
      readonly elements: number;
    },
  ): Value {
    const rowBytes = stored.length / (stored.shape[0] ?? 1);
    return this.#names.once(key, () => {
      const unique = this.#names.unique(name);
      this.#external.push({
        proto: { name: unique, dims, dataType: DataType[type] },
        stored,
        offset: stored.offset + first * rowBytes,
        length: count * rowBytes,
        elements,
      });
      return unique;
    });
  }

  /** @param bytes uint8 [blocks, bytes of a block] */
  #blocks(bytes: Value, op: Blocks['op']): Blocks {
    const part = (first: number, count: number) =>
      op('Slice', [bytes, this.#ints([first]), this.#ints([first + count]), this.#ints([-1])]);
    return {
      op,
      ints: this.#ints,
      octets: (values, dims) => this.#names.constant('uint8', dims, Uint8Array.from(values)),
      floats: (values, dims) =>
        this.#names.constant('float', dims, new Uint8Array(Float32Array.from(values).buffer)),
      bytes: part,
      half: (at) => {
        const wide = op('Cast', [part(at, 2)], { to: DataType.int32 });
        const worth = new Uint8Array(Int32Array.of(1, 256).buffer);
        const places = op('Mul', [wide, this.#names.constant('int32', [2], worth)]);
        return op('Gather', [this.#halves(), op('ReduceSum', [places, this.#ints([-1])])]);
      },
    };
  }

  /** float32 [65536]: what two bytes are as a float16, by the whole number that they are. No operator reads them so. */
  #halves(): Value {
    return this.#names.once('every float16', () => {
      const every = new Float16Array(Uint16Array.from({ length: 2 ** 16 }, (_, i) => i).buffer);
      return this.#names.constant('float', [2 ** 16], new Uint8Array(Float32Array.from(every).buffer));
    });
  }

  readonly #ints = (values: readonly number[]): Value =>
    this.#names.constant('int64', [values.length], new Uint8Array(BigInt64Array.from(values, BigInt).buffer));

  readonly #prepareOp: Blocks['op'] = (opType, inputs, attributes = {}) =>
    this.#prepare(opType, inputs, ...Object.entries(attributes).map(([key, value]) => attribute(key, value)));

  /** A region that other operators than a cast can take: floats of 8 bits are cast first. */
  #movable(of: Rows, as: readonly number[]): Value {
    const value = this.#region(of, as);
    return isFloat8(of.stored)
      ? this.#cast({ value, dtype: of.stored.dtype as keyof typeof STORED }, 'float')
      : value;
  }

  #transposed(of: Rows, [rows, columns]: readonly number[]): Value {
    if (of.first !== 0 || of.count !== rows) throw new Error(`${of.name} is transposed: it is used whole`);
    const value = this.#movable(of, [columns!, rows]);
    return this.#names.once(`${value}.transposed`, () =>
      this.#prepare('Transpose', value, attribute('perm', [1, 0])),
    );
  }

  #halvesSwapped(of: Rows, [rows, ...rest]: readonly number[]): Value {
    if (of.first !== 0 || of.count !== rows)
      throw new Error(`the halves of ${of.name} are swapped: it is used whole`);
    const half = of.count / 2;
    const [front, back] = [0, half].map((first) =>
      this.#movable({ ...of, first, count: half }, [half, ...rest]),
    );
    return this.#names.once(`${front}.swapped`, () =>
      this.#prepare('Concat', [back!, front!], attribute('axis', 0)),
    );
  }

  /** In float32: a scale can be too small for float16. */
  #scaled(
    { stored: scale, first, count }: Omit<Rows, 'name'>,
    { value, dtype }: { readonly value: Value; readonly dtype: keyof typeof STORED },
    [rows, ...rest]: readonly number[],
  ): Value {
    if (!Object.hasOwn(STORED, scale.dtype)) {
      throw new DarkroomError('unsupported', `${this.#label}: ${scale.name} is stored as ${scale.dtype}.`);
    }
    const isOne = scale.shape.every((side) => side === 1);
    const ofRows = isOne ? { first: 0, count: scale.shape[0] ?? 1 } : { first, count };
    // Parts of one fused weight have parts of one scale, all of its name.
    const of = { name: `${scale.name}.${scale.offset}`, stored: scale, ...ofRows };
    const sides = isOne ? [] : [rows!, ...rest.map(() => 1)];
    const factor =
      scale.decode?.halvesSwapped === true ? this.#halvesSwapped(of, sides) : this.#region(of, sides);
    const wide = this.#cast({ value: factor, dtype: scale.dtype as keyof typeof STORED }, 'float');
    return this.#names.once(`${value} times ${factor}`, () =>
      this.#prepare('Mul', [this.#cast({ value, dtype }, 'float'), wide]),
    );
  }

  #identity(name: string, size: number): Value {
    return this.#names.once(`identity ${size}`, () => {
      const unique = this.#names.unique(name);
      const values = new Float32Array(size * size);
      for (let i = 0; i < size; i++) values[i * size + i] = 1;
      this.#initializers.push({
        name: unique,
        dims: [size, size],
        dataType: DataType.float,
        rawData: new Uint8Array(values.buffer),
      });
      return unique;
    });
  }
}

const isFloat8 = ({ dtype }: StoredTensor): boolean => dtype === 'F8_E4M3' || dtype === 'F8_E5M2';

/** The first part of a tensor's name; of a ControlNet within a UNet's graph, the first behind its prefix. */
const moduleOf = (name: string): string => /^(controlnet\.\d+\.)?[^.]*/.exec(name)![0];

/** A shape without its trailing ones: [C, C, 1, 1] and [C, C] hold the same bytes. */
function trimmed(shape: readonly number[]): string {
  return shape.slice(0, Math.max(2, shape.findLastIndex((n) => n !== 1) + 1)).join('x');
}
