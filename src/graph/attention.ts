/** Scaled dot-product attention (Vaswani et al. 2017) of several heads, as the target computes it. */
import type { GraphBuilder, Value } from './builder.ts';

interface ScaledAttentionOptions {
  /** Of all heads together. */
  readonly channels: number;
  readonly heads: number;
  /** Each position sees only itself and those before it; the number is the longest sequence there can be. */
  readonly causal?: number | undefined;
  /** [1 or B, heads, S, T]: added to the scores. */
  readonly bias?: Value;
  /** Of the scores; 1/sqrt(channels of a head) where left out. */
  readonly scale?: number;
  /** Computed in float32 on every target: for models whose scores overflow float16. */
  readonly wide?: boolean;
  /**
   * Whether there may be so many queries that all of their scores do not fit into one buffer. It goes with neither `causal`
   * nor `bias`.
   */
  readonly long?: boolean | undefined;
}

/**
 * Parts of the queries of a long attention, where all scores of a part are in memory at once. For SDXL at 1024x1024 with
 * guidance they are 170 MB rather than 1.3 GB; graphics drivers bind buffers of 128 MB to 2 GB.
 */
export const SLICES = 8;

/** queries [B,S,channels], keys and values [B,T,channels] -> [B,S,channels] */
export function scaledAttention(
  b: GraphBuilder,
  inputs: readonly [queries: Value, keys: Value, values: Value],
  options: ScaledAttentionOptions,
): Value {
  const { heads, causal, bias, scale, wide = false } = options;
  const [q, k, v] = (wide ? inputs.map((x) => b.widen(x)) : inputs) as [Value, Value, Value];
  const mixed = b.target.attention
    ? b.fused('MultiHeadAttention', [q, k, v, ...(bias === undefined ? [] : ['', '', bias])], {
        num_heads: heads,
        ...(causal === undefined ? {} : { unidirectional: 1 }),
        ...(scale === undefined ? {} : { scale: { float: scale } }),
      })
    : plainAttention(b, [q, k, v], options);
  return wide ? b.narrow(mixed) : mixed;
}

/** Two products of matrices around a softmax, with all scores in memory; of a long one, part by part. */
function plainAttention(
  b: GraphBuilder,
  inputs: readonly [Value, Value, Value],
  { channels, heads, causal, bias, scale, wide = false, long = false }: ScaledAttentionOptions,
): Value {
  const size = channels / heads;
  const perHead = (x: Value, perm: readonly number[]) =>
    b.op('Transpose', [b.op('Reshape', [x, b.ints([0, 0, heads, size])])], { perm });
  const [q, v] = [inputs[0], inputs[2]].map((x) => perHead(x, [0, 2, 1, 3])) as [Value, Value];
  // Scaled before the product: there are fewer queries than scores, and in float16 these overflow later.
  const factor = [scale ?? 1 / Math.sqrt(size)];
  const scaled = b.op('Mul', [q, wide ? b.floats(factor, []) : b.numbers(factor, [])]);
  const keys = perHead(inputs[1], [0, 2, 3, 1]);
  const mix = (queries: Value) => {
    let scores = b.op('MatMul', [queries, keys]);
    if (bias !== undefined) scores = b.op('Add', [scores, bias]);
    if (causal !== undefined) scores = b.op('Add', [scores, causalMask(b, inputs[0], causal)]);
    return b.op('MatMul', [b.op('Softmax', [scores], { axis: -1 }), v]);
  };
  const mixed = long ? inSlices(b, scaled, inputs[0], mix) : mix(scaled);
  return b.op('Reshape', [b.op('Transpose', [mixed], { perm: [0, 2, 1, 3] }), b.ints([0, 0, channels])]);
}

/**
 * Attention of SLICES parts of the queries, one after another. WebGPU takes no part without a row: where there are fewer rows
 * than parts, the last row stands in, and its results are cut off.
 * @param queries [B,heads,S,size] @param sequence [B,S,...]
 */
function inSlices(b: GraphBuilder, queries: Value, sequence: Value, mix: (part: Value) => Value): Value {
  const rows = b.op('Shape', [sequence], { start: 1, end: 2 });
  const last = b.op('Sub', [rows, b.ints([1])]);
  const each = b.op('Div', [b.op('Add', [last, b.ints([SLICES])]), b.ints([SLICES])]);
  const axis = b.ints([2]);
  const parts = Array.from({ length: SLICES }, (_, i) => {
    const start = b.op('Min', [b.op('Mul', [each, b.ints([i])]), last]);
    return mix(b.op('Slice', [queries, start, b.op('Add', [start, each]), axis]));
  });
  return b.op('Slice', [b.op('Concat', parts, { axis: 2 }), b.ints([0]), rows, axis]);
}

/** Far below every score, and within float16. */
const HIDDEN = -30_000;

/** [S,S] for a sequence [B,S,...]: zeros up to the diagonal, HIDDEN above it. */
function causalMask(b: GraphBuilder, sequence: Value, longest: number): Value {
  const values = Array.from({ length: longest ** 2 }, (_, i) =>
    i % longest > Math.floor(i / longest) ? HIDDEN : 0,
  );
  const length = b.op('Shape', [sequence], { start: 1, end: 2 });
  const sides = b.op('Concat', [length, length], { axis: 0 });
  return b.op('Slice', [b.numbers(values, [longest, longest]), b.ints([0, 0]), sides, b.ints([0, 1])]);
}
