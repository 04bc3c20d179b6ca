/** Squares of latents as tokens, and back. */
import type { GraphBuilder, Value } from './builder.ts';

/** Channels of a token: those of the latents come before or after the rows and columns within the square. */
type PatchOrder = 'channels first' | 'channels last';

/** [B,C,h,w] -> [B, h/p w/p, C p p] */
export function pack(
  b: GraphBuilder,
  latents: Value,
  { channels, side, order }: { channels: number; side: number; order: PatchOrder },
): Value {
  const shape = b.op('Shape', [latents]);
  const part = (axis: number) => b.op('Slice', [shape, b.ints([axis]), b.ints([axis + 1]), b.ints([0])]);
  const squares = (axis: number) => b.op('Div', [part(axis), b.ints([side])]);
  const apart = b.op(
    'Concat',
    [part(0), b.ints([channels]), squares(2), b.ints([side]), squares(3), b.ints([side])],
    { axis: 0 },
  );
  const perm = order === 'channels first' ? [0, 2, 4, 1, 3, 5] : [0, 2, 4, 3, 5, 1];
  const ordered = b.op('Transpose', [b.op('Reshape', [latents, apart])], { perm });
  return b.op('Reshape', [
    ordered,
    b.op('Concat', [part(0), b.ints([-1, channels * side * side])], { axis: 0 }),
  ]);
}

/** [B, h/p w/p, C p p] -> [B,C,h,w]. @param sides int64 [2]: h and w; what is left over of a square is left out */
export function unpack(
  b: GraphBuilder,
  x: Value,
  sides: Value,
  { channels, side, order }: { channels: number; side: number; order: PatchOrder },
): Value {
  const batch = b.op('Shape', [x], { start: 0, end: 1 });
  const squares = b.op('Div', [sides, b.ints([side])]);
  const square = order === 'channels first' ? [channels, side, side] : [side, side, channels];
  const apart = b.op('Concat', [batch, squares, b.ints(square)], { axis: 0 });
  const perm = order === 'channels first' ? [0, 3, 1, 4, 2, 5] : [0, 5, 1, 3, 2, 4];
  const ordered = b.op('Transpose', [b.op('Reshape', [x, apart])], { perm });
  const whole = b.op('Mul', [squares, b.ints([side])]);
  return b.op('Reshape', [ordered, b.op('Concat', [batch, b.ints([channels]), whole], { axis: 0 })]);
}
