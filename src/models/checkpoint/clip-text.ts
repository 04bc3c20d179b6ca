/**
 * CLIP's text encoders as checkpoints hold them: in transformers' layout, or in open_clip's (github.com/mlfoundations/open_clip
 * transformer.py), whose queries, keys and values are one matrix and whose projection is transposed.
 */
import type { StoredTensor } from '../../graph/component.ts';
import { known, numbersBehind, sideOf, type Tensors, thirdsOf, under } from './tensors.ts';

export interface TextEncoder {
  readonly tensors: Tensors;
  /** CLIPTextConfig's. */
  readonly config: Readonly<Record<string, unknown>>;
}

export interface ClipTraits {
  readonly hiddenAct: 'quick_gelu' | 'gelu';
  /** Layers beyond this many are left out. */
  readonly layers?: number;
}

const HEAD_CHANNELS = 64;

/** Whether tensors, without any prefix, are a CLIP text encoder in either layout. */
export const isClipText = (tensors: Tensors): boolean =>
  isOpenClip(tensors) ||
  tensors.has('text_model.embeddings.token_embedding.weight') ||
  tensors.has('embeddings.token_embedding.weight');

const isOpenClip = (tensors: Tensors): boolean =>
  tensors.has('positional_embedding') && tensors.has('token_embedding.weight');

/** @param tensors without the prefix of their encoder */
export function readClipText(tensors: Tensors, { hiddenAct, layers: most }: ClipTraits): TextEncoder {
  const all = isOpenClip(tensors) ? fromOpenClip(tensors) : fromTransformers(tensors);
  const count = numbersBehind(all.keys(), 'encoder.layers.').length;
  const layers = Math.min(count, most ?? count);
  const found = new Map(
    [...all].filter(([name]) => {
      const layer = /^encoder\.layers\.(\d+)\./.exec(name)?.[1];
      return layer === undefined || Number(layer) < layers;
    }),
  );
  const width = sideOf(found, 'embeddings.token_embedding.weight', 1);
  return {
    tensors: found,
    config: known({
      vocab_size: sideOf(found, 'embeddings.token_embedding.weight', 0),
      hidden_size: width,
      intermediate_size: sideOf(found, 'encoder.layers.0.mlp.fc1.weight', 0),
      num_hidden_layers: layers,
      num_attention_heads: width === undefined ? undefined : Math.max(1, Math.floor(width / HEAD_CHANNELS)),
      max_position_embeddings: sideOf(found, 'embeddings.position_embedding.weight', 0),
      projection_dim: sideOf(found, 'text_projection.weight', 0) ?? width,
      hidden_act: hiddenAct,
      // As in all of the hub's files: the end of a text is its highest id.
      eos_token_id: 2,
    }),
  };
}

/** A text encoder of this width in a file of its own. */
export function readLoneClip(tensors: Tensors, width: number, traits: ClipTraits): TextEncoder | undefined {
  const part = [tensors, under(tensors, 'transformer.'), under(tensors, 'text_encoder.')].find(isClipText);
  const found = part && readClipText(part, traits);
  return found?.config['hidden_size'] === width ? found : undefined;
}

/** position_ids counts 0, 1, 2 ..., in some files as floats; logit_scale belongs to training. */
function fromTransformers(tensors: Tensors): Map<string, StoredTensor> {
  return new Map(
    [...tensors]
      .map(([name, stored]) => [name.replace(/^text_model\./, ''), stored] as const)
      .filter(([name]) =>
        /^(embeddings\.(token|position)_embedding|encoder|final_layer_norm|text_projection)\./.test(name),
      ),
  );
}

const ENDS: Readonly<Record<string, string>> = {
  positional_embedding: 'embeddings.position_embedding.weight',
  'token_embedding.weight': 'embeddings.token_embedding.weight',
  'ln_final.weight': 'final_layer_norm.weight',
  'ln_final.bias': 'final_layer_norm.bias',
  'text_projection.weight': 'text_projection.weight',
};

const LAYER: readonly (readonly [of: string, name: string])[] = [
  ['ln_1.', 'layer_norm1.'],
  ['ln_2.', 'layer_norm2.'],
  ['attn.out_proj.', 'self_attn.out_proj.'],
  ['mlp.c_fc.', 'mlp.fc1.'],
  ['mlp.c_proj.', 'mlp.fc2.'],
];

function fromOpenClip(tensors: Tensors): Map<string, StoredTensor> {
  const found = new Map<string, StoredTensor>();
  for (const [name, stored] of tensors) {
    if (Object.hasOwn(ENDS, name)) found.set(ENDS[name]!, stored);
    if (name === 'text_projection') found.set('text_projection.weight', turned(stored));
    const layer = /^transformer\.resblocks\.(\d+)\.(.+)$/.exec(name);
    if (layer === null) continue;
    const [, number, rest] = layer as unknown as [string, string, string];
    const to = `encoder.layers.${number}.`;
    const fused = /^attn\.in_proj_(weight|bias)$/.exec(rest);
    if (fused !== null) {
      for (const [i, part] of thirdsOf(stored).entries())
        found.set(`${to}self_attn.${'qkv'[i]}_proj.${fused[1]}`, part);
      continue;
    }
    const [from, into] = LAYER.find(([of]) => rest.startsWith(of)) ?? ['', ''];
    found.set(`${to}${into}${rest.slice(from.length)}`, stored);
  }
  return found;
}

function turned(stored: StoredTensor): StoredTensor {
  return {
    ...stored,
    shape: stored.shape.toReversed(),
    decode: { ...stored.decode, transposed: true },
  };
}
