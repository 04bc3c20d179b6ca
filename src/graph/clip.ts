/**
 * CLIPTextModel and CLIPTextModelWithProjection (Radford et al. 2021; transformers models/clip/modeling_clip.py):
 * token ids to embeddings.
 */
import { DarkroomError } from '../errors.ts';
import { GraphBuilder, type Value } from './builder.ts';
import type { Component, Graph, StoredTensor } from './component.ts';
import { ConfigReader } from './config.ts';
import { int8Linear } from './int8.ts';
import { type Activation, activation, attention, linear } from './layers.ts';
import { layerNorm } from './norms.ts';
import { PORTABLE, type Target } from './target.ts';

interface ClipTextConfig {
  readonly vocabSize: number;
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly projectionDim: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly maxPositionEmbeddings: number;
  readonly hiddenAct: Activation;
  readonly layerNormEps: number;
  /** Where the pooled output is taken: the first token with this id; 2, in all of the hub's files, means the highest id. */
  readonly eosTokenId: number;
  readonly withProjection: boolean;
}

/** @throws DarkroomError naming file, key and value for everything that the builder does not carry out */
export function readClipTextConfig(component: Component): ClipTextConfig {
  const reader = new ConfigReader(component);
  const architecture = ([component.config['architectures']].flat()[0] ?? 'CLIPTextModel') as string;
  if (architecture !== 'CLIPTextModel' && architecture !== 'CLIPTextModelWithProjection') {
    throw reader.contradiction('architectures', 'CLIPTextModel or CLIPTextModelWithProjection belongs here');
  }
  const withProjection = architecture === 'CLIPTextModelWithProjection';
  const config: ClipTextConfig = {
    vocabSize: reader.integer('vocab_size', 49408),
    hiddenSize: reader.integer('hidden_size', 512),
    intermediateSize: reader.integer('intermediate_size', 2048),
    // Without a projection nothing has this width, and nothing is pooled at the end of the text.
    projectionDim: withProjection ? reader.integer('projection_dim', 512) : 0,
    numHiddenLayers: reader.integer('num_hidden_layers', 12),
    numAttentionHeads: reader.integer('num_attention_heads', 8),
    maxPositionEmbeddings: reader.integer('max_position_embeddings', 77),
    hiddenAct: reader.choice('hidden_act', ['quick_gelu', 'gelu'], 'quick_gelu'),
    layerNormEps: reader.number('layer_norm_eps', 1e-5),
    eosTokenId: withProjection
      ? reader.integer('eos_token_id', 49407, 0)
      : (reader.integerOrNull('eos_token_id', 49407, 0) ?? 2),
    withProjection,
  };
  // They act in training.
  reader.harmless(['attention_dropout', 'dropout', 'initializer_factor', 'initializer_range']);
  reader.harmless(['is_encoder_decoder', 'projection_dim']);
  reader.transformers();
  reader.finish();
  if (config.hiddenSize % config.numAttentionHeads !== 0) {
    throw reader.contradiction('num_attention_heads', `it must divide hidden_size (${config.hiddenSize})`);
  }
  return config;
}

/** Inputs for vectors that stand in place of tokens' own embeddings (textual inversion). */
export const VECTORS = 'vectors';
export const VECTOR_PLACES = 'vector_places';

/**
 * Input: `input_ids` int64 [B, S], S up to max_position_embeddings.
 * With `takesVectors` also `vectors` [n, hidden] and `vector_places` int64 [B, S]: where a place is not 0, that row of
 * the vectors stands there instead of the token's embedding. Row 0 is never read.
 * Outputs, all float32:
 * - `last_hidden_state` [B, S, hidden]: after the final layer norm
 * - `pooler_output` [B, hidden]: its row at the end of the text; with projection `text_embeds` [B, projection_dim]
 * - `hidden_states.{i}` [B, S, hidden], i = 0 (embeddings) .. layers: before the final layer norm (SDXL's context
 *   is the one before the last)
 * - `normed_hidden_states.{i}`: the same after it; clip_skip k of SD 1.x and 2.x is i = layers - k
 */
export function textEncoderGraph(
  component: Component,
  target: Target = PORTABLE,
  { takesVectors = false }: { readonly takesVectors?: boolean } = {},
): Graph {
  const config = readClipTextConfig(component);
  const { hiddenSize, numHiddenLayers, layerNormEps } = config;
  const b = new GraphBuilder('text_encoder', component, target, withoutPrefix(component));
  const ids = b.input('input_ids', 'int64', ['batch', 'sequence']);
  const shape = ['batch', 'sequence', hiddenSize];

  const tokens = b.lookup(TOKENS, [config.vocabSize, hiddenSize], ids);
  let x = withPositions(b, ids, takesVectors ? withVectors(b, tokens, hiddenSize) : tokens, config);
  b.output('hidden_states.0', x, shape);
  b.output('normed_hidden_states.0', layerNorm(b, x, 'final_layer_norm', hiddenSize, layerNormEps), shape);
  let last = x;
  for (let i = 0; i < numHiddenLayers; i++) {
    x = clipLayer(b, x, `encoder.layers.${i}`, config, config.maxPositionEmbeddings);
    last = layerNorm(b, x, 'final_layer_norm', hiddenSize, layerNormEps);
    b.output(`hidden_states.${i + 1}`, x, shape);
    b.output(`normed_hidden_states.${i + 1}`, last, shape);
  }
  b.output('last_hidden_state', last, shape);

  const pooled = b.op('GatherND', [last, endOfText(b, ids, config)], { batch_dims: 1 });
  if (config.withProjection) {
    const projected = linear(b, pooled, 'text_projection', hiddenSize, config.projectionDim, { bias: false });
    b.output('text_embeds', projected, ['batch', config.projectionDim]);
  } else {
    b.output('pooler_output', pooled, ['batch', hiddenSize]);
  }
  return b.finish();
}

const TOKENS = 'embeddings.token_embedding.weight';

function withVectors(b: GraphBuilder, tokens: Value, hiddenSize: number): Value {
  const vectors = b.narrow(b.input(VECTORS, 'float', ['vectors', hiddenSize]));
  const places = b.input(VECTOR_PLACES, 'int64', ['batch', 'sequence']);
  const isToken = b.op('Unsqueeze', [b.op('Equal', [places, b.ints([0])]), b.ints([2])]);
  return b.op('Where', [isToken, tokens, b.op('Gather', [vectors, places])]);
}

function withPositions(b: GraphBuilder, ids: Value, tokens: Value, config: ClipTextConfig): Value {
  const { hiddenSize, maxPositionEmbeddings } = config;
  const table = b.weight('embeddings.position_embedding.weight', [maxPositionEmbeddings, hiddenSize]);
  const length = b.op('Shape', [ids], { start: 1, end: 2 });
  const positions = b.op('Slice', [table, b.ints([0]), length, b.ints([0])]);
  return b.op('Add', [tokens, positions]);
}

/** What a layer of CLIP is made of, in its text model and in its vision model. */
type ClipLayerConfig = Pick<
  ClipTextConfig,
  'hiddenSize' | 'intermediateSize' | 'numAttentionHeads' | 'hiddenAct' | 'layerNormEps'
>;

/**
 * x [B,S,hidden]
 * @param causal of a text: each position sees only those before it; the longest there can be
 * @param pick the positions of a value that are needed of the result; all of them where left out
 */
export function clipLayer(
  b: GraphBuilder,
  x: Value,
  name: string,
  config: ClipLayerConfig,
  causal?: number,
  pick?: (x: Value) => Value,
): Value {
  const { hiddenSize, numAttentionHeads, layerNormEps } = config;
  const norm1 = layerNorm(b, x, `${name}.layer_norm1`, hiddenSize, layerNormEps);
  const mixed = attention(b, norm1, norm1, `${name}.self_attn`, {
    channels: hiddenSize,
    contextChannels: hiddenSize,
    heads: numAttentionHeads,
    projections: { q: 'q_proj', k: 'k_proj', v: 'v_proj', out: 'out_proj' },
    bias: true,
    asking: pick?.(norm1),
    ...(causal !== undefined && { causal }),
  });
  const afterAttention = b.op('Add', [pick?.(x) ?? x, mixed]);
  const norm2 = layerNorm(b, afterAttention, `${name}.layer_norm2`, hiddenSize, layerNormEps);
  return b.op('Add', [afterAttention, feedForward(b, norm2, `${name}.mlp`, config)]);
}

/** Of quick_gelu(x) = x * sigmoid(1.702 x) = silu(1.702 x) / 1.702 */
const QUICK_GELU = 1.702;

/** Two linear layers around an activation. x [B,S,hidden] */
function feedForward(
  b: GraphBuilder,
  x: Value,
  name: string,
  { hiddenSize, intermediateSize, hiddenAct }: ClipLayerConfig,
): Value {
  const [fc1, fc2] = [`${name}.fc1`, `${name}.fc2`];
  const isPlain = (layer: string) => !b.isInBlocks(`${layer}.weight`) && !b.hasFactors(`${layer}.weight`);
  if (!b.target.int8 || hiddenAct !== 'quick_gelu' || !isPlain(fc1) || !isPlain(fc2)) {
    const inner = activation(b, linear(b, x, fc1, hiddenSize, intermediateSize), hiddenAct);
    return linear(b, inner, fc2, intermediateSize, hiddenSize);
  }
  // onnxruntime's kernel takes a third of the time for SiLU; in 8 bits the factors join the scales of the weights.
  const wide = int8Linear(b, x, fc1, [intermediateSize, hiddenSize], {
    ...{ bias: `${fc1}.bias`, times: { product: QUICK_GELU, bias: QUICK_GELU } },
  });
  return int8Linear(b, activation(b, wide, 'silu'), fc2, [hiddenSize, intermediateSize], {
    ...{ bias: `${fc2}.bias`, times: { product: 1 / QUICK_GELU, bias: 1 } },
  });
}

/** Position of the end of each text, [B, 1] int64. By floats, since WebGPU has no arithmetic of int64. */
function endOfText(b: GraphBuilder, ids: Value, { eosTokenId, vocabSize }: ClipTextConfig): Value {
  // Old files name 2 as the end; there it is the largest id.
  const markOf = (id: number) => (eosTokenId === 2 ? id : Number(id === eosTokenId));
  const marks = b.floats(Float32Array.from({ length: vocabSize }, (_, id) => markOf(id)));
  return b.op('ArgMax', [b.op('Gather', [marks, ids])], { axis: 1, keepdims: 1 });
}

/** transformers 5 drops the prefix that the hub's files have; both are read. position_ids counts 0, 1, 2, ... */
function withoutPrefix(component: Component): ReadonlyMap<string, StoredTensor> {
  const tensors = new Map<string, StoredTensor>();
  for (const [name, stored] of component.tensors) {
    const short = name.replace(/^text_model\./, '');
    if (short === 'embeddings.position_ids') continue;
    if (tensors.has(short)) {
      throw new DarkroomError(
        'bad_model',
        `The text encoder's weights hold ${short} with and without a prefix.`,
      );
    }
    tensors.set(short, stored);
  }
  return tensors;
}
