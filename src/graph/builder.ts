/** Assembles one ONNX graph: nodes with unique names, small constants, and weights that stay on disk. */
import { dirname, relative, sep } from 'node:path';
import { DarkroomError } from '../errors.ts';
import {
  type Component,
  type FactorPlace,
  type Graph,
  STORED_DTYPES,
  type StoredTensor,
} from './component.ts';
import {
  type AttributeProto,
  type AttributeValue,
  attribute,
  DataType,
  type DataTypeName,
  encodeModel,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './onnx.ts';
import { PORTABLE, type Target } from './target.ts';

/** The name of a tensor within the graph. */
export type Value = string;
export type Attributes = Readonly<Record<string, AttributeValue | { readonly float: number }>>;

const STORED: Readonly<Record<(typeof STORED_DTYPES)[number], { type: DataTypeName; bytes: number }>> = {
  F32: { type: 'float', bytes: 4 },
  F16: { type: 'float16', bytes: 2 },
  BF16: { type: 'bfloat16', bytes: 2 },
  F64: { type: 'double', bytes: 8 },
  F8_E4M3: { type: 'float8e4m3fn', bytes: 1 },
  F8_E5M2: { type: 'float8e5m2', bytes: 1 },
};

/** IR 9 and opset 20 (exact Gelu, LayerNormalization); `com.microsoft` holds onnxruntime's fused operators. */
const IR_VERSION = 9;
const OPSETS = [
  { domain: '', version: 20 },
  { domain: 'com.microsoft', version: 1 },
];

/** A sum that a normalisation behind it may take over. */
export interface Residual {
  readonly x: Value;
  readonly skip: Value;
  /** Of the last axis. */
  readonly bias: Value | undefined;
}

/** Rows of a stored tensor, under the name that the layers ask for. */
interface Rows {
  readonly name: string;
  readonly stored: StoredTensor;
  readonly first: number;
  readonly count: number;
}

export class GraphBuilder {
  readonly target: Target;
  readonly #name: string;
  readonly #label: string;
  readonly #isTemporary: boolean;
  readonly #tensors: ReadonlyMap<string, StoredTensor>;
  readonly #taken = new Set<string>();
  readonly #values = new Map<string, Value>();
  readonly #nodes: NodeProto[] = [];
  /** Tensors that a layer asked for. */
  readonly #used = new Set<StoredTensor>();
  /** Casts and transposes of weights. */
  readonly #prepared: NodeProto[] = [];
  /** Sums that nothing has taken over, by their value. */
  readonly #residuals = new Map<
    Value,
    { readonly addends: Residual; readonly nodes: readonly NodeProto[] }
  >();
  readonly #initializers: TensorProto[] = [];
  readonly #external: { proto: TensorProto; stored: StoredTensor; offset: number; length: number }[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];

  /**
   * @param name of the graph, for the log
   * @param target what the graph is built for
   * @param tensors by the names that the layers ask for (after any mapping of old names)
   */
  constructor(
    name: string,
    component: Component,
    target: Target = PORTABLE,
    tensors: ReadonlyMap<string, StoredTensor> = component.tensors,
  ) {
    this.target = target;
    this.#name = name;
    this.#label = component.configFile.replace(/\/?config\.json$/, '') || name;
    this.#isTemporary = component.isTemporary === true;
    this.#tensors = tensors;
  }

  /** Declares an input; a dimension given by name is free. */
  input(name: string, type: DataTypeName, dims: readonly (number | string)[]): Value {
    this.#inputs.push(valueInfo(name, type, dims));
    return name;
  }

  /** Declares a float32 output and makes it from a value of the target's type. */
  output(name: string, value: Value, dims: readonly (number | string)[]): void {
    const made = this.target.type === 'float' ? value : this.op('Cast', [value], { to: DataType.float });
    this.#nodes.push({ input: [made], output: [name], name, opType: 'Identity', domain: '', attribute: [] });
    this.#outputs.push(valueInfo(name, 'float', dims));
  }

  /** A float32 value in the target's type. */
  narrow(value: Value): Value {
    const { type } = this.target;
    return type === 'float' ? value : this.op('Cast', [value], { to: DataType[type] });
  }

  /** A value of the target's type in float32. */
  widen(value: Value): Value {
    return this.target.type === 'float' ? value : this.op('Cast', [value], { to: DataType.float });
  }

  /** The axis of an image's channels. */
  get channelAxis(): number {
    return this.target.channelsLast ? 3 : 1;
  }

  /** The axes of an image's height and width. */
  get sideAxes(): readonly [number, number] {
    return this.target.channelsLast ? [1, 2] : [2, 3];
  }

  /** An input image [B,C,H,W] in float32 as the graph's layers take it. */
  enter(image: Value): Value {
    const narrow = this.narrow(image);
    return this.target.channelsLast ? this.op('Transpose', [narrow], { perm: [0, 2, 3, 1] }) : narrow;
  }

  /** An image of the graph's layers as [B,C,H,W]. */
  leave(image: Value): Value {
    return this.target.channelsLast ? this.op('Transpose', [image], { perm: [0, 3, 1, 2] }) : image;
  }

  /** Adds a node with one output. An input may be '' where the operator has a gap. */
  op(opType: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
    return this.#node(opType, '', inputs, attributes);
  }

  /** The same for an operator of com.microsoft. */
  fused(opType: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
    return this.#node(opType, 'com.microsoft', inputs, attributes);
  }

  /** The same for an operator with several outputs; an output that nobody needs has the name ''. */
  fusedWithOutputs(
    opType: string,
    inputs: readonly Value[],
    outputs: readonly Value[],
    attributes: Attributes,
  ): void {
    this.#nodes.push(this.#proto(opType, 'com.microsoft', inputs, outputs, attributes));
  }

  /** A name for an output of fusedWithOutputs. */
  name(base: string): Value {
    return this.#unique(base);
  }

  /**
   * x + skip + bias. Where the next layer is a norm, takeResidual gives it the addends, so that one operator does both.
   * @param bias of the last axis
   */
  residual(x: Value, skip: Value, bias?: Value): Value {
    const first = this.#nodes.length;
    const value = this.op('Add', [bias === undefined ? x : this.op('Add', [x, bias]), skip]);
    this.#residuals.set(value, { addends: { x, skip, bias }, nodes: this.#nodes.slice(first) });
    return value;
  }

  /**
   * Takes the nodes of a residual sum out of the graph. The caller puts `operator` in their place: a node with two or
   * more outputs, one of which is the sum itself, since what comes later may read it.
   * @returns whether `value` is such a sum
   */
  takeResidual(value: Value, operator: (addends: Residual) => void): boolean {
    const found = this.#residuals.get(value);
    if (found === undefined) return false;
    this.#residuals.delete(value);
    const at = this.#nodes.indexOf(found.nodes[0]!);
    this.#nodes.splice(at, found.nodes.length);
    const later = this.#nodes.splice(at);
    operator(found.addends);
    this.#nodes.push(...later);
    return true;
  }

  /** Cuts the last axis into `count` equal parts. */
  split(x: Value, count: number): Value[] {
    const output = Array.from({ length: count }, () => this.#unique('Split'));
    const list = [attribute('axis', -1), attribute('num_outputs', count)];
    this.#nodes.push({ input: [x], output, name: output[0]!, opType: 'Split', domain: '', attribute: list });
    return output;
  }

  /** A float32 constant. */
  floats(values: readonly number[] | Float32Array, dims: readonly number[] = [values.length]): Value {
    return this.#constant('float', dims, new Uint8Array(Float32Array.from(values).buffer));
  }

  /** A constant of the target's type. */
  numbers(values: readonly number[], dims: readonly number[] = [values.length]): Value {
    if (this.target.type === 'float') return this.floats(values, dims);
    return this.#constant('float16', dims, new Uint8Array(Float16Array.from(values).buffer));
  }

  /** A vector of int64: shapes, axes, starts. */
  ints(values: readonly number[]): Value {
    return this.#constant(
      'int64',
      [values.length],
      new Uint8Array(BigInt64Array.from(values, BigInt).buffer),
    );
  }

  /** One int64 without dimensions. */
  integer(value: number): Value {
    return this.#constant('int64', [], new Uint8Array(BigInt64Array.of(BigInt(value)).buffer));
  }

  has(name: string): boolean {
    return this.#tensors.has(name);
  }

  /**
   * A weight in the target's type. One stored in another type is cast once, when the session folds its constants.
   * @param shape what the layer expects; a convolution of 1x1 passes for a matrix and the other way round
   * @param rows takes [first, first + count) of the first axis: how a fused projection is read in parts
   */
  weight(name: string, shape: readonly number[], rows?: { first: number; count: number }): Value {
    return this.#cast(this.#stored(name, shape, rows), this.target.type);
  }

  /** A matrix [outputs, inputs] as [inputs, outputs]; it is turned once, when the session folds its constants. */
  turnedWeight(
    name: string,
    shape: readonly [number, number],
    rows?: { first: number; count: number },
  ): Value {
    const weight = this.weight(name, shape, rows);
    return this.#once(`${weight}.turned`, () =>
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
    if (!this.target.channelsLast) return this.weight(name, shape);
    const [outputs, inputs, rows, columns] = shape;
    // Of a 1x1 kernel the bytes are the same in both orders.
    if (rows * columns === 1) {
      const stored = this.#stored(name, shape, undefined, [outputs, 1, 1, inputs]);
      return this.#cast(stored, this.target.type);
    }
    const weight = this.weight(name, shape);
    return this.#once(`${weight}.nhwc`, () =>
      this.#prepare('Transpose', weight, attribute('perm', [0, 2, 3, 1])),
    );
  }

  /**
   * The factors that inputs of the graph add to a weight, as matrices: down [rank, columns] and up [rows, rank].
   * @param rows of the weight, as `weight` takes them
   * @returns undefined where nothing is added to it
   */
  factors(name: string, rows?: { first: number; count: number }): { down: Value; up: Value } | undefined {
    const stored = this.#tensors.get(name);
    if (stored?.factors === undefined) return undefined;
    const { group, down, up } = stored.factors;
    const [outputs = 1, ...rest] = stored.shape;
    const columns = rest.reduce((product, side) => product * side, 1);
    const whole = this.#factor(up, [outputs, `rank.${group}`]);
    return {
      down: this.#factor(down, [`rank.${group}`, columns]),
      up:
        rows === undefined
          ? whole
          : this.op('Slice', [whole, this.ints([rows.first]), this.ints([rows.first + rows.count])]),
    };
  }

  #factor({ input, index, count }: FactorPlace, dims: readonly (number | string)[]): Value {
    const all = this.#once(`factors ${input}`, () => {
      this.input(input, this.target.type, [1, count, ...dims]);
      return this.op('Squeeze', [input, this.ints([0])]);
    });
    return this.op('Gather', [all, this.integer(index)]);
  }

  /** Rows of a table by int64 ids. They are cast after the look-up, so that the table itself stays as it is. */
  lookup(name: string, shape: readonly [number, number], ids: Value): Value {
    const stored = this.#stored(name, shape);
    const { type, storedTables } = this.target;
    if (!storedTables) return this.op('Gather', [this.#cast(stored, type), ids]);
    const found = this.op('Gather', [stored.value, ids]);
    return STORED[stored.dtype].type === type ? found : this.op('Cast', [found], { to: DataType[type] });
  }

  /**
   * Serialises the graph. A tensor that no layer asked for is left unread where its whole module is unknown here, as
   * CLIP's logit_scale and what training scripts leave behind. Within a module that is read it is a contradiction:
   * the config.json describes another model.
   * @param elsewhere whether a tensor that no layer asked for belongs to another graph of the same file
   * @throws DarkroomError('bad_model') for such a contradiction
   */
  finish(elsewhere: (name: string) => boolean = () => false): Graph {
    const unused = this.#unused(elsewhere);
    const folder = commonFolder(this.#external.map(({ stored }) => stored.file));
    const external = this.#external.map(({ proto, stored, offset, length }) => ({
      ...proto,
      dataLocation: 1,
      externalData: [
        { key: 'location', value: relative(folder, stored.file).replaceAll(sep, '/') },
        { key: 'offset', value: String(offset) },
        { key: 'length', value: String(length) },
      ],
    }));
    const bytes = encodeModel({
      irVersion: IR_VERSION,
      producerName: 'darkroom',
      opsetImport: OPSETS,
      graph: {
        name: this.#name,
        // onnxruntime takes of a node's inputs the one made last first: a cast made first runs right before it is
        // needed. Behind its layer it would run at the very beginning, and all weights would be wide at once.
        node: [...this.#prepared, ...this.#nodes],
        initializer: [...this.#initializers, ...external],
        input: this.#inputs,
        output: this.#outputs,
      },
    });
    if (this.#isTemporary) return { bytes, folder, unused };
    const files = [...new Set(this.#external.map(({ stored }) => stored.file))];
    const elements = this.#external.reduce(
      (sum, { proto }) => sum + proto.dims.reduce((a, b) => a * b, 1),
      0,
    );
    return { bytes, folder, unused, source: { files, bytes: elements * 4 } };
  }

  #unused(elsewhere: (name: string) => boolean): string[] {
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

  #node(opType: string, domain: string, inputs: readonly Value[], attributes: Attributes): Value {
    const name = this.#unique(opType);
    this.#nodes.push(this.#proto(opType, domain, inputs, [name], attributes));
    return name;
  }

  #proto(
    opType: string,
    domain: string,
    input: readonly Value[],
    output: readonly Value[],
    attributes: Attributes,
  ): NodeProto {
    const list = Object.entries(attributes).map(([key, value]) => attribute(key, value));
    return { input, output, name: output[0]!, opType, domain, attribute: list };
  }

  #cast({ value, dtype }: { value: Value; dtype: keyof typeof STORED }, type: Target['type']): Value {
    if (STORED[dtype].type === type) return value;
    return this.#once(`${value}.${type}`, () =>
      this.#prepare('Cast', value, attribute('to', DataType[type])),
    );
  }

  /** A node that only depends on weights. */
  #prepare(opType: string, value: Value | readonly Value[], ...how: readonly AttributeProto[]): Value {
    const name = this.#unique(opType);
    this.#prepared.push({ input: [value].flat(), output: [name], name, opType, domain: '', attribute: how });
    return name;
  }

  #constant(type: DataTypeName, dims: readonly number[], rawData: Uint8Array): Value {
    const key = `${type} ${dims} ${Buffer.from(rawData).toString('base64')}`;
    return this.#once(key, () => {
      const name = this.#unique('constant');
      this.#initializers.push({ name, dims, dataType: DataType[type], rawData });
      return name;
    });
  }

  #stored(
    name: string,
    shape: readonly number[],
    rows?: { first: number; count: number },
    as: readonly number[] = [rows?.count ?? shape[0]!, ...shape.slice(1)],
  ) {
    const stored = this.#tensors.get(name);
    if (stored === undefined) {
      throw new DarkroomError(
        'bad_model',
        `${this.#label}: the weights lack ${name} (${shape.join(' x ')}).`,
      );
    }
    const dtype = STORED_DTYPES.find((known) => known === stored.dtype);
    if (dtype === undefined) {
      const known = STORED_DTYPES.join(', ');
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
    const { first, count } = rows ?? { first: 0, count: shape[0]! };
    const of = { name, stored, first, count };
    const { transposed, halvesSwapped, scale, identity } = stored.decode ?? {};
    if (identity === true) return { value: this.#identity(name, shape[0]!), dtype: 'F32' as const };
    const value =
      transposed === true
        ? this.#transposed(of, shape)
        : halvesSwapped === true
          ? this.#halvesSwapped(of, as)
          : this.#region(of, as);
    return scale === undefined
      ? { value, dtype }
      : { value: this.#scaled({ first, count, stored: scale }, { value, dtype }, as), dtype: 'F32' as const };
  }

  /** `count` rows of a tensor in its file, from `first` on. */
  #region({ name, stored, first, count }: Rows, as: readonly number[]): Value {
    const rowBytes = stored.length / (stored.shape[0] ?? 1);
    return this.#once(`weight ${name} ${as} ${first}`, () => {
      const unique = this.#unique(name);
      const type = STORED[stored.dtype as keyof typeof STORED].type;
      this.#external.push({
        proto: { name: unique, dims: as, dataType: DataType[type] },
        stored,
        offset: stored.offset + first * rowBytes,
        length: count * rowBytes,
      });
      return unique;
    });
  }

  #transposed(of: Rows, [rows, columns]: readonly number[]): Value {
    if (of.first !== 0 || of.count !== rows) throw new Error(`${of.name} is transposed: it is used whole`);
    const value = this.#region(of, [columns!, rows]);
    return this.#once(`${value}.transposed`, () =>
      this.#prepare('Transpose', value, attribute('perm', [1, 0])),
    );
  }

  #halvesSwapped(of: Rows, [rows, ...rest]: readonly number[]): Value {
    if (of.first !== 0 || of.count !== rows)
      throw new Error(`the halves of ${of.name} are swapped: it is used whole`);
    const half = of.count / 2;
    const [front, back] = [0, half].map((first) =>
      this.#region({ ...of, first, count: half }, [half, ...rest]),
    );
    return this.#once(`${front}.swapped`, () =>
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
    const factor = isOne
      ? this.#region({ name: scale.name, stored: scale, first: 0, count: scale.shape[0] ?? 1 }, [])
      : this.#region({ name: scale.name, stored: scale, first, count }, [rows!, ...rest.map(() => 1)]);
    const wide = this.#cast({ value: factor, dtype: scale.dtype as keyof typeof STORED }, 'float');
    return this.#once(`${value} times ${factor}`, () =>
      this.#prepare('Mul', [this.#cast({ value, dtype }, 'float'), wide]),
    );
  }

  #identity(name: string, size: number): Value {
    return this.#once(`identity ${size}`, () => {
      const unique = this.#unique(name);
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

  #once(key: string, make: () => Value): Value {
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const value = make();
    this.#values.set(key, value);
    return value;
  }

  #unique(base: string): string {
    let name = base;
    for (let i = 1; this.#taken.has(name); i++) name = `${base}_${i}`;
    this.#taken.add(name);
    return name;
  }
}

/** The first part of a tensor's name; of a ControlNet within a UNet's graph, the first behind its prefix. */
const moduleOf = (name: string): string => /^(controlnet\.\d+\.)?[^.]*/.exec(name)![0];

function valueInfo(name: string, type: DataTypeName, dims: readonly (number | string)[]): ValueInfoProto {
  const dim = dims.map((d) => (typeof d === 'number' ? { dimValue: d } : { dimParam: d }));
  return { name, type: { tensorType: { elemType: DataType[type], shape: { dim } } } };
}

/** A shape without its trailing ones: [C, C, 1, 1] and [C, C] hold the same bytes. */
function trimmed(shape: readonly number[]): string {
  return shape.slice(0, Math.max(2, shape.findLastIndex((n) => n !== 1) + 1)).join('x');
}

function commonFolder(files: readonly string[]): string {
  let folder = dirname(files[0] ?? '/');
  for (const file of files) {
    while (folder !== dirname(folder) && !`${dirname(file)}${sep}`.startsWith(`${folder}${sep}`))
      folder = dirname(folder);
  }
  return folder;
}
