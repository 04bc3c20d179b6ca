/** T5's encoder as checkpoints hold it: in transformers' layout, its config from the shapes. */
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import type { T5TokenizerFiles } from '../t5-tokenizer.ts';
import { parseT5Tokenizer } from '../t5-tokenizer-files.ts';
import type { TextEncoder } from './clip-text.ts';
import { known, numbersBehind, sideOf, type Tensors } from './tensors.ts';

export const isT5Text = (tensors: Tensors): boolean =>
  tensors.has('shared.weight') && [...tensors.keys()].some((name) => BLOCK.test(name));

/** Any of them: a file may hold no more of it. */
const BLOCK = /^encoder\.block\.\d+\.layer\.0\.SelfAttention\.q\.weight$/;

/** @param tensors without the prefix of their encoder */
export function readT5Text(tensors: Tensors): TextEncoder {
  const first = 'encoder.block.0.layer.0.SelfAttention';
  const heads = sideOf(tensors, `${first}.relative_attention_bias.weight`, 1);
  const inner = sideOf(tensors, `${first}.q.weight`, 0);
  const isGated = tensors.has('encoder.block.0.layer.1.DenseReluDense.wi_0.weight');
  const wide = sideOf(tensors, `encoder.block.0.layer.1.DenseReluDense.${isGated ? 'wi_0' : 'wi'}.weight`, 0);
  return {
    tensors: new Map([...tensors].filter(([name]) => /^(shared|encoder)\./.test(name))),
    config: known({
      vocab_size: sideOf(tensors, 'shared.weight', 0),
      d_model: sideOf(tensors, 'shared.weight', 1),
      d_kv: heads === undefined || inner === undefined ? undefined : Math.floor(inner / heads),
      d_ff: wide,
      num_layers: numbersBehind(tensors.keys(), 'encoder.block.').length,
      num_heads: heads,
      relative_attention_num_buckets: sideOf(tensors, `${first}.relative_attention_bias.weight`, 0),
      feed_forward_proj: isGated ? 'gated-gelu' : 'relu',
    }),
  };
}

const VOCABULARY = new URL(
  `${import.meta.url.endsWith('.ts') ? '' : '../'}../../../models/tokenizers/t5-vocabulary.json.br`,
  import.meta.url,
);

let shared: Promise<T5TokenizerFiles> | undefined;

/** The vocabulary that all T5 v1.1 encoders share (Google, Apache 2.0): a single file does not hold it. Read once. */
export function t5Tokenizer(): Promise<T5TokenizerFiles> {
  shared ??= (async () => {
    const text = (await promisify(brotliDecompress)(await readFile(VOCABULARY))).toString('utf8');
    return parseT5Tokenizer(JSON.parse(text), {}, 'tokenizers/t5-vocabulary.json');
  })();
  return shared;
}
