/**
 * Turns the operators that only CUDA has into standard ones, by onnxruntime's definitions of them
 * (onnxruntime/core/graph/contrib_ops/diffusion_defs.cc, bert_defs.cc), so that a CUDA graph runs on the CPU.
 */
import type { Graph } from '../../src/graph/component.ts';
import {
  type AttributeProto,
  attribute,
  DataType,
  encodeModel,
  type ModelProto,
  ModelType,
  type NodeProto,
  type TensorProto,
} from '../../src/graph/onnx.ts';

type Attributes = Parameters<typeof attribute>[1];
const TO_NCHW = [0, 3, 1, 2];
const TO_NHWC = [0, 2, 3, 1];

export function decodeGraph(graph: Graph): ModelProto {
  const decoded = ModelType.decode(graph.bytes);
  return ModelType.toObject(decoded, { longs: Number, defaults: false, arrays: true }) as ModelProto;
}

export function encodeGraph(model: ModelProto, { folder }: Graph): Graph {
  return { bytes: encodeModel(model), folder };
}

/** @returns the same model without operators of CUDA alone */
export function lower(model: ModelProto): ModelProto {
  const lowering = new Lowering();
  const node = model.graph.node.flatMap((one) => lowering.lower(one));
  const initializer = [...model.graph.initializer, ...lowering.constants];
  return { ...model, graph: { ...model.graph, node, initializer } };
}

class Lowering {
  readonly constants: TensorProto[] = [];
  #made = 0;
  #nodes: NodeProto[] = [];

  lower(node: NodeProto): NodeProto[] {
    this.#nodes = [];
    switch (node.opType) {
      case 'NhwcConv':
        this.#conv(node);
        return this.#nodes;
      case 'GroupNorm':
      case 'SkipGroupNorm':
        this.#groupNorm(node);
        return this.#nodes;
      case 'BiasSplitGelu':
        this.#splitGelu(node);
        return this.#nodes;
      case 'SkipLayerNormalization':
        this.#skipLayerNorm(node);
        return this.#nodes;
      default:
        return [node];
    }
  }

  #conv({ input: [x, weight, bias], output: [y], attribute: list }: NodeProto): void {
    const image = this.#op('Transpose', [x!], { perm: TO_NCHW });
    const kernel = this.#op('Transpose', [weight!], { perm: TO_NCHW });
    const biases = bias === undefined ? [] : [bias];
    const result = this.#op('Conv', [image, kernel, ...biases], {}, undefined, list);
    this.#op('Transpose', [result], { perm: TO_NHWC }, y);
  }

  #groupNorm({
    input: [x, gamma, beta, skip, bias = ''],
    output: [y, sum],
    attribute: list,
    opType,
  }: NodeProto): void {
    const { groups, activation } = numbersOf(list) as { groups: number; activation: number };
    let input = x!;
    if (opType === 'SkipGroupNorm') {
      // Without the sum as an output, the skip is one row for each picture.
      const addend = sum === undefined ? this.#op('Unsqueeze', [skip!, this.#ints([1, 2])]) : skip!;
      const biased = bias === '' ? x! : this.#op('Add', [x!, bias]);
      input = this.#op('Add', [biased, addend], {}, sum);
    }
    const wide = this.#op('Cast', [this.#op('Transpose', [input], { perm: TO_NCHW })], {
      to: DataType.float,
    });
    const shape = this.#op('Shape', [wide]);
    const grouped = this.#op('Reshape', [wide, this.#ints([0, groups, -1])]);
    const epsilon = list.filter(({ name }) => name === 'epsilon');
    const [ones, zeros] = [1, 0].map((value) => this.#floats(new Array<number>(groups).fill(value)));
    const normal = this.#op('InstanceNormalization', [grouped, ones!, zeros!], {}, undefined, epsilon);
    const image = this.#op('Transpose', [this.#op('Reshape', [normal, shape])], { perm: TO_NHWC });
    const scaled = this.#op('Add', [this.#op('Mul', [image, gamma!]), beta!]);
    const active = activation === 1 ? this.#op('Mul', [scaled, this.#op('Sigmoid', [scaled])]) : scaled;
    this.#op('CastLike', [active, x!], {}, y);
  }

  #splitGelu({ input: [x, bias], output: [y] }: NodeProto): void {
    const sum = this.#op('Add', [x!, bias!]);
    const halves = [this.#name(), this.#name()];
    this.#nodes.push({
      ...{ input: [sum], output: halves, name: this.#name(), opType: 'Split', domain: '' },
      attribute: [attribute('axis', -1), attribute('num_outputs', 2)],
    });
    this.#op('Mul', [halves[0]!, this.#op('Gelu', [halves[1]!])], {}, y);
  }

  #skipLayerNorm({ input, output, attribute: list }: NodeProto): void {
    const [x, skip, gamma, beta, bias = ''] = input as [string, string, string, string, string?];
    const addend = bias === '' ? x : this.#op('Add', [x, bias]);
    const sum = this.#op('Add', [addend, skip], {}, output[3]);
    this.#op('LayerNormalization', [sum, gamma, beta], { axis: -1 }, output[0], list);
  }

  #op(
    opType: string,
    input: readonly string[],
    attributes: Readonly<Record<string, Attributes>> = {},
    output = this.#name(),
    more: readonly AttributeProto[] = [],
  ): string {
    const list = Object.entries(attributes).map(([name, value]) => attribute(name, value));
    this.#nodes.push({
      ...{ input, output: [output], name: this.#name(), opType, domain: '' },
      attribute: [...list, ...more],
    });
    return output;
  }

  #ints(values: readonly number[]): string {
    const rawData = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    return this.#constant({ dims: [values.length], dataType: DataType.int64, rawData });
  }

  #floats(values: readonly number[]): string {
    const rawData = new Uint8Array(Float32Array.from(values).buffer);
    return this.#constant({ dims: [values.length], dataType: DataType.float, rawData });
  }

  #constant(tensor: Omit<TensorProto, 'name'>): string {
    const name = this.#name();
    this.constants.push({ name, ...tensor });
    return name;
  }

  #name(): string {
    return `lowered.${this.#made++}`;
  }
}

const numbersOf = (list: readonly AttributeProto[]) =>
  Object.fromEntries(list.map(({ name, i = 0 }) => [name, i]));
