/**
 * StableDiffusionSafetyChecker (diffusers pipelines/stable_diffusion/safety_checker.py): CLIP's vision transformer
 * (Radford et al. 2021), and how near its view of a picture is to that of some concepts.
 */
import { DarkroomError } from '../errors.ts';
import { GraphBuilder, type Value } from './builder.ts';
import { clipLayer } from './clip.ts';
import type { Component, Graph, StoredTensor } from './component.ts';
import { ConfigReader } from './config.ts';
import { type Activation, conv, linear } from './layers.ts';
import { layerNorm } from './norms.ts';
import { PORTABLE, type Target } from './target.ts';

export interface SafetyCheckerConfig {
  readonly hiddenSize: number;
  readonly intermediateSize: number;
  readonly numHiddenLayers: number;
  readonly numAttentionHeads: number;
  readonly hiddenAct: Activation;
  readonly layerNormEps: number;
  /** Pixels of a side of the picture, and of a patch. */
  readonly imageSize: number;
  readonly patchSize: number;
  readonly projectionDim: number;
  /** How many concepts there are, and how many of them lower the thresholds of the others. */
  readonly concepts: number;
  readonly specialCare: number;
}

/** @throws DarkroomError naming file, key and value for everything that the builder does not carry out */
export function readSafetyCheckerConfig(component: Component): SafetyCheckerConfig {
  const part = (key: string) => {
    const value = component.config[key];
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : {};
  };
  // transformers lets the older key win, where both are there.
  const config = { ...part('vision_config'), ...part('vision_config_dict') };
  const reader = new ConfigReader({ ...component, config });
  const whole = new ConfigReader(component);
  const hiddenSize = reader.integer('hidden_size', 768);
  const read = {
    hiddenSize,
    intermediateSize: reader.integer('intermediate_size', 3072),
    numHiddenLayers: reader.integer('num_hidden_layers', 12),
    numAttentionHeads: reader.integer('num_attention_heads', 12),
    hiddenAct: reader.choice('hidden_act', ['quick_gelu', 'gelu'], 'quick_gelu'),
    layerNormEps: reader.number('layer_norm_eps', 1e-5),
    imageSize: reader.integer('image_size', 224),
    patchSize: reader.integer('patch_size', 32),
    projectionDim: whole.integer('projection_dim', 512),
    concepts: rowsOf(component, 'concept_embeds'),
    specialCare: rowsOf(component, 'special_care_embeds'),
  };
  if (reader.integer('num_channels', 3) !== 3)
    throw reader.contradiction('num_channels', 'pictures have 3 channels');
  if (hiddenSize % read.numAttentionHeads !== 0)
    throw reader.contradiction('num_attention_heads', `it must divide hidden_size (${hiddenSize})`);
  return read;
}

/** @throws DarkroomError('bad_model') where the tensor is missing */
function rowsOf({ tensors, configFile }: Component, name: string): number {
  const rows = tensors.get(name)?.shape[0];
  if (rows !== undefined && rows > 0) return rows;
  throw new DarkroomError('bad_model', `${configFile}: the safety checker's weights lack ${name}.`);
}

/**
 * Input: `pixel_values` [B, 3, S, S], as clipInput() makes them.
 * Outputs, all float32: `concepts` [B, n] and `special_care` [B, m], cosines between the picture and each concept, and
 * `concepts_thresholds` [n] and `special_care_thresholds` [m], as the file has them.
 */
export function safetyCheckerGraph(component: Component, target: Target = PORTABLE): Graph {
  const config = readSafetyCheckerConfig(component);
  const { hiddenSize, imageSize, patchSize, layerNormEps, projectionDim, concepts, specialCare } = config;
  const b = new GraphBuilder('safety_checker', component, target, vision(component));
  const side = Math.floor(imageSize / patchSize);
  const positions = side * side + 1;
  const pixels = b.enter(b.input('pixel_values', 'float', ['batch', 3, imageSize, imageSize]));
  const patches = b.leave(
    conv(b, pixels, 'embeddings.patch_embedding', 3, hiddenSize, {
      ...{ kernel: patchSize, stride: patchSize, bias: false, pads: [0, 0, 0, 0] },
    }),
  );
  const sequence = b.op('Transpose', [b.op('Reshape', [patches, b.ints([0, 0, -1])])], { perm: [0, 2, 1] });
  const token = b.op('Reshape', [b.weight('embeddings.class_embedding', [hiddenSize]), b.ints([1, 1, -1])]);
  const batch = b.op('Shape', [sequence], { start: 0, end: 1 });
  const ones = b.op('Concat', [batch, b.ints([1, 1])], { axis: 0 });
  const tokens = b.op('Concat', [b.op('Expand', [token, ones]), sequence], { axis: 1 });
  const places = b.weight('embeddings.position_embedding.weight', [positions, hiddenSize]);
  let x = layerNorm(b, b.op('Add', [tokens, places]), 'pre_layrnorm', hiddenSize, layerNormEps);
  const last = config.numHiddenLayers - 1;
  for (let i = 0; i < last; i++) x = clipLayer(b, x, `encoder.layers.${i}`, config);
  // Of the last layer only the class token is read.
  const first = (value: Value) => b.op('Gather', [value, b.ints([0])], { axis: 1 });
  x = clipLayer(b, x, `encoder.layers.${last}`, config, undefined, first);
  const pooled = b.op('Gather', [x, b.integer(0)], { axis: 1 });
  const normal = layerNorm(b, pooled, 'post_layernorm', hiddenSize, layerNormEps);
  const view = linear(b, normal, 'visual_projection', hiddenSize, projectionDim, {
    bias: false,
    precise: true,
  });
  const unit = normalised(b, b.widen(view));
  const compare = (name: string, output: string, count: number) => {
    const embeds = normalised(b, b.wideWeight(name, [count, projectionDim]));
    const cosines = b.op('MatMul', [unit, b.op('Transpose', [embeds], { perm: [1, 0] })]);
    b.output(output, cosines, ['batch', count]);
    b.output(`${output}_thresholds`, b.wideWeight(`${name}_weights`, [count]), [count]);
  };
  compare('concept_embeds', 'concepts', concepts);
  compare('special_care_embeds', 'special_care', specialCare);
  return b.finish();
}

/** Rows of length 1; torch keeps a length of 0 from dividing by 0 in the same way. */
function normalised(b: GraphBuilder, rows: Value): Value {
  const length = b.op('ReduceL2', [rows, b.ints([1])], { keepdims: 1 });
  return b.op('Div', [rows, b.op('Max', [length, b.floats([1e-12])])]);
}

/** Names without the prefix of the vision model, which files before transformers 5 have twice. */
function vision({ tensors }: Component): ReadonlyMap<string, StoredTensor> {
  return new Map(
    [...tensors].flatMap(([name, stored]) => {
      const short = name.replace(/^(?:vision_model\.){1,2}/, '');
      return short === 'embeddings.position_ids' ? [] : [[short, stored] as const];
    }),
  );
}
