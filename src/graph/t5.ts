/** T5EncoderModel (Raffel et al. 2020; transformers models/t5/modeling_t5.py): token ids to embeddings. */
import { scaledAttention } from './attention.ts';
import { GraphBuilder, type Value } from './builder.ts';
import type { Component, Graph, StoredTensor } from './component.ts';
import { ConfigReader } from './config.ts';
import { activation, linear } from './layers.ts';
import { rmsNorm } from './norms.ts';
import { PORTABLE, type Target } from './target.ts';

interface T5Config {
  readonly vocabSize: number;
  readonly dModel: number;
  /** Channels of each head; heads x d_kv need not be d_model. */
  readonly dKv: number;
  readonly dFf: number;
  readonly numLayers: number;
  readonly numHeads: number;
  readonly relativeAttentionNumBuckets: number;
  readonly relativeAttentionMaxDistance: number;
  readonly layerNormEpsilon: number;
  readonly feedForwardProj: 'relu' | 'gated-gelu';
}

/** @throws DarkroomError naming file, key and value for everything that the builder does not carry out */
export function readT5Config(component: Component): T5Config {
  const reader = new ConfigReader(component);
  const architecture = [component.config['architectures']].flat()[0] ?? 'T5EncoderModel';
  if (architecture !== 'T5EncoderModel') {
    throw reader.contradiction('architectures', 'T5EncoderModel belongs here');
  }
  const config: T5Config = {
    vocabSize: reader.integer('vocab_size', 32128),
    dModel: reader.integer('d_model', 512),
    dKv: reader.integer('d_kv', 64),
    dFf: reader.integer('d_ff', 2048),
    numLayers: reader.integer('num_layers', 6),
    numHeads: reader.integer('num_heads', 8),
    relativeAttentionNumBuckets: reader.integer('relative_attention_num_buckets', 32, 4),
    relativeAttentionMaxDistance: reader.integer('relative_attention_max_distance', 128),
    layerNormEpsilon: reader.number('layer_norm_epsilon', 1e-6),
    feedForwardProj: reader.choice('feed_forward_proj', ['relu', 'gated-gelu'], 'relu'),
  };
  // The decoder and training; dense_act_fn and is_gated_act repeat feed_forward_proj.
  reader.harmless(['num_decoder_layers', 'is_encoder_decoder', 'scale_decoder_outputs', 'eos_token_id']);
  reader.harmless(['dropout_rate', 'classifier_dropout', 'initializer_factor']);
  reader.harmless(['dense_act_fn', 'is_gated_act', 'n_positions', 'output_past']);
  reader.transformers();
  reader.finish();
  const exact = config.relativeAttentionNumBuckets >> 2;
  if (config.relativeAttentionMaxDistance <= exact) {
    throw reader.contradiction(
      'relative_attention_max_distance',
      `relative_attention_num_buckets (${config.relativeAttentionNumBuckets}) counts ${exact} positions one by one`,
    );
  }
  return config;
}

/**
 * Float32 on every target: its activations overflow float16.
 *
 * Input: `input_ids` int64 [B, S]; padding is read like any other token, as diffusers' SD3 does.
 * Output: `last_hidden_state` float32 [B, S, d_model], after the final norm.
 */
export function t5EncoderGraph(
  component: Component,
  { attention, storedTables, fusedMatMul, blocksInPlace }: Target = PORTABLE,
): Graph {
  const config = readT5Config(component);
  const { vocabSize, dModel, dFf, numLayers, layerNormEpsilon: epsilon } = config;
  const b = new GraphBuilder(
    'text_encoder',
    component,
    { ...PORTABLE, attention, storedTables, fusedMatMul, blocksInPlace },
    withOneEmbedding(component),
  );
  const ids = b.input('input_ids', 'int64', ['batch', 'sequence']);
  const bias = positionBias(b, ids, config);
  const bare = { bias: false };

  let x = b.lookup('shared.weight', [vocabSize, dModel], ids);
  for (let i = 0; i < numLayers; i++) {
    const [attention, dense] = [0, 1].map((part) => `encoder.block.${i}.layer.${part}`) as [string, string];
    const norm1 = rmsNorm(b, x, `${attention}.layer_norm`, dModel, epsilon);
    x = b.op('Add', [x, selfAttention(b, norm1, bias, `${attention}.SelfAttention`, config)]);

    const norm2 = rmsNorm(b, x, `${dense}.layer_norm`, dModel, epsilon);
    const layer = `${dense}.DenseReluDense`;
    const widened = (name: string) => linear(b, norm2, `${layer}.${name}`, dModel, dFf, bare);
    const inner =
      config.feedForwardProj === 'relu'
        ? activation(b, widened('wi'), 'relu')
        : b.op('Mul', [activation(b, widened('wi_0'), 'gelu_tanh'), widened('wi_1')]);
    x = b.op('Add', [x, linear(b, inner, `${layer}.wo`, dFf, dModel, bare)]);
  }
  const last = rmsNorm(b, x, 'encoder.final_layer_norm', dModel, epsilon);
  b.output('last_hidden_state', last, ['batch', 'sequence', dModel]);
  return { ...b.finish(), weightsInPlace: true };
}

/** Attention without the scale of 1/sqrt(d_kv): training found it within the weights. */
function selfAttention(b: GraphBuilder, x: Value, bias: Value, name: string, config: T5Config): Value {
  const { dModel, dKv, numHeads } = config;
  const inner = numHeads * dKv;
  const [q, k, v] = ['q', 'k', 'v'].map((part) =>
    linear(b, x, `${name}.${part}`, dModel, inner, { bias: false }),
  ) as [Value, Value, Value];
  const mixed = scaledAttention(b, [q, k, v], { channels: inner, heads: numHeads, bias, scale: 1 });
  return linear(b, mixed, `${name}.o`, inner, dModel, { bias: false });
}

/** What the first layer learnt of distances, for all layers: [1, heads, S, S]. */
function positionBias(b: GraphBuilder, ids: Value, config: T5Config): Value {
  const { numHeads, relativeAttentionNumBuckets: buckets, relativeAttentionMaxDistance: far } = config;
  const length = b.op('Squeeze', [b.op('Shape', [ids], { start: 1, end: 2 })]);
  const positions = b.op('Range', [b.integer(0), length, b.integer(1)]);
  const distance = b.op('Sub', [positions, b.op('Unsqueeze', [positions, b.ints([1])])]);
  const clipped = b.op('Clip', [distance, b.integer(-far), b.integer(far)]);
  const table = b.ints(Array.from({ length: 2 * far + 1 }, (_, i) => bucketOf(i - far, buckets, far)));
  const bucket = b.op('Gather', [table, b.op('Add', [clipped, b.integer(far)])]);
  const name = 'encoder.block.0.layer.0.SelfAttention.relative_attention_bias.weight';
  const perPair = b.lookup(name, [buckets, numHeads], bucket);
  return b.op('Unsqueeze', [b.op('Transpose', [perPair], { perm: [2, 0, 1] }), b.ints([0])]);
}

/**
 * The bucket of a distance (key position - query position): half of them for either direction, in each half the
 * near distances one by one and the far ones by their logarithm, up to `far`. Rounded to float32 at each step, as
 * the reference computes it.
 */
function bucketOf(distance: number, buckets: number, far: number): number {
  const half = buckets >> 1;
  const exact = half >> 1;
  const size = Math.abs(distance);
  const side = distance > 0 ? half : 0;
  if (size < exact) return side + size;
  const share = Math.fround(
    Math.fround(Math.log(Math.fround(size / exact))) / Math.fround(Math.log(far / exact)),
  );
  return side + Math.min(half - 1, exact + Math.trunc(Math.fround(share * (half - exact))));
}

/** The table of tokens is stored under one of two names, or under both. */
function withOneEmbedding(component: Component): ReadonlyMap<string, StoredTensor> {
  const tensors = new Map(component.tensors);
  const own = tensors.get('encoder.embed_tokens.weight');
  tensors.delete('encoder.embed_tokens.weight');
  if (own !== undefined && !tensors.has('shared.weight')) tensors.set('shared.weight', own);
  return tensors;
}
