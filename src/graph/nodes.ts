/**
 * The nodes of one ONNX graph with unique names, its inputs and outputs, and small constants, each of them once. What a
 * graph is built for, and its weights, are the builder's (builder.ts).
 */
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

export type Attributes = Readonly<Record<string, AttributeValue | { readonly float: number }>>;

/** IR 9 and opset 20 (exact Gelu, LayerNormalization); `com.microsoft` holds onnxruntime's fused operators. */
const IR_VERSION = 9;
const OPSETS = [
  { domain: '', version: 20 },
  { domain: 'com.microsoft', version: 1 },
];

/** A sum that a normalisation behind it may take over. */
interface Residual {
  readonly x: Value;
  readonly skip: Value;
  /** Of the last axis. */
  readonly bias: Value | undefined;
}

export class GraphNodes {
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

  /** Declares an input; a dimension given by name is free. */
  input(name: string, type: DataTypeName, dims: readonly (number | string)[]): Value {
    this.#inputs.push(valueInfo(name, type, dims));
    return name;
  }

  /** Declares a float32 output, which is a value under another name. */
  protected declareOutput(name: string, value: Value, dims: readonly (number | string)[]): void {
    this.#nodes.push({ input: [value], output: [name], name, opType: 'Identity', domain: '', attribute: [] });
    this.#outputs.push(valueInfo(name, 'float', dims));
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
    this.withOutputs(opType, 'com.microsoft', inputs, outputs, attributes);
  }

  protected withOutputs(
    opType: string,
    domain: string,
    inputs: readonly Value[],
    outputs: readonly Value[],
    attributes: Attributes,
  ): void {
    this.#nodes.push(this.#proto(opType, domain, inputs, outputs, attributes));
  }

  /** A name for an output of fusedWithOutputs. */
  name(base: string): Value {
    return this.unique(base);
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
    const output = Array.from({ length: count }, () => this.unique('Split'));
    const list = [attribute('axis', -1), attribute('num_outputs', count)];
    this.#nodes.push({ input: [x], output, name: output[0]!, opType: 'Split', domain: '', attribute: list });
    return output;
  }

  /** A float32 constant. */
  floats(values: readonly number[] | Float32Array, dims: readonly number[] = [values.length]): Value {
    return this.constant('float', dims, new Uint8Array(Float32Array.from(values).buffer));
  }

  /** A vector of int64: shapes, axes, starts. */
  ints(values: readonly number[]): Value {
    return this.constant('int64', [values.length], new Uint8Array(BigInt64Array.from(values, BigInt).buffer));
  }

  /** One int64 without dimensions. */
  integer(value: number): Value {
    return this.constant('int64', [], new Uint8Array(BigInt64Array.of(BigInt(value)).buffer));
  }

  /**
   * @param prepared nodes before all others
   * @param weights initializers beside the constants
   */
  protected encode(
    name: string,
    {
      prepared,
      weights,
    }: { readonly prepared: readonly NodeProto[]; readonly weights: readonly TensorProto[] },
  ): Uint8Array {
    return encodeModel({
      irVersion: IR_VERSION,
      producerName: 'darkroom',
      opsetImport: OPSETS,
      graph: {
        name,
        node: [...prepared, ...this.#nodes],
        initializer: [...this.#initializers, ...weights],
        input: this.#inputs,
        output: this.#outputs,
      },
    });
  }

  #node(opType: string, domain: string, inputs: readonly Value[], attributes: Attributes): Value {
    const name = this.unique(opType);
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

  protected constant(type: DataTypeName, dims: readonly number[], rawData: Uint8Array): Value {
    const key = `${type} ${dims} ${Buffer.from(rawData).toString('base64')}`;
    return this.once(key, () => {
      const name = this.unique('constant');
      this.#initializers.push({ name, dims, dataType: DataType[type], rawData });
      return name;
    });
  }

  protected once(key: string, make: () => Value): Value {
    const known = this.#values.get(key);
    if (known !== undefined) return known;
    const value = make();
    this.#values.set(key, value);
    return value;
  }

  protected unique(base: string): string {
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
