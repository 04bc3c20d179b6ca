/** Embeddings called by name in a prompt: diffusers' numbers (make_inversions.py), and where A1111 finds a name. */
import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { cpuDevice } from '../../src/engine/device.ts';
import { createEngine } from '../../src/engine/pipeline.ts';
import { readInversions, type TextReader, textReadersOf } from '../../src/engine/prompt/prompt.ts';
import { planPrompt } from '../../src/engine/prompt/prompt-plan.ts';
import { DarkroomError } from '../../src/errors.ts';
import { readPngText } from '../../src/image/png-text.ts';
import { createModels } from '../../src/installed-models.ts';
import { openModelFolder } from '../../src/models/folder.ts';
import { Inventory } from '../../src/models/inventory/inventory.ts';
import { inEnglish } from '../english.ts';
import { temporaryFolder } from '../models/forge.ts';
import { random, writeLora as writeTensors } from '../models/lora-files.ts';
import { compareLatents, FIXTURES, jobOf, MODELS, readNpy } from './goldens.ts';

interface Case {
  readonly name: string;
  readonly request: Readonly<Record<string, unknown>> & { readonly model: string };
}
const cases: readonly Case[] = JSON.parse(readFileSync(`${FIXTURES}inversions.json`, 'utf8'));
const engine = await createEngine({ models: [MODELS], device: cpuDevice({ threads: 1 }) });
after(() => engine.close());

for (const { name, request } of cases) {
  test(`diffusers agrees: ${name}`, async () => {
    const run = await engine.open(await jobOf(request));
    while (!(await run.advance(run.steps, () => {})).done);
    compareLatents(run.latents()[0]!.data, readNpy(`${FIXTURES}embeddings/${name}.npy`));
    await run.close();
  });
}

const spec = await openModelFolder(join(MODELS, 'tiny-sd15'));
const readers: readonly TextReader[] = textReadersOf(spec);

/** The places of vectors in each window of a prompt; `.` is a token. */
async function places(prompt: string): Promise<string[]> {
  const { request } = await jobOf({ model: 'tiny-sd15', prompt });
  const { found } = await readInversions(request, spec, new Inventory([MODELS]));
  const plan = planPrompt(readers, request, 'prompt', [prompt, prompt, prompt], found);
  return plan.encoders[0]!.windows.map(({ vectors = [] }) =>
    vectors
      .map((vector) => (vector === undefined ? '.' : '#'))
      .join('')
      .replace(/\.+$/, ''),
  );
}

test('a name is found by its tokens, in any case, with punctuation around it, and not within a word', async () => {
  assert.deepEqual(await places('squiggle'), ['.##']);
  assert.deepEqual(await places('a SQUIGGLE, a (Squiggle:1.2)'), ['..##..##']);
  assert.deepEqual(await places('squiggles'), ['']);
  assert.deepEqual(await places('a mug'), ['']);
});

test('a recipe names the embeddings that its prompts call, with their hashes, as A1111 does', async () => {
  const draft = {
    model: 'tiny-sd15',
    prompt: 'a squiggle',
    negative_prompt: 'squiggles',
    num_inference_steps: 1,
  };
  const run = await engine.open(await jobOf(draft));
  while (!(await run.advance(run.steps, () => {})).done);
  const [picture] = (await run.decode()).pictures;
  await run.close();
  const texts = readPngText(picture!.png);
  const bytes = readFileSync(`${FIXTURES}embeddings/squiggle.safetensors`);
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12);
  assert.match(texts.get('parameters')!, new RegExp(`, TI hashes: "squiggle: ${hash}"`));
  assert.deepEqual(JSON.parse(texts.get('darkroom')!).embeddings, [{ name: 'squiggle', hash }]);
});

test('what is not read is told with embeddings counted by their vectors', async () => {
  const models = await createModels([MODELS], { stays: false });
  const unread = async (prompt: string) =>
    inEnglish([await models.describeUnread('tiny-sd15', prompt, 'a1111')]);
  const most = 16 * 75;
  assert.deepEqual(await unread('a '.repeat(most)), ['']);
  assert.deepEqual(await unread(`${'a '.repeat(most - 2)}squiggle`), ['']);
  assert.match((await unread(`${'a '.repeat(most - 1)}squiggle`)).join(), /squiggle/);
});

test('the vectors of an embedding stay in one chunk', async () => {
  const [first, second] = await places(`${'a '.repeat(74)}squiggle`);
  assert.deepEqual([first, second], ['', '.##']);
});

test('an embedding of another family is read as words, which is said', async () => {
  const { request } = await jobOf({ model: 'tiny-sd15', prompt: 'a wave' });
  const { found, notes } = await readInversions(request, spec, new Inventory([MODELS]));
  assert.deepEqual(found, []);
  assert.match(
    inEnglish(notes).join(),
    /The embedding wave was made for another family of models than tiny-sd15/,
  );
});

test('embeddings that cannot be used are refused by name, and plain prompts call none', async (t) => {
  const folder = await temporaryFolder(t);
  const embeddings = join(folder, 'embeddings');
  const nan = random(1, 16);
  nan.data[2] = Number.NaN;
  await writeTensors(embeddings, 'broken', { emb_params: nan });
  await writeTensors(embeddings, 'many', { emb_params: random(1, 76, 16) });
  await writeTensors(embeddings, 'nothing', { emb_params: random(1, 0, 16) });
  await writeTensors(embeddings, 'other', { weight: random(1, 2, 2, 2) });
  const read = async (prompt: string, more = {}) =>
    readInversions(
      (await jobOf({ model: 'tiny-sd15', prompt, ...more })).request,
      spec,
      new Inventory([folder]),
    );
  const refused = {
    broken: /NaN or infinite values/,
    many: /76 vectors/,
    nothing: /no vectors/,
    other: /is no embedding/,
  };
  for (const [name, pattern] of Object.entries(refused)) {
    await assert.rejects(
      read(name),
      (error) => error instanceof DarkroomError && pattern.test(error.message),
    );
  }
  assert.deepEqual((await read('broken', { prompt_syntax: 'plain' })).found, []);
});

test('a server that takes only some licences is told the embeddings that are called, not those within other words', async () => {
  const models = await createModels([MODELS], { stays: false });
  const called = async (prompt: string) =>
    models.embeddingsIn!((await jobOf({ model: 'tiny-sd15', prompt })).request);
  assert.deepEqual(await called('a (Squiggle:1.2) on a mug'), ['squiggle']);
  assert.deepEqual(await called('squiggles'), []);
  assert.deepEqual(await called('a mug'), []);
});
