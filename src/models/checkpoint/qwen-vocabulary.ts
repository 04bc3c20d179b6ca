/** The vocabulary that Qwen2 and Qwen3 share (Alibaba Cloud, Apache 2.0): a single file does not hold it. */
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';
import { brotliDecompress } from 'node:zlib';
import type { QwenTokenizerFiles } from '../qwen-tokenizer.ts';
import { QWEN_SPLIT } from '../qwen-tokenizer-files.ts';
import { BYTE_CHARACTERS } from '../tokenizer.ts';

// The package's root is two above src/models/checkpoint in a checkout, one more in a package.
const MERGES = new URL(
  `${import.meta.url.endsWith('.ts') ? '' : '../'}../../../models/tokenizers/qwen-merges.txt.br`,
  import.meta.url,
);

/** Behind the words, from id 151643 on, in Qwen3's order (its tokenizer_config.json). */
const ADDED = [
  ...['<|endoftext|>', '<|im_start|>', '<|im_end|>', '<|object_ref_start|>', '<|object_ref_end|>'],
  ...['<|box_start|>', '<|box_end|>', '<|quad_start|>', '<|quad_end|>', '<|vision_start|>', '<|vision_end|>'],
  ...['<|vision_pad|>', '<|image_pad|>', '<|video_pad|>', '<tool_call>', '</tool_call>', '<|fim_prefix|>'],
  ...['<|fim_middle|>', '<|fim_suffix|>', '<|fim_pad|>', '<|repo_name|>', '<|file_sep|>', '<tool_response>'],
  ...['</tool_response>', '<think>', '</think>'],
];

let shared: Promise<QwenTokenizerFiles> | undefined;

/** As the hub's tokenizer.json has it. Read once. */
export function qwenTokenizer(): Promise<QwenTokenizerFiles> {
  shared ??= read();
  return shared;
}

async function read(): Promise<QwenTokenizerFiles> {
  const merges = (await promisify(brotliDecompress)(await readFile(MERGES)))
    .toString('utf8')
    .trimEnd()
    .split('\n');
  const bytes = BYTE_CHARACTERS.toSorted((a, b) => a.codePointAt(0)! - b.codePointAt(0)!);
  const words = [...bytes, ...merges.map((pair) => pair.replace(' ', ''))];
  const plain = { single_word: false, lstrip: false, rstrip: false, normalized: false };
  const added = ADDED.map((content, i) => ({
    ...plain,
    id: words.length + i,
    content,
    special: content.startsWith('<|'),
  }));
  const level = { type: 'ByteLevel', add_prefix_space: false, trim_offsets: false, use_regex: false };
  return {
    whole: {
      version: '1.0',
      added_tokens: added,
      normalizer: { type: 'NFC' },
      pre_tokenizer: {
        type: 'Sequence',
        pretokenizers: [
          { type: 'Split', pattern: { Regex: QWEN_SPLIT }, behavior: 'Isolated', invert: false },
          level,
        ],
      },
      post_processor: level,
      decoder: level,
      model: {
        ...{
          type: 'BPE',
          dropout: null,
          unk_token: null,
          continuing_subword_prefix: '',
          end_of_word_suffix: '',
        },
        ...{ fuse_unk: false, byte_fallback: false },
        vocab: Object.fromEntries(words.map((word, id) => [word, id])),
        merges,
      },
    },
    config: { tokenizer_class: 'Qwen2Tokenizer', pad_token: '<|endoftext|>', eos_token: '<|im_end|>' },
  };
}
