/** Assembles one ONNX graph: nodes with unique names, small constants, and weights that stay on disk. */
import { dirname, relative, sep } from 'node:path';
import { DarkroomError } from '../errors.ts';
import { type Component, type Graph, STORED_DTYPES, type StoredTensor } from './component.ts';
import {
  type AttributeValue,
  attribute,
  DataType,
  type DataTypeName,
  encodeModel,
  type NodeProto,
  type TensorProto,
  type ValueInfoProto,
} from './onnx.ts';

/** The name of a tensor within the graph. */
export type Value = string;
export type Attributes = Readonly<Record<string, AttributeValue | { readonly float: number }>>;

const STORED: Readonly<Record<(typeof STORED_DTYPES)[number], { type: DataTypeName; bytes: number }>> = {
  F32: { type: 'float', bytes: 4 },
  F16: { type: 'float16', bytes: 2 },
  BF16: { type: 'bfloat16', bytes: 2 },
};

/** IR 9 and opset 20 (exact Gelu, LayerNormalization); `com.microsoft` holds onnxruntime's fused operators. */
const IR_VERSION = 9;
const OPSETS = [
  { domain: '', version: 20 },
  { domain: 'com.microsoft', version: 1 },
];

export class GraphBuilder {
  readonly #name: string;
  readonly #label: string;
  readonly #tensors: ReadonlyMap<string, StoredTensor>;
  readonly #taken = new Set<string>();
  readonly #values = new Map<string, Value>();
  readonly #nodes: NodeProto[] = [];
  /** Casts of weights. */
  readonly #widening: NodeProto[] = [];
  readonly #initializers: TensorProto[] = [];
  readonly #external: { proto: TensorProto; stored: StoredTensor; offset: number; length: number }[] = [];
  readonly #inputs: ValueInfoProto[] = [];
  readonly #outputs: ValueInfoProto[] = [];

  /**
   * @param name of the graph, for the log
   * @param tensors by the names that the layers ask for (after any mapping of old names)
   */
  constructor(name: string, component: Component, tensors = component.tensors) {
    this.#name = name;
    this.#label = component.configFile.replace(/\/?config\.json$/, '') || name;
    this.#tensors = tensors;
  }

  /** Declares an input; a dimension given by name is free. */
  input(name: string, type: DataTypeName, dims: readonly (number | string)[]): Value {
    this.#inputs.push(valueInfo(name, type, dims));
    return name;
  }

  output(name: string, value: Value, dims: readonly (number | string)[]): void {
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
   * A weight as float32. Half-width weights are widened once, when the session folds its constants.
   * @param shape what the layer expects; a convolution of 1x1 passes for a matrix and the other way round
   * @param rows takes [first, first + count) of the first axis: how a fused projection is read in parts
   */
  weight(name: string, shape: readonly number[], rows?: { first: number; count: number }): Value {
    const stored = this.#stored(name, shape, rows);
    if (STORED[stored.dtype].type === 'float') return stored.value;
    return this.#once(`${stored.value}.f32`, () => this.#widen(stored.value));
  }

  /** Rows of a table by int64 ids. They are widened after the look-up, so that the table itself stays as it is. */
  lookup(name: string, shape: readonly [number, number], ids: Value): Value {
    const stored = this.#stored(name, shape);
    const found = this.op('Gather', [stored.value, ids]);
    return STORED[stored.dtype].type === 'float' ? found : this.op('Cast', [found], { to: DataType.float });
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
        node: [...this.#widening, ...this.#nodes],
        initializer: [...this.#initializers, ...external],
        input: this.#inputs,
        output: this.#outputs,
      },
    });
    return { bytes, folder, unused };
  }

  #unused(elsewhere: (name: string) => boolean): string[] {
    const used = new Set(this.#external.map(({ stored }) => stored));
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
    const list = Object.entries(attributes).map(([key, value]) => attribute(key, value));
    this.#nodes.push({ input: inputs, output: [name], name, opType, domain, attribute: list });
    return name;
  }

  #widen(value: Value): Value {
    const name = this.#unique('Cast');
    const list = [attribute('to', DataType.float)];
    this.#widening.push({
      input: [value],
      output: [name],
      name,
      opType: 'Cast',
      domain: '',
      attribute: list,
    });
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

  #stored(name: string, shape: readonly number[], rows?: { first: number; count: number }) {
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
    const { first, count } = rows ?? { first: 0, count: shape[0]! };
    const dims = [count, ...shape.slice(1)];
    const rowBytes = shape.slice(1).reduce((product, n) => product * n, STORED[dtype].bytes);
    const value = this.#once(`weight ${name} ${dims} ${first}`, () => {
      const unique = this.#unique(name);
      const proto = { name: unique, dims, dataType: DataType[STORED[dtype].type] };
      this.#external.push({
        proto,
        stored,
        offset: stored.offset + first * rowBytes,
        length: count * rowBytes,
      });
      return unique;
    });
    return { value, dtype };
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
