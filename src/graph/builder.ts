/** Assembles one ONNX graph: nodes with unique names, small constants, and weights that stay on disk. */
import type { Component, FactorPlace, Graph, StoredTensor } from './component.ts';
import {
  type AttributeValue,
  attribute,
  DataType,
  type DataTypeName,
  encodeModel,
  type NodeProto,
  type TensorProto,
  type Value,
  type ValueInfoProto,
} from './onnx.ts';
import { PORTABLE, type Target } from './target.ts';
import { GraphWeights, type Int8Weight, type RowRange } from './weights.ts';

export type { Value } from './onnx.ts';
export type Attributes = Readonly<Record<string, AttributeValue | { readonly float: number }>>;

/** IR 9 and opset 20 (exact Gelu, LayerNormalization); `com.microsoft` holds onnxruntime's fused operators. */
const IR_VERSION = 9;
const OPSETS = [
  { domain: '', version: 20 },
  { domain: 'com.microsoft', version: 1 },
];

/** Of a weight in blocks, in float32: 32 MB. A layer of FLUX.1 has eight times as many. */
const NUMBERS_AT_ONCE = 2 ** 23;

/** A sum that a normalisation behind it may take over. */
export interface Residual {
  readonly x: Value;
  readonly skip: Value;
  /** Of the last axis. */
  readonly bias: Value | undefined;
}

export class GraphBuilder {
  readonly target: Target;
  readonly #name: string;
  readonly #isTemporary: boolean;
  readonly #weights: GraphWeights;
  readonly #taken = new Set<string>();
  readonly #values = new Map<string, Value>();
  readonly #nodes: NodeProto[] = [];
  /** Sums that nothing has taken over, by their value. */
  readonly #residuals = new Map<
    Value,
    { readonly addends: Residual; readonly nodes: readonly NodeProto[] }
  >();
  readonly #initializers: TensorProto[] = [];
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
    this.#isTemporary = component.isTemporary === true;
    const label = component.configFile.replace(/\/?config\.json$/, '') || name;
    this.#weights = new GraphWeights(label, tensors, target, {
      unique: (base) => this.#unique(base),
      once: (key, make) => this.#once(key, make),
      constant: (type, dims, rawData) => this.#constant(type, dims, rawData),
    });
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
    return this.#weights.get(name) !== undefined;
  }

  /** As GraphWeights has it; and so the next three. */
  weight(name: string, shape: readonly number[], rows?: RowRange): Value {
    return this.#weights.weight(name, shape, rows);
  }

  isInBlocks(name: string): boolean {
    return this.#weights.isInBlocks(name);
  }

  /**
   * Rows of a weight [outputs, inputs] in turn, where it is read out of its blocks at each run: so that no more than a part
   * of it is in memory in full width.
   * @returns one range, of all rows, for other weights
   */
  rowsInTurn(
    name: string,
    [outputs, inputs]: readonly [number, number],
    rows?: RowRange,
  ): readonly RowRange[] {
    const { first, count } = rows ?? { first: 0, count: outputs };
    const isReadOut = this.target.blocksInPlace && this.#weights.hasRowsInBlocks(name, inputs);
    const most = isReadOut ? Math.max(1, Math.floor(NUMBERS_AT_ONCE / inputs)) : count;
    const parts = Math.max(1, Math.ceil(count / most));
    const bounds = Array.from({ length: parts + 1 }, (_, i) => first + Math.round((i * count) / parts));
    return bounds.slice(1).map((end, i) => ({ first: bounds[i]!, count: end - bounds[i]! }));
  }

  /**
   * x [..., inputs] times a weight [outputs, inputs] that is stored in blocks, by onnxruntime's operator for such weights.
   * @returns undefined where the weight is stored otherwise
   */
  blockProduct(x: Value, name: string, shape: readonly [number, number], rows?: RowRange): Value | undefined {
    const matrix = this.#weights.blockMatrix(name, shape, rows);
    if (matrix === undefined) return undefined;
    const { bits, blockSize, quants, scales, halvesApart } = matrix;
    const ordered = halvesApart ? this.#once(`${x} halves apart`, () => this.#paired(x, blockSize)) : x;
    return this.fused('MatMulNBits', [ordered, quants, scales], {
      ...{ K: shape[1], N: rows?.count ?? shape[0], bits, block_size: blockSize },
      // Higher levels round x to 8 bits: 0.7 % off, where float32 agrees to seven digits.
      accuracy_level: 1,
    });
  }

  /** The last axis in another order: of each block, every number of its first half beside the one of its second half. */
  #paired(x: Value, blockSize: number): Value {
    const halves = this.op('Reshape', [x, this.ints([-1, 2, blockSize / 2])]);
    const paired = this.op('Transpose', [halves], { perm: [0, 2, 1] });
    return this.op('Reshape', [paired, this.op('Shape', [x])]);
  }

  turnedWeight(name: string, shape: readonly [number, number], rows?: RowRange): Value {
    return this.#weights.turnedWeight(name, shape, rows);
  }

  wideWeight(name: string, shape: readonly number[]): Value {
    return this.#weights.wideWeight(name, shape);
  }

  kernel(name: string, shape: readonly [number, number, number, number]): Value {
    return this.#weights.kernel(name, shape);
  }

  /**
   * The factors that inputs of the graph add to a weight, as matrices: down [rank, columns] and up [rows, rank].
   * @param rows of the weight, as `weight` takes them
   * @returns undefined where nothing is added to it
   */
  factors(name: string, rows?: RowRange): { down: Value; up: Value } | undefined {
    const stored = this.#weights.get(name);
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

  /** A weight in 8 bits, as GraphWeights makes it. */
  int8Weight(name: string, shape: readonly number[], rows?: RowRange): Int8Weight {
    return this.#weights.int8Weight(name, shape, rows);
  }

  /** A value as uint8, with its scale and zero point: both of the whole tensor, found as the graph runs. */
  quantise(x: Value): { values: Value; scale: Value; zero: Value } {
    const values = this.#once(`quantised ${x}`, () => {
      const name = this.#unique('DynamicQuantizeLinear');
      const output = [name, `${name}.scale`, `${name}.zero`];
      this.#nodes.push({
        ...{ input: [x], output, name },
        ...{ opType: 'DynamicQuantizeLinear', domain: '', attribute: [] },
      });
      return name;
    });
    return { values, scale: `${values}.scale`, zero: `${values}.zero` };
  }

  /** Rows of a table by int64 ids. They are cast after the look-up, so that the table itself stays as it is. */
  lookup(name: string, shape: readonly [number, number], ids: Value): Value {
    const { type, storedTables } = this.target;
    if (!storedTables) return this.op('Gather', [this.weight(name, shape), ids]);
    const table = this.#weights.table(name, shape);
    if (table === undefined) {
      const rows = this.#weights.blockRows(name, shape, ids, (opType, inputs, attributes) =>
        this.op(opType, inputs, attributes),
      );
      const sides = this.op('Concat', [this.op('Shape', [ids]), this.ints([shape[1]])], { axis: 0 });
      return this.narrow(this.op('Reshape', [rows, sides]));
    }
    const found = this.op('Gather', [table.value, ids]);
    return table.type === type ? found : this.op('Cast', [found], { to: DataType[type] });
  }

  /**
   * Serialises the graph. A tensor that no layer asked for is left unread where its whole module is unknown here, as
   * CLIP's logit_scale and what training scripts leave behind. Within a module that is read it is a contradiction:
   * the config.json describes another model.
   * @param elsewhere whether a tensor that no layer asked for belongs to another graph of the same file
   * @throws DarkroomError('bad_model') for such a contradiction
   */
  finish(elsewhere: (name: string) => boolean = () => false): Graph {
    const unused = this.#weights.unused(elsewhere);
    const { folder, protos } = this.#weights.initializers();
    const bytes = encodeModel({
      irVersion: IR_VERSION,
      producerName: 'darkroom',
      opsetImport: OPSETS,
      graph: {
        name: this.#name,
        // onnxruntime takes of a node's inputs the one made last first: a cast made first runs right before it is
        // needed. Behind its layer it would run at the very beginning, and all weights would be wide at once.
        node: [...this.#weights.prepared, ...this.#nodes],
        initializer: [...this.#initializers, ...protos],
        input: this.#inputs,
        output: this.#outputs,
      },
    });
    const { files, elements, prepared, quantised, hasBlocks } = this.#weights;
    const blocks = this.target.blocksInPlace ? 'in place' : 'folded';
    const graph = {
      ...{ bytes, folder, unused },
      ...(quantised !== undefined && { quantised }),
      ...(hasBlocks && ({ blocks } as const)),
    };
    if (this.#isTemporary) return graph;
    const isCast = quantised === undefined && prepared.every(({ opType }) => opType === 'Cast');
    return { ...graph, source: { files, bytes: elements * 4 + (quantised?.bytes ?? 0), isCast } };
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

  #constant(type: DataTypeName, dims: readonly number[], rawData: Uint8Array): Value {
    const key = `${type} ${dims} ${Buffer.from(rawData).toString('base64')}`;
    return this.#once(key, () => {
      const name = this.#unique('constant');
      this.#initializers.push({ name, dims, dataType: DataType[type], rawData });
      return name;
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

function valueInfo(name: string, type: DataTypeName, dims: readonly (number | string)[]): ValueInfoProto {
  const dim = dims.map((d) => (typeof d === 'number' ? { dimValue: d } : { dimParam: d }));
  return { name, type: { tensorType: { elemType: DataType[type], shape: { dim } } } };
}
