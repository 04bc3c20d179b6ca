/** Attention of streams that keep weights of their own and attend to each other as one sequence (Esser et al. 2024). */
import { scaledAttention } from './attention.ts';
import type { GraphBuilder, Value } from './builder.ts';
import { headNorm } from './heads.ts';
import { linear } from './layers.ts';
import { type Rotary, rotate } from './rotary.ts';
import { wideLinear } from './wide-stream.ts';

export interface JointAttentionOptions {
  readonly channels: number;
  readonly heads: number;
  /** Queries and keys are normalised, each head for itself. */
  readonly qkNorm: boolean;
  /** Positions of the first part's tokens and then of the second's (FLUX). */
  readonly rotary?: Rotary;
  /** Whether the projections have biases; they have where left out. */
  readonly bias?: boolean;
  /** Of the norms of queries and keys; 1e-6 where left out. */
  readonly epsilon?: number;
}

/** What one stream asks of the attention: x after its norm, and the names of its four projections. */
interface Part {
  readonly x: Value;
  readonly q: string;
  readonly k: string;
  readonly v: string;
  /** Names of the norms of queries and keys. */
  readonly norms: readonly [string, string];
  readonly out: string | undefined;
}

/** What diffusers calls the projections of the picture and of the text. */
export const PICTURE_PART: Omit<Part, 'x'> = {
  q: 'to_q',
  k: 'to_k',
  v: 'to_v',
  norms: ['norm_q', 'norm_k'],
  out: 'to_out.0',
};
export const TEXT_PART: Omit<Part, 'x'> = {
  q: 'add_q_proj',
  k: 'add_k_proj',
  v: 'add_v_proj',
  norms: ['norm_added_q', 'norm_added_k'],
  out: 'to_add_out',
};

/** Attention over the parts joined to one sequence, cut apart again and projected to float32; none where `out` is undefined. */
export function jointAttention(
  b: GraphBuilder,
  parts: readonly Part[],
  name: string,
  { channels, heads, qkNorm, rotary, bias = true, epsilon }: JointAttentionOptions,
): (Value | undefined)[] {
  const joined = (project: (part: Part) => Value) => {
    const values = parts.map(project);
    return values.length === 1 ? values[0]! : b.op('Concat', values, { axis: 1 });
  };
  const projected = (x: Value, projection: string) =>
    linear(b, x, `${name}.${projection}`, channels, channels, { bias });
  const projectedBack = (x: Value, projection: string) =>
    wideLinear(b, x, `${name}.${projection}`, channels, channels, { bias });
  const normed = (x: Value, norm: string) =>
    qkNorm ? headNorm(b, x, `${name}.${norm}`, channels, heads, epsilon) : x;
  const placed = (x: Value) => (rotary === undefined ? x : rotate(b, x, heads, rotary));
  const q = placed(joined((part) => normed(projected(part.x, part.q), part.norms[0])));
  const k = placed(joined((part) => normed(projected(part.x, part.k), part.norms[1])));
  const v = joined((part) => projected(part.x, part.v));
  const mixed = scaledAttention(b, [q, k, v], { channels, heads, long: true });
  if (parts.length === 1) return parts.map(({ out }) => out && projectedBack(mixed, out));

  let start: Value = b.ints([0]);
  return parts.map(({ x, out }) => {
    const end = b.op('Add', [start, b.op('Shape', [x], { start: 1, end: 2 })]);
    const own = out && projectedBack(b.op('Slice', [mixed, start, end, b.ints([1])]), out);
    start = end;
    return own;
  });
}
