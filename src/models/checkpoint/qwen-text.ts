/** Qwen3 as a text encoder in a file of its own or within a checkpoint: in transformers' layout, its config from the shapes. */

import type { TextEncoder } from './clip-text.ts';
import { known, numbersBehind, sideOf, type Tensors } from './tensors.ts';

const LAYERS = 'model.layers.';

export const isQwenText = (tensors: Tensors): boolean =>
  tensors.has('model.embed_tokens.weight') && [...tensors.keys()].some((name) => LAYER.test(name));

/** Any of them: a file may hold no more of it. */
const LAYER = /^model\.layers\.\d+\.self_attn\.q_norm\.weight$/;

/** @param tensors without the prefix of their encoder */
export function readQwenText(tensors: Tensors): TextEncoder {
  const first = `${LAYERS}0.self_attn`;
  const headDim = sideOf(tensors, `${first}.q_norm.weight`, 0);
  const heads = (projection: string) => {
    const rows = sideOf(tensors, `${first}.${projection}.weight`, 0);
    return rows === undefined || headDim === undefined ? undefined : Math.floor(rows / headDim);
  };
  return {
    tensors: new Map([...tensors].filter(([name]) => /^(model|lm_head)\./.test(name))),
    config: known({
      vocab_size: sideOf(tensors, 'model.embed_tokens.weight', 0),
      hidden_size: sideOf(tensors, 'model.embed_tokens.weight', 1),
      intermediate_size: sideOf(tensors, `${LAYERS}0.mlp.gate_proj.weight`, 0),
      num_hidden_layers: numbersBehind(tensors.keys(), LAYERS).length,
      num_attention_heads: heads('q_proj'),
      num_key_value_heads: heads('k_proj'),
      head_dim: headDim,
      // Of all Qwen3 models.
      rms_norm_eps: 1e-6,
      rope_theta: 1_000_000,
    }),
  };
}
