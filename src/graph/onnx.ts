/**
 * The parts of ONNX's protobuf that the builders write (onnx/onnx.proto3, field numbers from there), and the
 * numbers of its enums.
 */
import protobuf from 'protobufjs/light.js';

/** TensorProto.DataType */
export const DataType = {
  float: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  float16: 10,
  double: 11,
  bfloat16: 16,
  float8e4m3fn: 17,
  float8e5m2: 19,
} as const;
/** The name of a tensor within the graph. */
export type Value = string;
export type DataTypeName = keyof typeof DataType;

/** AttributeProto.AttributeType */
const AttributeType = { float: 1, int: 2, string: 3, ints: 7 } as const;

export type AttributeValue = number | string | readonly number[];

export interface AttributeProto {
  name: string;
  type: number;
  f?: number;
  i?: number;
  s?: Uint8Array;
  ints?: readonly number[];
}

export interface NodeProto {
  input: readonly string[];
  output: readonly string[];
  name: string;
  opType: string;
  domain: string;
  attribute: readonly AttributeProto[];
}

export interface TensorProto {
  name: string;
  dims: readonly number[];
  dataType: number;
  rawData?: Uint8Array;
  /** 1 is EXTERNAL. */
  dataLocation?: number;
  externalData?: readonly { key: string; value: string }[];
}

export interface ValueInfoProto {
  name: string;
  type: {
    tensorType: {
      elemType: number;
      shape: { dim: readonly ({ dimValue: number } | { dimParam: string })[] };
    };
  };
}

export interface ModelProto {
  irVersion: number;
  producerName: string;
  opsetImport: readonly { domain: string; version: number }[];
  graph: {
    name: string;
    node: readonly NodeProto[];
    initializer: readonly TensorProto[];
    input: readonly ValueInfoProto[];
    output: readonly ValueInfoProto[];
  };
}

const one = (type: string, id: number) => ({ type, id });
const many = (type: string, id: number) => ({ rule: 'repeated', type, id });

export const ModelType = protobuf.Root.fromJSON({
  nested: {
    Model: {
      fields: {
        irVersion: one('int64', 1),
        producerName: one('string', 2),
        graph: one('Graph', 7),
        opsetImport: many('OperatorSetId', 8),
      },
    },
    OperatorSetId: { fields: { domain: one('string', 1), version: one('int64', 2) } },
    Graph: {
      fields: {
        node: many('Node', 1),
        name: one('string', 2),
        initializer: many('Tensor', 5),
        input: many('ValueInfo', 11),
        output: many('ValueInfo', 12),
      },
    },
    Node: {
      fields: {
        input: many('string', 1),
        output: many('string', 2),
        name: one('string', 3),
        opType: one('string', 4),
        attribute: many('Attribute', 5),
        domain: one('string', 7),
      },
    },
    Attribute: {
      fields: {
        name: one('string', 1),
        f: one('float', 2),
        i: one('int64', 3),
        s: one('bytes', 4),
        ints: many('int64', 8),
        type: one('int32', 20),
      },
    },
    Tensor: {
      fields: {
        dims: many('int64', 1),
        dataType: one('int32', 2),
        name: one('string', 8),
        rawData: one('bytes', 9),
        externalData: many('StringStringEntry', 13),
        dataLocation: one('int32', 14),
      },
    },
    StringStringEntry: { fields: { key: one('string', 1), value: one('string', 2) } },
    ValueInfo: { fields: { name: one('string', 1), type: one('TypeProto', 2) } },
    TypeProto: { fields: { tensorType: one('TensorType', 1) } },
    TensorType: { fields: { elemType: one('int32', 1), shape: one('Shape', 2) } },
    Shape: { fields: { dim: many('Dimension', 1) } },
    Dimension: { fields: { dimValue: one('int64', 1), dimParam: one('string', 2) } },
  },
}).lookupType('Model');

/** The bytes of a model file. Integers above 2^53 are not needed and not supported. */
export function encodeModel(model: ModelProto): Uint8Array {
  return ModelType.encode(model).finish();
}

/** How long the file of a model's external data must be at least. @throws where the bytes are no model */
export function externalBytes(model: Uint8Array): number {
  const { graph } = ModelType.toObject(ModelType.decode(model), {
    defaults: true,
    longs: Number,
  }) as ModelProto;
  const ends = graph.initializer.map(({ externalData = [] }) => {
    const of = (name: string) => Number(externalData.find(({ key }) => key === name)?.value ?? 0);
    return of('offset') + of('length');
  });
  return ends.reduce((longest, end) => Math.max(longest, end), 0);
}

/** What encodeModel wrote. */
export function decodeModel(bytes: Uint8Array): ModelProto {
  return ModelType.toObject(ModelType.decode(bytes), {
    longs: Number,
    arrays: true,
  }) as unknown as ModelProto;
}

/** An attribute whose kind follows from its value; a whole number meant as a float is given as {float}. */
export function attribute(name: string, value: AttributeValue | { readonly float: number }): AttributeProto {
  if (typeof value === 'number') return { name, type: AttributeType.int, i: value };
  if (typeof value === 'string')
    return { name, type: AttributeType.string, s: new TextEncoder().encode(value) };
  if ('float' in value) return { name, type: AttributeType.float, f: value.float };
  return { name, type: AttributeType.ints, ints: value };
}
