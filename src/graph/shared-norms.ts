/** Group norms (Wu & He 2018) of one picture that is run in tiles: their statistics can be given from outside. */
import type { GraphBuilder, Value } from './builder.ts';
import { activation } from './layers.ts';
import type { Norm } from './norms.ts';

/** Declares `statistics` [norms, 2, groups], mean and mean square of each group, and `share`; batches are of one picture. */
export class SharedNorms {
  readonly #b: GraphBuilder;
  readonly #groups: number;
  readonly #given: Value;
  readonly #share: Value;
  /** Of each norm so far, [1, 2, groups]. */
  readonly #found: Value[] = [];

  constructor(b: GraphBuilder, groups: number) {
    this.#b = b;
    this.#groups = groups;
    this.#given = b.input('statistics', 'float', ['norms', 2, 'groups']);
    this.#share = b.input('share', 'float', []);
  }

  /** Only for the target's float32. */
  readonly normalise: Norm = (b, x, name, { channels, groups, epsilon, silu = false }) => {
    const size = channels / groups;
    const last = b.target.channelsLast;
    const grouped = b.op('Reshape', [x, b.ints(last ? [-1, groups, size] : [groups, -1])]);
    const axes = b.ints(last ? [0, 2] : [1]);
    const mean = b.op('ReduceMean', [grouped, axes], { keepdims: 0 });
    const squares = b.op('ReduceSumSquare', [grouped, axes], { keepdims: 0 });
    const pixels = b.op(
      'Cast',
      [b.op('Shape', [grouped], last ? { start: 0, end: 1 } : { start: 1, end: 2 })],
      {
        to: FLOAT,
      },
    );
    const elements = last ? b.op('Mul', [pixels, b.floats([size])]) : pixels;
    const own = b.op('Reshape', [
      b.op('Concat', [mean, b.op('Div', [squares, elements])], { axis: 0 }),
      b.ints([1, 2, groups]),
    ]);
    const place = this.#found.push(own) - 1;
    const given = b.op('Gather', [this.#given, b.ints([place])], { axis: 0 });
    const used = b.op('Add', [own, b.op('Mul', [b.op('Sub', [given, own]), this.#share])]);
    const [centre, square] = [0, 1].map((i) => b.op('Gather', [used, b.integer(i)], { axis: 1 })) as [
      Value,
      Value,
    ];
    const variance = b.op('Sub', [square, b.op('Mul', [centre, centre])]);
    const spread = b.op('Sqrt', [b.op('Add', [variance, b.floats([epsilon])])]);
    const rows = (value: Value) => b.op('Reshape', [value, b.ints([groups, 1])]);
    const of = (part: string) =>
      b.op('Reshape', [b.weight(`${name}.${part}`, [channels]), b.ints([groups, size])]);
    const scale = b.op('Div', [of('weight'), rows(spread)]);
    const shift = b.op('Sub', [of('bias'), b.op('Mul', [rows(centre), scale])]);
    const sides = b.ints(last ? [1, 1, 1, channels] : [1, channels, 1, 1]);
    const scaled = b.op('Mul', [x, b.op('Reshape', [scale, sides])]);
    const normal = b.op('Add', [scaled, b.op('Reshape', [shift, sides])]);
    return silu ? activation(b, normal, 'silu') : normal;
  };

  /** Declares `found_statistics`, [norms, 2, groups]. */
  finish(): void {
    const found = this.#b.op('Concat', this.#found, { axis: 0 });
    this.#b.output('found_statistics', found, [this.#found.length, 2, this.#groups]);
  }
}

/** TensorProto.DataType */
const FLOAT = 1;
