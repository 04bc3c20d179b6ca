/**
 * What a graph takes up in memory: its weights as they are held, and the values that exist at the same time while it
 * runs on inputs of given sizes. Nothing is loaded for it.
 */
import type { Graph } from './component.ts';
import { DataType, decodeModel, type NodeProto } from './onnx.ts';
import { Attributes, count, type Shaped, shapeRule } from './shapes.ts';

/** Sizes of a graph's free dimensions by their names. */
export type Sides = Readonly<Record<string, number>>;

export interface Outline {
  /** Bytes of the weights once those that are stored in another type are cast. */
  readonly weights: number;
  /** Bytes of the same weights as they lie in their files. */
  readonly stored: number;
  /** Bytes of the largest weight that is cast or turned before it is read; 0 where all are read as they are stored. */
  readonly largest: number;
  /** Bytes, as stored, of the weights of which a run reads some rows only: embeddings of tokens and of positions. */
  readonly lookedUp: number;
  /** The graph's inputs: their sides are numbers, or names of free dimensions. */
  readonly inputs: ReadonlyMap<string, readonly (number | string)[]>;
  /**
   * Bytes of the values that exist at once while the graph runs, at most: its inputs, what lies between its operators, and
   * its outputs. A free dimension without a size counts as 1.
   */
  activations(sides: Sides): number;
  /** Operators of the graph that have no rule for their shapes. */
  readonly unknown: readonly string[];
}

const BYTES: ReadonlyMap<number, number> = new Map([
  [DataType.float, 4],
  [DataType.int32, 4],
  [DataType.int64, 8],
  [DataType.float16, 2],
  [DataType.uint8, 1],
  [DataType.int8, 1],
  [DataType.bfloat16, 2],
  [1 + DataType.float, 1],
  [2 + DataType.float, 1],
  [9, 1],
]);
const bytesOf = (dataType: number) => BYTES.get(dataType) ?? 4;

/** Of an element, for operators whose result has another type than their first input. */
const BYTES_MADE: ReadonlyMap<string, number> = new Map([
  ['Shape', 8],
  ['ArgMax', 8],
  ['DynamicQuantizeLinear', 1],
  ['MatMulIntegerToFloat', 4],
]);

/** Values of at most so many elements are kept, since they may become shapes. */
const FEW = 8192;
/** Operators whose output is their input under another shape. */
const ALIASES: readonly string[] = ['Reshape', 'Squeeze', 'Unsqueeze', 'Identity'];
/** Operators that may write over an input of the same size that nobody reads afterwards (onnxruntime's MayInplace). */
const IN_PLACE: readonly string[] = [
  ...['Add', 'Sub', 'Mul', 'Div', 'Clip', 'Relu', 'LeakyRelu', 'Gelu', 'QuickGelu', 'Sigmoid', 'Softmax'],
];

interface Step {
  readonly node: NodeProto;
  readonly attributes: Attributes;
}

export function outlineOf({ bytes }: Pick<Graph, 'bytes'>): Outline {
  const { graph } = decodeModel(bytes);
  const constants = new Map<string, Shaped>();
  const fromFiles = new Map<string, number>();
  /** Bytes that are listed under several types are there once. */
  const places = new Map<string, number>();
  const placeOf = new Map<string, string>();
  for (const { name, dims, dataType, rawData, externalData } of graph.initializer) {
    const size = bytesOf(dataType);
    const isExternal = (externalData?.length ?? 0) > 0;
    if (isExternal) {
      fromFiles.set(name, size * count(dims));
      const place = JSON.stringify(externalData);
      places.set(place, size * count(dims));
      placeOf.set(name, place);
    }
    constants.set(name, { dims, bytes: size, ...(isExternal ? {} : valuesOf(dims, dataType, rawData)) });
  }
  const unknown = new Set(
    graph.node.map(({ opType }) => opType).filter((name) => shapeRule(name) === undefined),
  );
  const steps: Step[] = [];
  /** Weights that are read as they are, and those that are cast or turned first. */
  const held = new Map<string, number>();
  const readWhole = new Set<string>();
  for (const node of graph.node) {
    const attributes = new Attributes(node);
    if (node.input.length > 0 && node.input.every((name) => name === '' || constants.has(name))) {
      shapesOf({ node, attributes }, constants).forEach((shaped, i) => {
        constants.set(node.output[i]!, shaped);
        if (node.input.some((name) => held.has(name) || fromFiles.has(name))) {
          held.set(node.output[i]!, sizeOf(shaped));
        }
      });
      for (const name of node.input) readWhole.add(name);
      continue;
    }
    steps.push({ node, attributes });
    for (const name of node.opType === 'Gather' ? node.input.slice(1) : node.input) readWhole.add(name);
  }
  const read = new Set(steps.flatMap(({ node }) => node.input));
  const made = [...held].filter(([name]) => read.has(name)).map(([, size]) => size);
  for (const [name, size] of fromFiles) held.set(name, size);
  const sizes = [...held].filter(([name]) => read.has(name)).map(([, size]) => size);
  // Bytes that are listed under another name as well may be read whole under that one.
  const whole = new Set(placeOf.entries().flatMap(([name, place]) => (readWhole.has(name) ? [place] : [])));
  const inputs = new Map(
    graph.input.map(({ name, type }) => [
      name,
      type.tensorType.shape.dim.map((dim) => ('dimParam' in dim ? dim.dimParam : dim.dimValue)),
    ]),
  );
  const types = new Map(graph.input.map(({ name, type }) => [name, bytesOf(type.tensorType.elemType)]));
  const outputs = new Set(graph.output.map(({ name }) => name));
  return {
    weights: sum(sizes),
    stored: sum(places.values()),
    largest: Math.max(0, ...made),
    lookedUp: sum(places.entries().flatMap(([place, bytes]) => (whole.has(place) ? [] : [bytes]))),
    inputs,
    unknown: [...unknown],
    activations(sides) {
      const known = new Map(constants);
      const entering: string[] = [];
      for (const [name, dims] of inputs) {
        const numbers = dims.map((side) => {
          if (typeof side === 'number') return side;
          return (Object.hasOwn(sides, side) ? sides[side] : undefined) ?? 1;
        });
        known.set(name, { dims: numbers, bytes: types.get(name)! });
        entering.push(name);
      }
      return mostAtOnce(steps, { known, constants, entering, outputs });
    },
  };
}

interface Values {
  readonly known: Map<string, Shaped>;
  readonly constants: ReadonlyMap<string, Shaped>;
  readonly entering: readonly string[];
  readonly outputs: ReadonlySet<string>;
}

/** The operators run in their order; a buffer is freed after the last one that reads it. */
function mostAtOnce(steps: readonly Step[], { known, constants, entering, outputs }: Values): number {
  const lastRead = new Map<string, number>();
  steps.forEach(({ node }, i) => {
    for (const name of node.input) lastRead.set(name, i);
  });
  for (const name of outputs) lastRead.set(name, steps.length);
  /** The buffer that a value lies in, by the name of the value that it was made for. */
  const bufferOf = new Map<string, string>();
  const buffers = new Map<string, { readonly bytes: number; users: number }>();
  let now = 0;
  let most = 0;
  const allocate = (name: string) => {
    const bytes = sizeOf(known.get(name)!);
    buffers.set(name, { bytes, users: 1 });
    bufferOf.set(name, name);
    now += bytes;
  };
  const release = (name: string) => {
    const buffer = bufferOf.get(name);
    if (buffer === undefined) return;
    bufferOf.delete(name);
    const found = buffers.get(buffer)!;
    if (--found.users > 0) return;
    buffers.delete(buffer);
    now -= found.bytes;
  };
  for (const name of entering) allocate(name);
  for (const [i, step] of steps.entries()) {
    const { node } = step;
    const made = shapesOf(step, known);
    for (const [k, shaped] of made.entries()) known.set(node.output[k]!, shaped);
    const shared = sharedInput(node, { known, constants, lastRead, bufferOf, buffers }, i);
    for (const [k, name] of node.output.entries()) {
      if (name === '') continue;
      if (k === 0 && shared !== undefined) {
        const buffer = bufferOf.get(shared)!;
        bufferOf.set(name, buffer);
        buffers.get(buffer)!.users++;
      } else allocate(name);
    }
    most = Math.max(most, now + scratchOf(step, known));
    for (const name of new Set([...node.input, ...node.output])) {
      if ((lastRead.get(name) ?? i) <= i) release(name);
    }
  }
  return Math.max(most, now);
}

/** The input whose buffer the first output takes over; undefined where it needs one of its own. */
function sharedInput(
  { opType, input, output }: NodeProto,
  {
    known,
    lastRead,
    bufferOf,
    buffers,
  }: Pick<Values, 'known' | 'constants'> & {
    readonly lastRead: ReadonlyMap<string, number>;
    readonly bufferOf: ReadonlyMap<string, string>;
    readonly buffers: ReadonlyMap<string, { readonly users: number }>;
  },
  at: number,
): string | undefined {
  if (ALIASES.includes(opType)) return bufferOf.has(input[0]!) ? input[0] : undefined;
  if (!IN_PLACE.includes(opType)) return undefined;
  const bytes = sizeOf(known.get(output[0]!)!);
  return input.find((name) => {
    const buffer = bufferOf.get(name);
    return (
      buffer !== undefined &&
      lastRead.get(name) === at &&
      buffers.get(buffer)!.users === 1 &&
      sizeOf(known.get(name)!) === bytes
    );
  });
}

/** What an operator takes for itself while it runs. */
function scratchOf(
  { node: { opType, input }, attributes }: Step,
  known: ReadonlyMap<string, Shaped>,
): number {
  // Queries, keys and values are laid out by heads first.
  if (opType === 'MultiHeadAttention') return sum(input.slice(0, 3).map((name) => sizeOf(known.get(name)!)));
  // The CPU reads the weight out in float32 first.
  if (opType === 'MatMulNBits') return 4 * attributes.int('K', 0) * attributes.int('N', 0);
  return 0;
}

function shapesOf({ node, attributes }: Step, known: ReadonlyMap<string, Shaped>): Shaped[] {
  const inputs = node.input.map((name) => (name === '' ? undefined : known.get(name)));
  const rule = shapeRule(node.opType);
  const [first] = inputs;
  const made = rule?.(inputs, attributes, node.output.length) ?? [first!];
  const { opType } = node;
  const fixed = opType === 'Cast' ? bytesOf(attributes.int('to', DataType.float)) : BYTES_MADE.get(opType);
  const bytes = fixed ?? (opType === 'Where' ? inputs[1]! : first!).bytes;
  return node.output.map((_, i) => {
    const { dims, ints, floats } = made[Math.min(i, made.length - 1)]!;
    return { dims, bytes, ...(ints !== undefined && { ints }), ...(floats !== undefined && { floats }) };
  });
}

function valuesOf(
  dims: readonly number[],
  dataType: number,
  rawData: Uint8Array | undefined,
): Pick<Shaped, 'ints' | 'floats'> {
  if (rawData === undefined || count(dims) > FEW) return {};
  const { buffer } = Uint8Array.from(rawData);
  if (dataType === DataType.int64) return { ints: Array.from(new BigInt64Array(buffer), Number) };
  if (dataType === DataType.float) return { floats: Array.from(new Float32Array(buffer)) };
  return {};
}

const sizeOf = ({ dims, bytes }: Shaped): number => bytes * count(dims);
const sum = (numbers: Iterable<number>): number => {
  let total = 0;
  for (const number of numbers) total += number;
  return total;
};
