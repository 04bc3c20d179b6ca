/** Weights as values of a graph: where their bytes lie in files, and the nodes that make of them what a layer takes. */
import { DarkroomError } from '../errors.ts';
import { BLOCK_TYPES, isBlockType } from './block-types.ts';
import { type Blocks, blockValues } from './block-values.ts';
import type { STORED_DTYPES, StoredTensor } from './component.ts';
import { commonFolder, externalData, inFile } from './external.ts';
import { FLOAT8, type Float8, isFloat8 } from './float8.ts';
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

/** Where the weights' values get their names. */
export interface Names {
  /** A name that nothing has yet. */
  unique(base: string): Value;
  /** The value of a key; made the first time. */
  once(key: string, make: () => Value): Value;
  constant(type: DataTypeName, dims: readonly number[], rawData: Uint8Array): Value;
}

interface External {
  readonly proto: TensorProto;
  readonly stored: StoredTensor;
  readonly offset: number;
  readonly length: number;
  /** Numbers that are read. */
  readonly elements: number;
}

export const STORED: Readonly<Record<(typeof STORED_DTYPES)[number], { type: DataTypeName; bytes: number }>> =
  {
    F32: { type: 'float', bytes: 4 },
    F16: { type: 'float16', bytes: 2 },
    BF16: { type: 'bfloat16', bytes: 2 },
    F64: { type: 'double', bytes: 8 },
    F8_E4M3: { type: 'float8e4m3fn', bytes: 1 },
    F8_E5M2: { type: 'float8e5m2', bytes: 1 },
  };

const product = (sides: readonly number[]): number => sides.reduce((total, side) => total * side, 1);

/** Rows of a stored tensor, under the name that the layers ask for. */
export interface Rows {
  readonly name: string;
  readonly stored: StoredTensor;
  readonly first: number;
  readonly count: number;
}

/** A value, and the type that it has. */
export interface TypedValue {
  readonly value: Value;
  readonly dtype: keyof typeof STORED;
}

export class StoredValues {
  readonly #label: string;
  readonly #names: Names;
  /** Nodes that only depend on weights. */
  readonly #prepared: NodeProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #external: External[] = [];

  /** @param label of the model's part, as a sentence names it */
  constructor(label: string, names: Names) {
    this.#label = label;
    this.#names = names;
  }

  /**
   * @param shape of the whole tensor
   * @param as the shape that its rows are taken as
   */
  read(of: Rows, shape: readonly number[], as: readonly number[]): TypedValue {
    const { name, stored, first, count } = of;
    const { transposed, halvesSwapped, scale, identity } = stored.decode ?? {};
    const isMoved = transposed === true || halvesSwapped === true;
    const isWide = isBlockType(stored.dtype) || (isMoved && isFloat8(stored.dtype));
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

  /** The value in another type, where it has not that one. */
  cast({ value, dtype }: TypedValue, type: Target['type']): Value {
    if (STORED[dtype].type === type) return value;
    return this.#names.once(`${value}.${type}`, () =>
      this.prepare('Cast', value, attribute('to', DataType[type])),
    );
  }

  /** A node that only depends on weights. */
  prepare(opType: string, value: Value | readonly Value[], ...how: readonly AttributeProto[]): Value {
    const name = this.#names.unique(opType);
    this.#prepared.push({ input: [value].flat(), output: [name], name, opType, domain: '', attribute: how });
    return name;
  }

  /** Casts, transposes and sums of weights. */
  get prepared(): readonly NodeProto[] {
    return this.#prepared;
  }

  /** Real paths of the files that are read. */
  get files(): string[] {
    return this.#external.map(({ stored }) => stored.file);
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
      const blocks = this.blocks(this.bytes(of, [length / bytes, bytes]), this.prepareOp);
      return this.prepareOp('Reshape', [blockValues(dtype, blocks), this.ints(as)]);
    });
  }

  /**
   * The bytes of blocks. They are listed once, as bytes: each listing is a mapping of its own, in which the system counts
   * the pages of the file again.
   */
  bytes(of: Rows, dims: readonly number[]): Value {
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
  blocks(bytes: Value, op: Blocks['op']): Blocks {
    const part = (first: number, count: number) =>
      op('Slice', [bytes, this.ints([first]), this.ints([first + count]), this.ints([-1])]);
    return {
      op,
      ints: this.ints,
      octets: (values, dims) => this.#names.constant('uint8', dims, Uint8Array.from(values)),
      floats: (values, dims) =>
        this.#names.constant('float', dims, new Uint8Array(Float32Array.from(values).buffer)),
      bytes: part,
      half: (at) => {
        const wide = op('Cast', [part(at, 2)], { to: DataType.int32 });
        const worth = new Uint8Array(Int32Array.of(1, 256).buffer);
        const places = op('Mul', [wide, this.#names.constant('int32', [2], worth)]);
        return op('Gather', [this.#halves(), op('ReduceSum', [places, this.ints([-1])])]);
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

  /** float32 [256]: what a byte is as a float of 8 bits. */
  float8(dtype: Float8): Value {
    return this.#names.once(`every ${dtype}`, () =>
      this.#names.constant('float', [256], new Uint8Array(FLOAT8[dtype].slice().buffer)),
    );
  }

  readonly ints = (values: readonly number[]): Value =>
    this.#names.constant('int64', [values.length], new Uint8Array(BigInt64Array.from(values, BigInt).buffer));

  readonly prepareOp: Blocks['op'] = (opType, inputs, attributes = {}) =>
    this.prepare(opType, inputs, ...Object.entries(attributes).map(([key, value]) => attribute(key, value)));

  /** A region that other operators than a cast can take: floats of 8 bits are cast first. */
  #movable(of: Rows, as: readonly number[]): Value {
    const value = this.#region(of, as);
    return isFloat8(of.stored.dtype)
      ? this.cast({ value, dtype: of.stored.dtype as keyof typeof STORED }, 'float')
      : value;
  }

  #transposed(of: Rows, [rows, columns]: readonly number[]): Value {
    if (of.first !== 0 || of.count !== rows) throw new Error(`${of.name} is transposed: it is used whole`);
    const value = this.#movable(of, [columns!, rows]);
    return this.#names.once(`${value}.transposed`, () =>
      this.prepare('Transpose', value, attribute('perm', [1, 0])),
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
      this.prepare('Concat', [back!, front!], attribute('axis', 0)),
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
    const wide = this.cast({ value: factor, dtype: scale.dtype as keyof typeof STORED }, 'float');
    return this.#names.once(`${value} times ${factor}`, () =>
      this.prepare('Mul', [this.cast({ value, dtype }, 'float'), wide]),
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
