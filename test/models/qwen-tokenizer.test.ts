/** Qwen's tokenizer within its chat frame, id for id as transformers has it (make_zimage.py). */
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { qwenTokenizer } from '../../src/models/checkpoint/qwen-vocabulary.ts';
import { ModelFiles } from '../../src/models/files.ts';
import { createQwenTokenizer } from '../../src/models/qwen-tokenizer.ts';
import { readQwenTokenizer } from '../../src/models/qwen-tokenizer-files.ts';
import { copyModel, FIXTURES, write } from './forge.ts';

const cases: readonly { text: string; thinking: number[]; plain: number[] }[] = JSON.parse(
  await readFile(join(FIXTURES, '../qwen.json'), 'utf8'),
);
const open = async (folder: string) => readQwenTokenizer(await ModelFiles.at(folder), 'tokenizer');
const MODEL = join(FIXTURES, 'tiny-z-image');

test('every text has the ids that transformers gives it, with thoughts and without', async () => {
  const tokenizer = createQwenTokenizer(await open(MODEL));
  for (const { text, thinking, plain } of cases) {
    const { ids, dropped } = tokenizer.encode(text, { maxLength: 512, thinks: true });
    assert.deepEqual(ids, thinking, JSON.stringify(text));
    assert.equal(dropped === '', ids.length < 512, JSON.stringify(text));
    assert.deepEqual(tokenizer.encode(text, { maxLength: 512, thinks: false }).ids.slice(-12), plain);
  }
});

test('single files have Qwen’s own vocabulary: every text has the ids that tiktoken gives it', async () => {
  const words: readonly { text: string; ids: number[] }[] = JSON.parse(
    await readFile(join(FIXTURES, '../qwen-words.json'), 'utf8'),
  );
  const tokenizer = createQwenTokenizer(await qwenTokenizer());
  for (const { text, ids } of words)
    assert.deepEqual(tokenizer.encode(text, { maxLength: 512, thinks: true }).ids, ids, JSON.stringify(text));
});

test('the words beyond the limit are named as they were typed', async () => {
  const tokenizer = createQwenTokenizer(await open(MODEL));
  const { ids, dropped } = tokenizer.encode('a red mug on a table', { maxLength: 8, thinks: true });
  assert.equal(ids.length, 8);
  assert.match(dropped, /^mug on a table$|^on a table$|^a table$/);
});

test('a tokenizer that is not Qwen’s is refused by name', async (t) => {
  const folder = await copyModel(t, 'tiny-z-image');
  const file = join(folder, 'tokenizer/tokenizer.json');
  const whole = JSON.parse(await readFile(file, 'utf8'));
  const changed: [Record<string, unknown>, RegExp][] = [
    [{ normalizer: null }, /does not normalise to NFC/],
    [{ model: { type: 'Unigram' } }, /holds no byte pairs/],
    [{ pre_tokenizer: { type: 'Split', pattern: { Regex: '(a+)+$' } } }, /splits words in another way/],
    [{ added_tokens: [] }, /lacks <\|im_start\|>/],
  ];
  for (const [change, message] of changed) {
    await write(file, JSON.stringify({ ...whole, ...change }));
    await assert.rejects(open(folder), { code: 'bad_model', message });
  }
});
