/** Squares of latents as tokens, and back. */
import type { GraphBuilder, Value } from './builder.ts';

/** [B,C,h,w] -> [B, h/p w/p, C p p]: channels, then rows and columns within the square. */
export function pack(b: GraphBuilder, latents: Value, channels: number, p: number): Value {
  const shape = b.op('Shape', [latents]);
  const part = (axis: number) => b.op('Slice', [shape, b.ints([axis]), b.ints([axis + 1]), b.ints([0])]);
  const squares = (axis: number) => b.op('Div', [part(axis), b.ints([p])]);
  const apart = b.op(
    'Concat',
    [part(0), b.ints([channels]), squares(2), b.ints([p]), squares(3), b.ints([p])],
    {
      axis: 0,
    },
  );
  const ordered = b.op('Transpose', [b.op('Reshape', [latents, apart])], { perm: [0, 2, 4, 1, 3, 5] });
  return b.op('Reshape', [ordered, b.op('Concat', [part(0), b.ints([-1, channels * p * p])], { axis: 0 })]);
}

/** [B, h/p w/p, C p p] -> [B,C,h,w]. @param sides int64 [2]: h and w */
export function unpack(b: GraphBuilder, x: Value, sides: Value, channels: number, p: number): Value {
  const batch = b.op('Shape', [x], { start: 0, end: 1 });
  const squares = b.op('Div', [sides, b.ints([p])]);
  const apart = b.op('Concat', [batch, squares, b.ints([channels, p, p])], { axis: 0 });
  const ordered = b.op('Transpose', [b.op('Reshape', [x, apart])], { perm: [0, 3, 1, 4, 2, 5] });
  return b.op('Reshape', [ordered, b.op('Concat', [batch, b.ints([channels]), sides], { axis: 0 })]);
}
