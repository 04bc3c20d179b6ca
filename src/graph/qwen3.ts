/** Qwen3 (Yang et al. 2025; transformers models/qwen3/modeling_qwen3.py) as a text encoder: token ids to hidden states. */
import { scaledAttention } from './attention.ts';
import { GraphBuilder, type Value } from './builder.ts';
import type { Component, Graph, StoredTensor } from './component.ts';
import { ConfigReader } from './config.ts';
import { placedHeads } from './heads.ts';
import { linear } from './layers.ts';
import { rmsNorm } from './norms.ts';
import { type Rotary, rotaryInputs } from './rotary.ts';
import { swiGlu } from './swiglu.ts';
import { PORTABLE, type Target } from './target.ts';

interface Qwen3Config {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  /** Heads of keys and values: each serves several heads of queries (Ainslie et al. 2023). */
  readonly numKeyValueHeads: number;
  readonly headDim: number;
  readonly rmsNormEps: number;
  readonly ropeTheta: number;
}

/** @throws DarkroomError naming file, key and value for everything that the builder does not carry out */
export function readQwen3Config(component: Component): Qwen3Config {
  const reader = new ConfigReader(component);
  const architecture = [component.config['architectures']].flat()[0] ?? 'Qwen3Model';
  if (architecture !== 'Qwen3Model' && architecture !== 'Qwen3ForCausalLM') {
    throw reader.contradiction('architectures', 'Qwen3Model or Qwen3ForCausalLM belongs here');
  }
  const numAttentionHeads = reader.integer('num_attention_heads', 32);
  const numHiddenLayers = reader.integer('num_hidden_layers', 32);
  const config: Qwen3Config = {
    vocabSize: reader.integer('vocab_size', 151_936),
    hiddenSize: reader.integer('hidden_size', 4096),
    intermediateSize: reader.integer('intermediate_size', 22_016),
    numHiddenLayers,
    numAttentionHeads,
    numKeyValueHeads: reader.integer('num_key_value_heads', 32),
    headDim: reader.integer('head_dim', 128),
    rmsNormEps: reader.number('rms_norm_eps', 1e-6),
    ropeTheta: readTheta(reader, component),
  };
  reader.only({ hidden_act: 'silu', attention_bias: false, use_sliding_window: false, rope_scaling: null });
  const layerTypes = component.config['layer_types'] ?? null;
  if (layerTypes !== null) {
    const full = new Array<'full_attention'>(numHiddenLayers).fill('full_attention');
    reader.choices('layer_types', [full[0]!], numHiddenLayers);
  }
  // Without a sliding window they say nothing; the others are for training and writing text.
  reader.harmless(['layer_types', 'sliding_window', 'max_window_layers', 'max_position_embeddings']);
  reader.harmless(['attention_dropout', 'initializer_range', 'eos_token_id']);
  reader.transformers();
  reader.finish();
  if (numAttentionHeads % config.numKeyValueHeads !== 0) {
    throw reader.contradiction(
      'num_key_value_heads',
      `it must divide num_attention_heads (${numAttentionHeads})`,
    );
  }
  if (config.headDim % 2 !== 0) throw reader.contradiction('head_dim', 'it must be even');
  return config;
}

/** transformers 5 writes it into rope_parameters, earlier versions beside the other keys. */
function readTheta(reader: ConfigReader, { configFile, config }: Component): number {
  const nested = config['rope_parameters'] ?? null;
  reader.harmless(['rope_parameters']);
  if (nested === null) return reader.number('rope_theta', 10_000);
  const parameters = new ConfigReader({
    configFile: `${configFile}: rope_parameters`,
    config: nested as Record<string, unknown>,
    tensors: new Map(),
  });
  parameters.only({ rope_type: 'default' });
  const theta = parameters.number('rope_theta', 10_000);
  parameters.finish();
  return theta;
}

/**
 * Inputs: `input_ids` int64 [1, S]; `rotary_cos` and `rotary_sin` [S, head_dim / 2] (each frequency turns a channel of
 * the first half with one of the second); `padding` float32 [1, S]: 0 for tokens that are read, far below 0 for padding.
 * Outputs `hidden_states.{i}` float32 [1, S, hidden_size] for the layers asked for: what leaves the first i layers.
 * @param layers whose states are wanted, each from 1 to num_hidden_layers - 1; the layers after the last are not run
 * @param target whose matrix products are used; the numbers are float32, since the states overflow float16
 */
export function qwen3Graph(
  component: Component,
  layers: readonly number[],
  { attention, storedTables, fusedMatMul, blocksInPlace }: Target = PORTABLE,
): Graph {
  const config = readQwen3Config(component);
  const { vocabSize, hiddenSize, intermediateSize, headDim, rmsNormEps } = config;
  const tensors = withoutPrefix(component);
  const target = { ...PORTABLE, attention, storedTables, fusedMatMul, blocksInPlace };
  const b = new GraphBuilder('text_encoder', component, target, tensors);
  const ids = b.input('input_ids', 'int64', [1, 'sequence']);
  const rotary = rotaryInputs(b, headDim);
  const bias = causalBias(b, b.input('padding', 'float', [1, 'sequence']));

  let x = b.lookup('embed_tokens.weight', [vocabSize, hiddenSize], ids);
  const last = Math.max(...layers);
  for (let i = 0; i < last; i++) {
    const name = `layers.${i}`;
    const norm1 = rmsNorm(b, x, `${name}.input_layernorm`, hiddenSize, rmsNormEps);
    x = b.op('Add', [x, selfAttention(b, norm1, `${name}.self_attn`, config, { rotary, bias })]);
    const norm2 = rmsNorm(b, x, `${name}.post_attention_layernorm`, hiddenSize, rmsNormEps);
    const names = { gate: `${name}.mlp.gate_proj`, up: `${name}.mlp.up_proj`, down: `${name}.mlp.down_proj` };
    x = b.op('Add', [x, swiGlu(b, norm2, names, hiddenSize, intermediateSize)]);
    if (layers.includes(i + 1)) b.output(`hidden_states.${i + 1}`, x, [1, 'sequence', hiddenSize]);
  }
  const isBeyond = (name: string) => {
    const layer = /^layers\.(\d+)\./.exec(name)?.[1];
    return layer === undefined ? name === 'norm.weight' || name === 'lm_head.weight' : Number(layer) >= last;
  };
  return { ...b.finish(isBeyond), weightsInPlace: true };
}

function selfAttention(
  b: GraphBuilder,
  x: Value,
  name: string,
  { hiddenSize, numAttentionHeads: heads, numKeyValueHeads, headDim, rmsNormEps }: Qwen3Config,
  { rotary, bias }: { readonly rotary: Rotary; readonly bias: Value },
): Value {
  const channels = heads * headDim;
  const narrow = numKeyValueHeads * headDim;
  const bare = { bias: false };
  const placed = (projection: string, norm: string, width: number, count: number) => {
    const projected = linear(b, x, `${name}.${projection}`, hiddenSize, width, bare);
    const how = { channels: width, heads: count, rotary, pairs: 'halves', epsilon: rmsNormEps } as const;
    return placedHeads(b, projected, `${name}.${norm}`, how);
  };
  const repeated = (values: Value) => {
    if (numKeyValueHeads === heads) return values;
    const apart = b.op('Reshape', [values, b.ints([0, 0, numKeyValueHeads, 1, headDim])]);
    const shared = b.op('Expand', [apart, b.ints([1, 1, 1, heads / numKeyValueHeads, 1])]);
    return b.op('Reshape', [shared, b.ints([0, 0, channels])]);
  };
  const q = placed('q_proj', 'q_norm', channels, heads);
  const k = repeated(placed('k_proj', 'k_norm', narrow, numKeyValueHeads));
  const v = repeated(linear(b, x, `${name}.v_proj`, hiddenSize, narrow, bare));
  const mixed = scaledAttention(b, [q, k, v], { channels, heads, bias });
  return linear(b, mixed, `${name}.o_proj`, channels, hiddenSize, bare);
}

/** Far below every score. */
const HIDDEN = -1e9;

/** [1, 1, S, S]: each position sees itself and those before it that are no padding. */
function causalBias(b: GraphBuilder, padding: Value): Value {
  const length = b.op('Squeeze', [b.op('Shape', [padding], { start: 1, end: 2 })]);
  const positions = b.op('Range', [b.integer(0), length, b.integer(1)]);
  const isLater = b.op('Greater', [positions, b.op('Unsqueeze', [positions, b.ints([1])])]);
  const causal = b.op('Where', [isLater, b.floats([HIDDEN], []), b.floats([0], [])]);
  return b.op('Unsqueeze', [b.op('Add', [causal, padding]), b.ints([0, 1])]);
}

/** Of a model that also writes text, the names begin with "model.". */
function withoutPrefix(component: Component): ReadonlyMap<string, StoredTensor> {
  return new Map(Array.from(component.tensors, ([name, stored]) => [name.replace(/^model\./, ''), stored]));
}
