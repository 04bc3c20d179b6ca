import assert from 'node:assert/strict';
import { cp, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { ModelFiles } from '../../src/models/files.ts';
import { createTokenizer } from '../../src/models/tokenizer.ts';
import { readTokenizer } from '../../src/models/tokenizer-files.ts';
import { FIXTURES, temporaryFolder, write } from './forge.ts';

interface Golden {
  name: string;
  /** Laid beside the vocabulary and merges of tiny-sd15. */
  files: Record<string, unknown>;
  /** The text is `prompt`, `times` over. */
  cases: { prompt: string; times?: number; ids: number[]; count: number; digest: number }[];
}
const goldens: Golden[] = JSON.parse(
  await readFile(join(import.meta.dirname, 'tokenizer.golden.json'), 'utf8'),
);

const tokenizerOf = async (model: string) =>
  createTokenizer(await readTokenizer(await ModelFiles.at(join(FIXTURES, model)), 'tokenizer', 77));

for (const { name, files, cases } of goldens) {
  test(`${name}: ${cases.length} prompts give transformers' ids`, async (t) => {
    let root = join(FIXTURES, name);
    if (Object.keys(files).length > 0) {
      root = await temporaryFolder(t);
      for (const file of ['vocab.json', 'merges.txt']) {
        await cp(join(FIXTURES, 'tiny-sd15', 'tokenizer', file), join(root, 'tokenizer', file));
      }
      for (const [file, content] of Object.entries(files)) {
        await write(join(root, 'tokenizer', file), JSON.stringify(content));
      }
    }
    const parts = await readTokenizer(await ModelFiles.at(root), 'tokenizer', 77);
    const tokenizer = createTokenizer(parts);
    const pad = parts.vocab.get(parts.padToken)!;
    for (const { prompt, times = 1, ids, count, digest } of cases) {
      const text = prompt.repeat(times);
      const encoded = tokenizer.encode(text);
      const wanted = [...ids, ...new Array<number>(77 - ids.length).fill(pad)];
      assert.deepEqual(Array.from(encoded.ids, Number), wanted, JSON.stringify(prompt));
      assert.equal(encoded.count, count, JSON.stringify(prompt));
      assert.equal(encoded.dropped === '', count <= 77, JSON.stringify(prompt));
      const every = [...tokenizer.words(text)].flatMap((word) => word.ids);
      const found = every.reduce((sum, id) => (sum * 31 + id) % 1_000_003, 0);
      assert.equal(found, digest, JSON.stringify(prompt));
      assert.deepEqual(tokenizer.frame(every), encoded.ids, JSON.stringify(prompt));
    }
  });
}

test('the words beyond the limit are told, a word cut in half among them', async () => {
  const tokenizer = await tokenizerOf('tiny-sd15');
  const long = tokenizer.encode(`${'red '.repeat(74)}Mug on a TABLE, it's`);
  assert.equal(long.ids.length, 77);
  assert.match(long.dropped, /a table, it's$/);
  assert.equal(tokenizer.encode('a red mug').dropped, '');
});

// What grows with the square of the length takes minutes here.
test('100,000 characters are no trap, whatever they are', { timeout: 60_000 }, async () => {
  const tokenizer = await tokenizerOf('tiny-sd15');
  for (const text of ['ab', 'a', 'water', '!', "''s", '😀', '\u0000', '\ud800', '<|endoftext|>', ' ']) {
    const { ids } = tokenizer.encode(text.repeat(100_000 / text.length));
    assert.equal(ids.length, 77, JSON.stringify(text));
  }
});

test('tokenizer.json alone is enough', async (t) => {
  const parts = await readTokenizer(await ModelFiles.at(join(FIXTURES, 'tiny-sd15')), 'tokenizer', 77);
  const root = await temporaryFolder(t);
  const model = { type: 'BPE', vocab: Object.fromEntries(parts.vocab), merges: parts.merges };
  await write(join(root, 'tokenizer', 'tokenizer.json'), JSON.stringify({ model }));
  const again = await readTokenizer(await ModelFiles.at(root), 'tokenizer', 77);
  const prompt = "a red mug, it's 2 😀";
  assert.deepEqual(createTokenizer(again).encode(prompt), createTokenizer(parts).encode(prompt));
  await write(
    join(root, 'tokenizer', 'tokenizer.json'),
    JSON.stringify({ model: { ...model, type: 'Unigram' } }),
  );
  await assert.rejects(readTokenizer(await ModelFiles.at(root), 'tokenizer', 77), { code: 'unsupported' });
});

test('a vocabulary without its special tokens, or with odd ones, is refused', async (t) => {
  const root = await temporaryFolder(t);
  const files = await ModelFiles.at(root);
  await write(join(root, 'tokenizer', 'vocab.json'), '{"a": 0, "<|endoftext|>": 1}');
  await write(join(root, 'tokenizer', 'merges.txt'), '#version: 0.2\n');
  await assert.rejects(readTokenizer(files, 'tokenizer', 77), {
    code: 'bad_model',
    message: /<\|startoftext\|>/,
  });
  await write(join(root, 'tokenizer', 'vocab.json'), '{"a": "0"}');
  await assert.rejects(readTokenizer(files, 'tokenizer', 77), {
    code: 'bad_model',
    message: /not an object of words/,
  });
  await write(join(root, 'tokenizer', 'merges.txt'), 'a b c\n');
  await write(join(root, 'tokenizer', 'vocab.json'), '{"a": 0}');
  await assert.rejects(readTokenizer(files, 'tokenizer', 77), {
    code: 'bad_model',
    message: /"a b c" is not a merge/,
  });
});
