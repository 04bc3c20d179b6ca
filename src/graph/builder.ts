/** Assembles one ONNX graph for a target: nodes, and weights that stay on disk. */
import type { Component, FactorPlace, Graph, StoredTensor } from './component.ts';
import { GraphNodes } from './nodes.ts';
import { DataType, type Value } from './onnx.ts';
import { PORTABLE, type Target } from './target.ts';
import { GraphWeights, type Int8Weight, type RowRange } from './weights.ts';

export type { Attributes } from './nodes.ts';
export type { Value } from './onnx.ts';

/** Of a weight in blocks, in float32: 32 MB. A layer of FLUX.1 has eight times as many. */
const NUMBERS_AT_ONCE = 2 ** 23;

export class GraphBuilder extends GraphNodes {
  readonly target: Target;
  readonly #name: string;
  readonly #isTemporary: boolean;
  readonly #weights: GraphWeights;

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
    super();
    this.target = target;
    this.#name = name;
    this.#isTemporary = component.isTemporary === true;
    const label = component.configFile.replace(/\/?config\.json$/, '') || name;
    this.#weights = new GraphWeights(label, tensors, target, {
      unique: (base) => this.unique(base),
      once: (key, make) => this.once(key, make),
      constant: (type, dims, rawData) => this.constant(type, dims, rawData),
    });
  }

  /** Declares a float32 output and makes it from a value of the target's type. */
  output(name: string, value: Value, dims: readonly (number | string)[]): void {
    const made = this.target.type === 'float' ? value : this.op('Cast', [value], { to: DataType.float });
    this.declareOutput(name, made, dims);
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

  /** A constant of the target's type. */
  numbers(values: readonly number[], dims: readonly number[] = [values.length]): Value {
    if (this.target.type === 'float') return this.floats(values, dims);
    return this.constant('float16', dims, new Uint8Array(Float16Array.from(values).buffer));
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
    const ordered = halvesApart ? this.once(`${x} halves apart`, () => this.#paired(x, blockSize)) : x;
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

  /** Whether inputs of the graph add factors to a weight. */
  hasFactors(name: string): boolean {
    return this.#weights.get(name)?.factors !== undefined;
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
    const all = this.once(`factors ${input}`, () => {
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
    const values = this.once(`quantised ${x}`, () => {
      const name = this.unique('DynamicQuantizeLinear');
      const output = [name, `${name}.scale`, `${name}.zero`];
      this.withOutputs('DynamicQuantizeLinear', '', [x], output, {});
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
    const stored = this.op('Gather', [table.value, ids]);
    const found =
      table.meanings === undefined
        ? stored
        : this.op('Gather', [table.meanings, this.op('Cast', [stored], { to: DataType.int32 })]);
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
    // onnxruntime takes of a node's inputs the one made last first: a cast made first runs right before it is
    // needed. Behind its layer it would run at the very beginning, and all weights would be wide at once.
    const bytes = this.encode(this.#name, { prepared: this.#weights.prepared, weights: protos });
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
}
