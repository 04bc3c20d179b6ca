/**
 * One block of the multimodal diffusion transformer (Esser et al. 2024; diffusers models/attention.py
 * JointTransformerBlock): picture and text keep weights of their own and attend to each other as one sequence.
 */
import type { GraphBuilder, Value } from './builder.ts';
import { type JointAttentionOptions, jointAttention, PICTURE_PART, TEXT_PART } from './joint-attention.ts';
import { activation, linear } from './layers.ts';
import { gatedSum, wideLayerNorm, wideLinear } from './wide-stream.ts';

export const EPSILON = 1e-6;

interface JointBlockOptions extends JointAttentionOptions {
  /** A second attention, of the picture to itself alone (SD3.5 medium). */
  readonly dualAttention: boolean;
  /** The last block: the text is read once more and then left. */
  readonly contextPreOnly: boolean;
}

interface Streams {
  /** float32 [B, patches, channels] */
  readonly picture: Value;
  /** float32 [B, tokens, channels]; undefined after the last block. */
  readonly text: Value | undefined;
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
  const normal = wideLayerNorm(b, picture, channels, EPSILON);
  const pictureNorm = modulate(b, normal, shift, scale);

  // Here scale comes before shift where the text goes no further: diffusers' AdaLayerNormContinuous.
  const textParts = modulation(b, condition, `${name}.norm1_context`, channels, contextPreOnly ? 2 : 6);
  const [textShift, textScale] = contextPreOnly
    ? [textParts[1]!, textParts[0]!]
    : [textParts[0]!, textParts[1]!];
  const textNorm = modulate(b, wideLayerNorm(b, text, channels, EPSILON), textShift, textScale);

  const [pictureMixed, textMixed] = jointAttention(
    b,
    [
      { x: pictureNorm, ...PICTURE_PART },
      { x: textNorm, ...TEXT_PART, ...(contextPreOnly && { out: undefined }) },
    ],
    `${name}.attn`,
    options,
  ) as [Value, Value | undefined];

  let x = gatedSum(b, picture, gate, pictureMixed);
  if (dualAttention) {
    const [mixed] = jointAttention(
      b,
      [{ x: modulate(b, normal, shift2, scale2), ...PICTURE_PART }],
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
    text: feedForward(b, t, `${name}.ff_context`, channels, textShiftMlp, textScaleMlp, textGateMlp),
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

function feedForward(
  b: GraphBuilder,
  x: Value,
  name: string,
  channels: number,
  shift: Value,
  scale: Value,
  gate: Value,
): Value {
  const normal = modulate(b, wideLayerNorm(b, x, channels, EPSILON), shift, scale);
  const inner = activation(b, linear(b, normal, `${name}.net.0.proj`, channels, 4 * channels), 'gelu_tanh');
  return gatedSum(b, x, gate, wideLinear(b, inner, `${name}.net.2`, 4 * channels, channels));
}
