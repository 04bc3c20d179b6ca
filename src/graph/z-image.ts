/**
 * ZImageTransformer2DModel (Z-Image team 2025; diffusers models/transformers/transformer_z_image.py): picture and text are
 * refined apart and then one sequence with shared weights, with a norm before and after each part of a block.
 */

import { scaledAttention } from './attention.ts';
import { GraphBuilder, type Value } from './builder.ts';
import type { Component, Graph, StoredTensor } from './component.ts';
import { ConfigReader } from './config.ts';
import { placedHeads } from './heads.ts';
import { activation, linear } from './layers.ts';
import { pack, unpack } from './patches.ts';
import { type Rotary, rotaryInputs } from './rotary.ts';
import { swiGlu } from './swiglu.ts';
import { PORTABLE, type Target } from './target.ts';
import { sinusoids } from './timestep.ts';
import { gatedSum, wideLayerNorm, wideLinear, wideRmsNorm } from './wide-stream.ts';

/** Not in the config. */
const TIME_CHANNELS = 256;
const TIME_HIDDEN = 1024;
const CONDITION_CHANNELS = 256;
const ATTENTION_EPSILON = 1e-5;
const LAST_EPSILON = 1e-6;
/** Lengths of picture and text are multiples of it, filled up with tokens that were learned for this. */
export const SEQUENCE_MULTIPLE = 32;
export const Z_IMAGE_PATCH = 2;

interface ZImageConfig {
  readonly inChannels: number;
  readonly dim: number;
  readonly numLayers: number;
  readonly numRefinerLayers: number;
  readonly heads: number;
  readonly normEps: number;
  /** Width of the text encoder. */
  readonly capFeatDim: number;
  readonly ropeTheta: number;
  readonly timeScale: number;
  /** Channels of a head for text and picture, rows, columns. */
  readonly axesDims: readonly number[];
  /** Positions that were trained on, for each axis. */
  readonly axesLens: readonly number[];
}

/** @throws DarkroomError naming file, key and value for everything that the builder does not carry out */
export function readZImageConfig(component: Component): ZImageConfig {
  const reader = new ConfigReader(component);
  const heads = reader.integer('n_heads', 30);
  const config: ZImageConfig = {
    inChannels: reader.integer('in_channels', 16),
    dim: reader.integer('dim', 3840),
    numLayers: reader.integer('n_layers', 30),
    numRefinerLayers: reader.integer('n_refiner_layers', 2),
    heads,
    normEps: reader.number('norm_eps', 1e-5),
    capFeatDim: reader.integer('cap_feat_dim', 2560),
    ropeTheta: reader.number('rope_theta', 256),
    timeScale: reader.number('t_scale', 1000),
    axesDims: reader.integers('axes_dims', [32, 48, 48]),
    axesLens: reader.integers('axes_lens', [1024, 512, 512]),
  };
  reader.only({ n_kv_heads: heads, qk_norm: true, siglip_feat_dim: null });
  for (const [key, only] of [
    ['all_patch_size', Z_IMAGE_PATCH],
    ['all_f_patch_size', 1],
  ] as const) {
    const sizes = reader.integers(key, [only]);
    if (sizes.length !== 1 || sizes[0] !== only)
      throw reader.contradiction(key, `only [${only}] is supported`);
  }
  reader.finish();
  const { axesDims, axesLens, dim } = config;
  const sum = axesDims.reduce((total, count) => total + count, 0);
  if (axesDims.length !== 3 || axesDims.some((count) => count % 2 !== 0) || sum * heads !== dim) {
    throw reader.contradiction(
      'axes_dims',
      `it must be three even numbers whose sum is dim / n_heads (${dim / heads})`,
    );
  }
  if (axesLens.length !== 3) throw reader.contradiction('axes_lens', 'it must be three numbers');
  return config;
}

/**
 * Inputs: `hidden_states` [1, in_channels, h, w], latents with even sides; `encoder_hidden_states` [1, S, cap_feat_dim];
 * `timestep` float32 [1], 0..1000; `rotary_cos` and `rotary_sin` [P + T, size of a head / 2] with P = h w / 4 and T = S,
 * each rounded up to a multiple of SEQUENCE_MULTIPLE, the picture's positions first. Output: `out_hidden_states` as
 * `hidden_states`, the velocity of the flow (the network's own output is its negative).
 */
export function zImageGraph(component: Component, target: Target = PORTABLE): Graph {
  const config = readZImageConfig(component);
  const { inChannels, dim, numLayers, numRefinerLayers, capFeatDim, normEps } = config;
  const patch = { channels: inChannels, side: Z_IMAGE_PATCH, order: 'channels last' } as const;
  const width = patch.side ** 2 * inChannels;
  const b = new GraphBuilder('transformer', component, target, withShortNames(component));
  const latents = b.input('hidden_states', 'float', [1, inChannels, 'height', 'width']);
  const words = b.input('encoder_hidden_states', 'float', [1, 'sequence', capFeatDim]);
  const condition = timeCondition(b, config);
  const rotary = rotaryInputs(b, dim / config.heads);

  const tokens = pack(b, b.narrow(latents), patch);
  let picture = filled(b, wideLinear(b, tokens, 'x_embedder', width, dim), 'x_pad_token', dim);
  const normed = b.narrow(wideRmsNorm(b, words, 'cap_embedder.0', capFeatDim, normEps));
  let text = filled(b, wideLinear(b, normed, 'cap_embedder.1', capFeatDim, dim), 'cap_pad_token', dim);
  const length = b.op('Shape', [picture], { start: 1, end: 2 });
  const own = {
    picture: rowsOf(b, rotary, b.ints([0]), length),
    text: rowsOf(b, rotary, length, b.ints([2 ** 31])),
  };
  for (let i = 0; i < numRefinerLayers; i++) {
    picture = block(b, picture, `noise_refiner.${i}`, config, { rotary: own.picture, condition });
    text = block(b, text, `context_refiner.${i}`, config, { rotary: own.text });
  }
  let joined = b.op('Concat', [picture, text], { axis: 1 });
  for (let i = 0; i < numLayers; i++) joined = block(b, joined, `layers.${i}`, config, { rotary, condition });

  const count = b.op('Shape', [tokens], { start: 1, end: 2 });
  const last = b.op('Slice', [joined, b.ints([0]), count, b.ints([1])]);
  const scale = linear(
    b,
    activation(b, condition, 'silu'),
    'final_layer.adaLN_modulation.1',
    conditionWidth(dim),
    dim,
  );
  const scaled = scaledBy(b, wideLayerNorm(b, last, dim, LAST_EPSILON), scale);
  const pixels = b.op('Neg', [linear(b, scaled, 'final_layer.linear', dim, width)]);
  const sides = b.op('Shape', [latents], { start: 2, end: 4 });
  b.output('out_hidden_states', unpack(b, pixels, sides, patch), [1, inChannels, 'out_height', 'out_width']);
  return b.finish();
}

const conditionWidth = (dim: number) => Math.min(dim, CONDITION_CHANNELS);

/** [1, 1, min(dim, 256)]. The network counts time from noise (0) to picture (1). */
function timeCondition(b: GraphBuilder, { dim, timeScale }: ZImageConfig): Value {
  const left = b.op('Sub', [b.floats([1000]), b.input('timestep', 'float', [1])]);
  const time = b.op('Mul', [b.op('Div', [left, b.floats([1000])]), b.floats([timeScale])]);
  const waves = sinusoids(b, time, TIME_CHANNELS, { flipSinToCos: true, freqShift: 0 });
  const inner = activation(b, linear(b, waves, 't_embedder.mlp.0', TIME_CHANNELS, TIME_HIDDEN), 'silu');
  const embedded = linear(b, inner, 't_embedder.mlp.2', TIME_HIDDEN, conditionWidth(dim));
  return b.op('Unsqueeze', [embedded, b.ints([1])]);
}

/** A sequence float32 [1, S, dim] up to the next multiple of SEQUENCE_MULTIPLE. */
function filled(b: GraphBuilder, x: Value, name: string, dim: number): Value {
  const multiple = b.ints([SEQUENCE_MULTIPLE]);
  const over = b.op('Mod', [b.op('Shape', [x], { start: 1, end: 2 }), multiple]);
  const missing = b.op('Mod', [b.op('Sub', [multiple, over]), multiple]);
  const token = b.op('Unsqueeze', [b.wideWeight(name, [1, dim]), b.ints([0])]);
  const shape = b.op('Concat', [b.ints([1]), missing, b.ints([dim])], { axis: 0 });
  return b.op('Concat', [x, b.op('Expand', [token, shape])], { axis: 1 });
}

function rowsOf(b: GraphBuilder, { cos, sin }: Rotary, start: Value, end: Value): Rotary {
  const of = (table: Value) => b.op('Slice', [table, start, end, b.ints([0])]);
  return { cos: of(cos), sin: of(sin) };
}

/** @param condition absent where the block is not modulated */
function block(
  b: GraphBuilder,
  x: Value,
  name: string,
  config: ZImageConfig,
  { rotary, condition }: { readonly rotary: Rotary; readonly condition?: Value },
): Value {
  const { dim, normEps } = config;
  const vectors =
    condition === undefined
      ? undefined
      : b.split(linear(b, condition, `${name}.adaLN_modulation.0`, conditionWidth(dim), 4 * dim), 4);
  const norm = (value: Value, which: string) => wideRmsNorm(b, value, `${name}.${which}`, dim, normEps);
  const part = (
    value: Value,
    index: 0 | 2,
    norms: readonly [string, string],
    work: (inner: Value) => Value,
  ) => {
    const normal = b.narrow(norm(value, norms[0]));
    const inner = work(vectors === undefined ? normal : scaledBy(b, normal, vectors[index]!));
    const change = norm(inner, norms[1]);
    if (vectors === undefined) return b.op('Add', [value, change]);
    return gatedSum(b, value, b.op('Tanh', [vectors[index + 1]!]), change);
  };
  const mixed = part(x, 0, ['attention_norm1', 'attention_norm2'], (inner) =>
    selfAttention(b, inner, `${name}.attention`, config, rotary),
  );
  return part(mixed, 2, ['ffn_norm1', 'ffn_norm2'], (inner) =>
    feedForward(b, inner, `${name}.feed_forward`, dim),
  );
}

/** x (1 + scale) */
const scaledBy = (b: GraphBuilder, x: Value, scale: Value): Value =>
  b.op('Mul', [x, b.op('Add', [scale, b.numbers([1], [])])]);

function selfAttention(
  b: GraphBuilder,
  x: Value,
  name: string,
  { dim, heads }: ZImageConfig,
  rotary: Rotary,
): Value {
  const projected = (projection: string) => linear(b, x, `${name}.${projection}`, dim, dim, { bias: false });
  const how = { channels: dim, heads, rotary, epsilon: ATTENTION_EPSILON };
  const placed = (projection: string, norm: string) =>
    placedHeads(b, projected(projection), `${name}.${norm}`, how);
  const inputs = [placed('to_q', 'norm_q'), placed('to_k', 'norm_k'), projected('to_v')] as const;
  const mixed = scaledAttention(b, inputs, { channels: dim, heads, long: true });
  return wideLinear(b, mixed, `${name}.to_out.0`, dim, dim, { bias: false });
}

function feedForward(b: GraphBuilder, x: Value, name: string, dim: number): Value {
  const names = { gate: `${name}.w1`, up: `${name}.w3`, down: `${name}.w2` };
  return swiGlu(b, x, names, dim, Math.trunc((dim / 3) * 8));
}

/** The embedders are stored by the size of their patch, of which there is one. */
function withShortNames(component: Component): ReadonlyMap<string, StoredTensor> {
  const key = `${Z_IMAGE_PATCH}-1`;
  return new Map(
    Array.from(component.tensors, ([name, stored]) => [
      name
        .replace(`all_x_embedder.${key}.`, 'x_embedder.')
        .replace(`all_final_layer.${key}.`, 'final_layer.'),
      stored,
    ]),
  );
}
