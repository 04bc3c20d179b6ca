/** T5's tokenizer against transformers (test/golden/make_sd3.py). */
import assert from 'node:assert/strict';
import { copyFile, mkdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { ModelFiles } from '../../src/models/files.ts';
import { createT5Tokenizer } from '../../src/models/t5-tokenizer.ts';
import { readT5Tokenizer } from '../../src/models/t5-tokenizer-files.ts';
import { FIXTURES, temporaryFolder, write } from './forge.ts';

interface Golden {
  folder: string;
  maxLength: number;
  cases: { prompt: string; ids: number[]; count: number }[];
}
const ROOT = join(FIXTURES, '..');
const goldens: Golden[] = JSON.parse(await readFile(join(ROOT, 'sd3/tokenizers.json'), 'utf8'));

const open = async (root: string, folder: string) =>
  createT5Tokenizer(await readT5Tokenizer(await ModelFiles.at(root), folder));

for (const { folder, maxLength, cases } of goldens) {
  test(`${folder}: ${cases.length} prompts give transformers' ids`, async () => {
    const tokenizer = await open(ROOT, folder);
    const wrong: string[] = [];
    for (const { prompt, ids, count } of cases) {
      const encoded = tokenizer.encode(prompt, maxLength);
      const wanted = [...ids, ...new Array<number>(maxLength - ids.length).fill(0)];
      const actual = Array.from(encoded.ids, Number);
      if (actual.some((id, i) => id !== wanted[i]) || encoded.count !== count) {
        wrong.push(`${JSON.stringify(prompt)}: ${actual.slice(0, ids.length + 2)} for ${ids}`);
      }
      assert.equal(encoded.dropped === '', count <= maxLength, JSON.stringify(prompt));
    }
    assert.deepEqual(wrong, []);
  });
}

test('the words beyond the limit are told, and the end token stays', async () => {
  const tokenizer = await open(FIXTURES, 'tiny-sd3/tokenizer_3');
  const { ids, dropped, count } = tokenizer.encode(`${'red '.repeat(8)}Mug on a Table`, 8);
  assert.deepEqual([ids.length, ids.at(-1)], [8, 1n]);
  assert.match(dropped, /^red( red)* Mug on a Table$/);
  assert.ok(count > 12);
});

// What grows with the square of the length takes minutes here.
test('a word of 200,000 letters is no trap', { timeout: 60_000 }, async () => {
  const tokenizer = await open(FIXTURES, 'tiny-sd3/tokenizer_3');
  assert.equal(tokenizer.encode('ab'.repeat(100_000), 256).ids.length, 256);
});

test('half of a character is an unknown one', async () => {
  const tokenizer = await open(FIXTURES, 'tiny-sd3/tokenizer_3');
  assert.deepEqual(tokenizer.encode('a \ud83d b', 16), tokenizer.encode('a \ufffd b', 16));
});

/** tiny-sd3's tokenizer.json, changed. */
async function changed(t: TestContext, change: (file: Record<string, unknown>) => void) {
  const root = await temporaryFolder(t);
  const file = JSON.parse(await readFile(join(FIXTURES, 'tiny-sd3/tokenizer_3/tokenizer.json'), 'utf8'));
  change(file);
  await write(join(root, 'tokenizer_3/tokenizer.json'), JSON.stringify(file));
  return root;
}
type Model = { type: string; vocab: unknown[]; unk_id: unknown };

test('a normaliser in a sequence, or none, is read', async (t) => {
  const plain = await open(FIXTURES, 'tiny-sd3/tokenizer_3');
  const sequence = await changed(t, (file) => {
    file['normalizer'] = { type: 'Sequence', normalizers: [file['normalizer'], { type: 'Strip' }] };
  });
  const prompt = 'the ﬁsh ①';
  assert.deepEqual((await open(sequence, 'tokenizer_3')).encode(prompt, 20), plain.encode(prompt, 20));
  const none = await changed(t, (file) => {
    file['normalizer'] = null;
  });
  assert.notDeepEqual((await open(none, 'tokenizer_3')).encode(prompt, 20), plain.encode(prompt, 20));
});

const REFUSED: [string, (file: Record<string, unknown>) => void, string, RegExp][] = [
  ['another kind', (f) => ((f['model'] as Model).type = 'BPE'), 'unsupported', /type is "BPE"/],
  [
    'a vocabulary that is none',
    (f) => ((f['model'] as Model).vocab = [['a', '1']]),
    'bad_model',
    /not a list of pieces/,
  ],
  [
    'an unknown token that is not there',
    (f) => ((f['model'] as Model).unk_id = 999),
    'bad_model',
    /id is 999/,
  ],
  [
    'a vocabulary without an end',
    (f) => ((f['model'] as Model).vocab[1] = ['<end>', 0]),
    'bad_model',
    /lacks the eos_token "<\/s>"/,
  ],
  [
    'a normaliser cut off',
    (f) => (f['normalizer'] = { type: 'Precompiled', precompiled_charsmap: 'AAgAAAAM' }),
    'bad_model',
    /precompiled_charsmap is cut off/,
  ],
  [
    'an added token without a name',
    (f) => (f['added_tokens'] = [{ id: 3 }]),
    'bad_model',
    /not an added token/,
  ],
];
for (const [what, change, code, message] of REFUSED) {
  test(`${what} is refused by name`, async (t) => {
    const root = await changed(t, change);
    await assert.rejects(open(root, 'tokenizer_3'), { code, message });
  });
}

test('a folder without a tokenizer, or with a damaged model, is refused', async (t) => {
  const root = await temporaryFolder(t);
  await assert.rejects(open(root, 'tokenizer_3'), {
    code: 'bad_model',
    message: /neither tokenizer\.json nor/,
  });
  await write(join(root, 'tokenizer_3/spiece.model'), Buffer.from([0x0a, 0xff]));
  await assert.rejects(open(root, 'tokenizer_3'), {
    code: 'bad_model',
    message: /not a SentencePiece model/,
  });
  await mkdir(join(root, 'other'));
  await copyFile(
    join(FIXTURES, 'tiny-sd35-medium/tokenizer_3/spiece.model'),
    join(root, 'other/spiece.model'),
  );
  await write(join(root, 'other/tokenizer_config.json'), '{"extra_ids": -1}');
  await assert.rejects(open(root, 'other'), { code: 'bad_model', message: /extra_ids is -1/ });
});
