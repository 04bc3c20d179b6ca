/**
 * One block of the multimodal diffusion transformer (Esser et al. 2024; diffusers models/attention.py
 * JointTransformerBlock): picture and text keep weights of their own and attend to each other as one sequence.
 */
import { scaledAttention } from './attention.ts';
import type { GraphBuilder, Value } from './builder.ts';
import { activation, linear, plainLayerNorm, rmsNorm } from './layers.ts';
import { type Rotary, rotate } from './rotary.ts';

export const EPSILON = 1e-6;

export interface JointBlockOptions {
  readonly channels: number;
  readonly heads: number;
  /** Queries and keys are normalised, each head for itself. */
  readonly qkNorm: boolean;
  /** A second attention, of the picture to itself alone (SD3.5 medium). */
  readonly dualAttention: boolean;
  /** The last block: the text is read once more and then left. */
  readonly contextPreOnly: boolean;
  /** Positions of the picture's tokens and then of the text's (FLUX.1). */
  readonly rotary?: Rotary;
}

export interface Streams {
  /** [B, patches, channels] */
  readonly picture: Value;
  /** [B, tokens, channels]; undefined after the last block. */
  readonly text: Value | undefined;
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

/** @param condition activated embedding of time and pooled text, [B, 1, channels] */
export function jointBlock(
  b: GraphBuilder,
  { picture, text }: { readonly picture: Value; readonly text: Value },
  condition: Value,
  name: string,
  options: JointBlockOptions,
): Streams {
  const { channels, dualAttention, contextPreOnly } = options;
  const [shift, scale, gate, shiftMlp, scaleMlp, gateMlp, shift2, scale2, gate2] = modulation(
    b,
    condition,
    `${name}.norm1`,
    channels,
    dualAttention ? 9 : 6,
  ) as [Value, Value, Value, Value, Value, Value, Value, Value, Value];
  const normal = plainLayerNorm(b, picture, channels, EPSILON);
  const pictureNorm = modulate(b, normal, shift, scale);

  // Here scale comes before shift where the text goes no further: diffusers' AdaLayerNormContinuous.
  const textParts = modulation(b, condition, `${name}.norm1_context`, channels, contextPreOnly ? 2 : 6);
  const [textShift, textScale] = contextPreOnly
    ? [textParts[1]!, textParts[0]!]
    : [textParts[0]!, textParts[1]!];
  const textNorm = modulate(b, plainLayerNorm(b, text, channels, EPSILON), textShift, textScale);

  const [pictureMixed, textMixed] = jointAttention(
    b,
    [
      { x: pictureNorm, q: 'to_q', k: 'to_k', v: 'to_v', norms: ['norm_q', 'norm_k'], out: 'to_out.0' },
      {
        x: textNorm,
        q: 'add_q_proj',
        k: 'add_k_proj',
        v: 'add_v_proj',
        norms: ['norm_added_q', 'norm_added_k'],
        out: contextPreOnly ? undefined : 'to_add_out',
      },
    ],
    `${name}.attn`,
    options,
  ) as [Value, Value | undefined];

  let x = gatedSum(b, picture, gate, pictureMixed);
  if (dualAttention) {
    const [mixed] = jointAttention(
      b,
      [
        {
          x: modulate(b, normal, shift2, scale2),
          q: 'to_q',
          k: 'to_k',
          v: 'to_v',
          norms: ['norm_q', 'norm_k'],
          out: 'to_out.0',
        },
      ],
      `${name}.attn2`,
      options,
    ) as [Value];
    x = gatedSum(b, x, gate2, mixed);
  }
  x = feedForward(b, x, `${name}.ff`, channels, shiftMlp, scaleMlp, gateMlp);
  if (textMixed === undefined) return { picture: x, text: undefined };

  const [, , textGate, textShiftMlp, textScaleMlp, textGateMlp] = textParts as [
    Value,
    Value,
    Value,
    Value,
    Value,
    Value,
  ];
  const t = gatedSum(b, text, textGate, textMixed);
  return {
    picture: x,
    text: feedForward(
      b,
      t,
      `${name}.ff_context`,
      channels,
      textShiftMlp,
      textScaleMlp,
      textGateMlp,
      options.rotary !== undefined,
    ),
  };
}

/** Adaptive layer norm (Peebles & Xie 2023): `count` vectors [B, 1, channels] from the condition. */
export function modulation(
  b: GraphBuilder,
  condition: Value,
  name: string,
  channels: number,
  count: number,
): Value[] {
  const vectors = linear(b, condition, `${name}.linear`, channels, count * channels);
  return b.split(vectors, count);
}

/** x (1 + scale) + shift */
export function modulate(b: GraphBuilder, x: Value, shift: Value, scale: Value): Value {
  return b.op('Add', [b.op('Mul', [x, b.op('Add', [scale, b.numbers([1], [])])]), shift]);
}

/** Largest finite number of float16. */
const FLOAT16_MAX = 65_504;

/** @param clipped what overflows float16 is held at its ends, as the reference does in FLUX.1 */
export function gatedSum(b: GraphBuilder, x: Value, gate: Value, change: Value, clipped = false): Value {
  const sum = b.op('Add', [x, b.op('Mul', [gate, change])]);
  if (!clipped || b.target.type !== 'float16') return sum;
  return b.op('Clip', [sum, b.numbers([-FLOAT16_MAX], []), b.numbers([FLOAT16_MAX], [])]);
}

/** Root mean square normalisation of queries or keys [B, S, channels], each head for itself. */
export function headNorm(
  b: GraphBuilder,
  x: Value,
  name: string,
  channels: number,
  heads: number,
  epsilon = EPSILON,
): Value {
  const size = channels / heads;
  const perHead = b.op('Reshape', [x, b.ints([0, 0, heads, size])]);
  return b.op('Reshape', [rmsNorm(b, perHead, name, size, epsilon), b.ints([0, 0, channels])]);
}

function feedForward(
  b: GraphBuilder,
  x: Value,
  name: string,
  channels: number,
  shift: Value,
  scale: Value,
  gate: Value,
  clipped = false,
): Value {
  const normal = modulate(b, plainLayerNorm(b, x, channels, EPSILON), shift, scale);
  const inner = activation(b, linear(b, normal, `${name}.net.0.proj`, channels, 4 * channels), 'gelu_tanh');
  return gatedSum(b, x, gate, linear(b, inner, `${name}.net.2`, 4 * channels, channels), clipped);
}

/** Attention over the parts joined to one sequence, cut apart again and projected; no output where `out` is undefined. */
function jointAttention(
  b: GraphBuilder,
  parts: readonly Part[],
  name: string,
  { channels, heads, qkNorm, rotary }: JointBlockOptions,
): (Value | undefined)[] {
  const joined = (project: (part: Part) => Value) => {
    const values = parts.map(project);
    return values.length === 1 ? values[0]! : b.op('Concat', values, { axis: 1 });
  };
  const projected = (x: Value, projection: string) =>
    linear(b, x, `${name}.${projection}`, channels, channels);
  const normed = (x: Value, norm: string) =>
    qkNorm ? headNorm(b, x, `${name}.${norm}`, channels, heads) : x;
  const placed = (x: Value) => (rotary === undefined ? x : rotate(b, x, heads, rotary));
  const q = placed(joined((part) => normed(projected(part.x, part.q), part.norms[0])));
  const k = placed(joined((part) => normed(projected(part.x, part.k), part.norms[1])));
  const v = joined((part) => projected(part.x, part.v));
  const mixed = scaledAttention(b, [q, k, v], { channels, heads });
  if (parts.length === 1) return parts.map(({ out }) => out && projected(mixed, out));

  let start: Value = b.ints([0]);
  return parts.map(({ x, out }) => {
    const end = b.op('Add', [start, b.op('Shape', [x], { start: 1, end: 2 })]);
    const own = out && projected(b.op('Slice', [mixed, start, end, b.ints([1])]), out);
    start = end;
    return own;
  });
}
