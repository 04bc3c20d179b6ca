/**
 * Text encoders in the names that llama.cpp gives them, under transformers' (gguf's Python package, tensor_mapping.py and
 * constants.py). Transformers of diffusion models keep their authors' names in a GGUF file. Qwen3's queries and keys are in
 * transformers' order; only Llama's are rearranged.
 */
import type { StoredTensor } from '../graph/component.ts';

type Names = readonly (readonly [of: RegExp, name: string])[];

const T5: Names = [
  [/^token_embd\./, 'shared.'],
  [/^enc\.output_norm\./, 'encoder.final_layer_norm.'],
  [/^enc\.blk\.(\d+)\.attn_rel_b\./, 'encoder.block.$1.layer.0.SelfAttention.relative_attention_bias.'],
  [/^enc\.blk\.(\d+)\.attn_norm\./, 'encoder.block.$1.layer.0.layer_norm.'],
  [/^enc\.blk\.(\d+)\.attn_([qkvo])\./, 'encoder.block.$1.layer.0.SelfAttention.$2.'],
  [/^enc\.blk\.(\d+)\.ffn_norm\./, 'encoder.block.$1.layer.1.layer_norm.'],
  [/^enc\.blk\.(\d+)\.ffn_gate\./, 'encoder.block.$1.layer.1.DenseReluDense.wi_0.'],
  [/^enc\.blk\.(\d+)\.ffn_up\./, 'encoder.block.$1.layer.1.DenseReluDense.wi_1.'],
  [/^enc\.blk\.(\d+)\.ffn_down\./, 'encoder.block.$1.layer.1.DenseReluDense.wo.'],
];

const QWEN3: Names = [
  [/^token_embd\./, 'model.embed_tokens.'],
  [/^output_norm\./, 'model.norm.'],
  [/^output\./, 'lm_head.'],
  [/^blk\.(\d+)\.attn_norm\./, 'model.layers.$1.input_layernorm.'],
  [/^blk\.(\d+)\.attn_([qk])_norm\./, 'model.layers.$1.self_attn.$2_norm.'],
  [/^blk\.(\d+)\.attn_([qkv])\./, 'model.layers.$1.self_attn.$2_proj.'],
  [/^blk\.(\d+)\.attn_output\./, 'model.layers.$1.self_attn.o_proj.'],
  [/^blk\.(\d+)\.ffn_norm\./, 'model.layers.$1.post_attention_layernorm.'],
  [/^blk\.(\d+)\.ffn_(gate|up|down)\./, 'model.layers.$1.mlp.$2_proj.'],
];

const ARCHITECTURES: ReadonlyMap<string, Names> = new Map([
  ['t5', T5],
  ['t5encoder', T5],
  ['qwen3', QWEN3],
]);

/** @param metadata of the file, whose `general.architecture` says what the names mean */
export function withCurrentNames(
  tensors: ReadonlyMap<string, StoredTensor>,
  metadata: ReadonlyMap<string, string>,
): ReadonlyMap<string, StoredTensor> {
  const names = ARCHITECTURES.get(metadata.get('general.architecture') ?? '');
  if (names === undefined) return tensors;
  const currentName = (name: string) => {
    const [of, current] = names.find(([pattern]) => pattern.test(name)) ?? [];
    return of === undefined || current === undefined ? name : name.replace(of, current);
  };
  return new Map(Array.from(tensors, ([name, stored]) => [currentName(name), stored]));
}
