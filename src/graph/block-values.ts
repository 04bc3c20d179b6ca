/**
 * The numbers of weights stored in blocks (block-types.ts), as nodes of a graph that depend on the weights alone. Layouts
 * as ggml has them (ggml-common.h, ggml-quants.c; gguf's Python package, quants.py).
 */
import type { BlockTypeName } from './block-types.ts';
import { DataType, type Value } from './onnx.ts';

/** Blocks, and what their numbers are made with. */
export interface Blocks {
  /** [B, count] of each block's bytes from `first` on, as uint8. */
  bytes(first: number, count: number): Value;
  /** float32 [B, 1]: the float16 at a byte. */
  half(at: number): Value;
  op(
    opType: string,
    inputs: readonly Value[],
    attributes?: Readonly<Record<string, number | string | readonly number[]>>,
  ): Value;
  ints(values: readonly number[]): Value;
  /** uint8 */
  octets(values: readonly number[], dims: readonly number[]): Value;
  floats(values: readonly number[], dims: readonly number[]): Value;
}

/** @returns float32 [B, numbers of a block], or the same numbers in another shape */
export function blockValues(type: BlockTypeName, blocks: Blocks): Value {
  return DECODERS[type](new Reader(blocks));
}

/** Short words for what the layouts have in common. */
class Reader {
  readonly #blocks: Blocks;

  constructor(blocks: Blocks) {
    this.#blocks = blocks;
  }

  bytes(first: number, count: number, shape?: readonly number[]): Value {
    return this.shaped(this.#blocks.bytes(first, count), shape);
  }

  /** Whole numbers with a sign: without it they count from 0, with the zero in the middle. */
  signed(first: number, count: number): Value {
    const shifted = this.#blocks.op('BitwiseXor', [this.bytes(first, count), this.#blocks.octets([128], [])]);
    return this.minus(this.float(shifted), 128);
  }

  half(at: number): Value {
    return this.#blocks.half(at);
  }

  float(value: Value): Value {
    return this.#blocks.op('Cast', [value], { to: DataType.float });
  }

  shaped(value: Value, shape: readonly number[] | undefined): Value {
    return shape === undefined
      ? value
      : this.#blocks.op('Reshape', [value, this.#blocks.ints([-1, ...shape])]);
  }

  and(value: Value, mask: number): Value {
    return this.#blocks.op('BitwiseAnd', [value, this.#blocks.octets([mask], [])]);
  }

  or(a: Value, b: Value): Value {
    return this.#blocks.op('BitwiseOr', [a, b]);
  }

  left(value: Value, by: number): Value {
    return this.#blocks.op('BitShift', [value, this.#blocks.octets([by], [])], { direction: 'LEFT' });
  }

  /** @param by one number, or several that are broadcast as `dims` */
  right(value: Value, by: readonly number[], dims: readonly number[] = []): Value {
    return this.#blocks.op('BitShift', [value, this.#blocks.octets(by, dims)], { direction: 'RIGHT' });
  }

  slice(value: Value, first: number, count: number): Value {
    const { ints, op } = this.#blocks;
    return op('Slice', [value, ints([first]), ints([first + count]), ints([-1])]);
  }

  join(values: readonly Value[], axis = -1): Value {
    return this.#blocks.op('Concat', values, { axis });
  }

  add(a: Value, b: Value): Value {
    return this.#blocks.op('Add', [a, b]);
  }

  minus(a: Value, b: Value | number): Value {
    return this.#blocks.op('Sub', [a, typeof b === 'number' ? this.#blocks.floats([b], []) : b]);
  }

  times(a: Value, b: Value): Value {
    return this.#blocks.op('Mul', [a, b]);
  }
}

/** The lower halves of all bytes, then the upper ones. @param axis along which the two stand */
const nibbles = (r: Reader, bytes: Value, axis = -1) => r.join([r.and(bytes, 15), r.right(bytes, [4])], axis);

const EVERY_BIT = [0, 1, 2, 3, 4, 5, 6, 7];

/** Fifth bits of 32 numbers, one behind the other in 4 bytes, on top of their lower four. */
const withFifthBits = (r: Reader, first: number, low: Value) => {
  const bits = r.and(r.right(r.bytes(first, 4, [4, 1]), EVERY_BIT, [8]), 1);
  return r.or(low, r.left(r.shaped(bits, [32]), 4));
};

/** Eight scales and eight minimums of 6 bits in 12 bytes, each [B, 8, 1], times the block's own two. */
function scalesOf8(r: Reader): { readonly scale: Value; readonly minimum: Value } {
  const [a, b, both] = [4, 8, 12].map((at) => r.bytes(at, 4)) as [Value, Value, Value];
  const whole = (own: Value, rest: Value) =>
    r.join([r.and(own, 63), r.or(rest, r.and(r.right(own, [2]), 48))]);
  const scaled = (factor: Value, six: Value) => r.shaped(r.times(factor, r.float(six)), [8, 1]);
  return {
    scale: scaled(r.half(0), whole(a, r.and(both, 15))),
    minimum: scaled(r.half(2), whole(b, r.right(both, [4]))),
  };
}

/** [B, 8, 32]: in each 32 bytes the lower halves, then the upper ones. */
const nibblesOf256 = (r: Reader, first: number) =>
  r.shaped(nibbles(r, r.bytes(first, 128, [4, 1, 32]), 2), [8, 32]);

const DECODERS: Readonly<Record<BlockTypeName, (r: Reader) => Value>> = {
  Q4_0: (r) => r.times(r.minus(r.float(nibbles(r, r.bytes(2, 16))), 8), r.half(0)),
  Q4_1: (r) => r.add(r.times(r.float(nibbles(r, r.bytes(4, 16))), r.half(0)), r.half(2)),
  Q5_0: (r) => {
    const whole = withFifthBits(r, 2, nibbles(r, r.bytes(6, 16)));
    return r.times(r.minus(r.float(whole), 16), r.half(0));
  },
  Q5_1: (r) => {
    const whole = withFifthBits(r, 4, nibbles(r, r.bytes(8, 16)));
    return r.add(r.times(r.float(whole), r.half(0)), r.half(2));
  },
  Q8_0: (r) => r.times(r.signed(2, 32), r.half(0)),
  Q4_K: (r) => {
    const { scale, minimum } = scalesOf8(r);
    return r.minus(r.times(r.float(nibblesOf256(r, 16)), scale), minimum);
  },
  Q5_K: (r) => {
    const { scale, minimum } = scalesOf8(r);
    const fifth = r.and(r.right(r.bytes(16, 32, [1, 32]), EVERY_BIT, [8, 1]), 1);
    const whole = r.or(nibblesOf256(r, 48), r.left(fifth, 4));
    return r.minus(r.times(r.float(whole), scale), minimum);
  },
  Q6_K: (r) => {
    const low = r.shaped(nibbles(r, r.bytes(0, 128, [2, 1, 64]), 2), [8, 32]);
    const high = r.and(r.right(r.bytes(128, 64, [2, 1, 32]), [0, 2, 4, 6], [4, 1]), 3);
    const whole = r.or(low, r.left(r.shaped(high, [8, 32]), 4));
    const scale = r.shaped(r.times(r.half(208), r.signed(192, 16)), [16, 1]);
    return r.times(r.shaped(r.minus(r.float(whole), 32), [16, 16]), scale);
  },
};
