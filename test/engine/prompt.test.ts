/** Prompts to embeddings, against diffusers' encode_prompt and a second writing of A1111's rules (make_prompts.py). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, mock, test } from 'node:test';
import { cpuDevice } from '../../src/engine/device.ts';
import { Components } from '../../src/engine/model/components.ts';
import { encodePrompt, type PromptEmbeddings } from '../../src/engine/prompt/prompt.ts';
import { Catalogue } from '../../src/models/catalogue.ts';
import type { EncodedPrompt } from '../../src/models/families/family.ts';
import type { GenerationRequest } from '../../src/request.ts';
import type { Tensor } from '../../src/tensor.ts';
import { inEnglish } from '../english.ts';
import { FIXTURES, jobOf, MODELS } from './goldens.ts';

/** Absolute, over states of size 1 or so; what is seen is about 2e-6. */
const TOLERANCE = 1e-4;

interface Digest {
  readonly dims: readonly number[];
  readonly values: readonly number[];
  readonly magnitude: number;
}
interface Case {
  readonly model: string;
  readonly prompt_syntax: 'plain' | 'a1111';
  readonly request: Readonly<Record<string, string | number | null>>;
  readonly context: Digest;
  readonly pooled?: Digest;
}
const { prompts, cases }: { prompts: Record<string, string>; cases: Case[] } = JSON.parse(
  readFileSync(`${FIXTURES}prompts.json`, 'utf8'),
);

const opened = new Map<string, Components>();
after(() => Promise.all([...opened.values()].map((components) => components.close())));

async function componentsOf(model: string): Promise<Components> {
  const components =
    opened.get(model) ?? new Components(await new Catalogue([MODELS]).open(model), cpuDevice({ threads: 1 }));
  opened.set(model, components);
  return components;
}

async function encode(
  model: string,
  fields: Partial<GenerationRequest>,
  guided = true,
): Promise<EncodedPrompt & Pick<PromptEmbeddings, 'notes'>> {
  const { request } = await jobOf({ model, prompt: 'a red mug' });
  const { textEncoders } = await componentsOf(model);
  const { prompt, notes } = await encodePrompt(textEncoders, { ...request, ...fields }, guided);
  return { ...prompt, notes };
}

const FIELDS: Readonly<Record<string, keyof GenerationRequest>> = {
  prompt: 'prompt',
  prompt_2: 'prompt2',
  prompt_3: 'prompt3',
  negative_prompt: 'negativePrompt',
  negative_prompt_2: 'negativePrompt2',
  negative_prompt_3: 'negativePrompt3',
  clip_skip: 'clipSkip',
  max_sequence_length: 'maxSequenceLength',
};

for (const { model, prompt_syntax: promptSyntax, request, context, pooled } of cases) {
  const fields = Object.entries(request).filter(([, value]) => value !== null);
  const title = fields.map(([key, value]) => `${key} ${value}`).join(', ');
  test(`${model}, ${promptSyntax}: ${title}`, async () => {
    const given = fields.map(([key, value]) => [
      FIELDS[key],
      typeof value === 'string' ? prompts[value] : value,
    ]);
    const embeddings = await encode(model, { promptSyntax, ...Object.fromEntries(given) });
    compare(embeddings.context, context);
    assert.equal(embeddings.pooled === undefined, pooled === undefined);
    if (pooled !== undefined) compare(embeddings.pooled!, pooled);
  });
}

function compare({ data, dims }: Tensor, { dims: wanted, values, magnitude }: Digest): void {
  assert.deepEqual(dims, wanted);
  const worst = Math.max(...values.map((value, i) => Math.abs(data[(i * 7919) % data.length]! - value)));
  assert.ok(worst < TOLERANCE, `a value is off by ${worst}`);
  const mean = data.reduce((sum, value) => sum + Math.abs(value), 0) / data.length;
  assert.ok(Math.abs(mean - magnitude) < TOLERANCE, `the magnitude is ${mean}, not ${magnitude}`);
}

describe('both syntaxes', () => {
  for (const model of ['tiny-sd21', 'tiny-sdxl', 'tiny-sd3']) {
    test(`${model}: a prompt without marks that fits one window gives the same numbers`, async () => {
      const texts = [
        '',
        'a red mug, it\'s "soft"!',
        'a \u0007 빨간 컵 😀',
        '<|endoftext|> x',
        'a '.repeat(75),
      ];
      for (const text of texts) {
        const fields = { prompt: text, negativePrompt: text, clipSkip: 1 };
        const plain = await encode(model, { ...fields, promptSyntax: 'plain' });
        assert.deepEqual(await encode(model, { ...fields, promptSyntax: 'a1111' }), plain, text);
      }
    });
  }

  test('without guidance the negative prompt is left out', async () => {
    const guided = await encode('tiny-sd15', { negativePrompt: 'blurry' });
    const alone = await encode('tiny-sd15', { negativePrompt: 'blurry '.repeat(80) }, false);
    assert.deepEqual(alone.context.dims, [1, 77, 16]);
    assert.deepEqual(alone.context.data, guided.context.data.subarray(77 * 16));
  });
});

describe('what is not read is told', () => {
  const notes = async (fields: Partial<GenerationRequest>) =>
    inEnglish((await encode('tiny-sd15', fields)).notes);

  test('plain: the words beyond the window, of both prompts', async () => {
    assert.deepEqual(
      await notes({
        promptSyntax: 'plain',
        prompt: `${'red '.repeat(74)}(mug:1.2)`,
        negativePrompt: `${'a '.repeat(75)}blue [sky]`,
      }),
      [
        'The end of the prompt was not read, from “mug:1.2)”.',
        'The end of the negative prompt was not read, from “blue [sky]”.',
      ],
    );
  });

  test('a1111: the same are read, brackets and weights are no words', async () => {
    assert.deepEqual(
      await notes({ prompt: `${'red '.repeat(74)}(mug:1.2)`, negativePrompt: 'a '.repeat(300) }),
      [],
    );
  });

  test('a1111: the words beyond the last chunk', async () => {
    const chunk = 'a '.repeat(75);
    const { notes, context } = await encode('tiny-sd15', {
      prompt: `${chunk.repeat(16)}(soft:1.3) \\(light\\) BREAK [[mug]]`,
      negativePrompt: 'BREAK '.repeat(1_600),
    });
    assert.deepEqual(context.dims, [2, 16 * 77, 16]);
    assert.deepEqual(inEnglish(notes), ['The end of the prompt was not read, from “soft (light) mug”.']);
  });

  test('weights beyond the limit', async () => {
    assert.deepEqual(await notes({ prompt: '(red:50) mug', negativePrompt: `${'('.repeat(5_000)}mug` }), [
      'The weight 50 in the prompt is outside the range from -10 to 10; 10 was used.',
      'A weight in the negative prompt is outside the range from -10 to 10; 10 was used.',
    ]);
  });

  test('SD3: by each encoder, of the prompt that it has', async () => {
    const long = `${'a '.repeat(80)}(mug:1.4)`;
    const { notes } = await encode('tiny-sd3', {
      promptSyntax: 'plain',
      prompt: 'a mug',
      prompt2: long,
      prompt3: `a ${long}`,
      negativePrompt: long,
      maxSequenceLength: 64,
    });
    assert.deepEqual(
      inEnglish(notes).map((note) => note.replace(/, from .*/, '')),
      [
        'The end of the prompt 2 was not read',
        'T5 did not read the end of the prompt 3',
        'The end of the negative prompt was not read',
        'T5 did not read the end of the negative prompt',
      ],
    );
    const a1111 = await encode('tiny-sd3', { prompt: `${long} [table]`, maxSequenceLength: 81 });
    assert.deepEqual(a1111.context.dims, [2, 2 * 77 + 81, 24]);
    assert.deepEqual(inEnglish(a1111.notes), ['T5 did not read the end of the prompt, from “mug table”.']);
  });

  test('long words and long lists are shortened', async () => {
    const [note] = await notes({
      promptSyntax: 'plain',
      prompt: `${'a '.repeat(75)}${'ab'.repeat(4_000)} ${'b '.repeat(500)}`,
    });
    assert.ok(note!.length < 200, note);
    assert.match(note!, /“(ab){20}… (b ){4}b …”\.$/);
  });
});

test('clip_skip beyond the layers is refused', async () => {
  await assert.rejects(encode('tiny-sd15', { clipSkip: 3 }), {
    code: 'bad_request',
    message: /^clip_skip 3 is too high for tiny-sd15: .* skip at most 2 layers\. Try 0 or 1\.$/,
  });
  await encode('tiny-sd15', { clipSkip: 2 });
  // The last layer is never taken there.
  await assert.rejects(encode('tiny-sd3', { clipSkip: 2 }), { message: /at most/ });
});

test('the same words are encoded once', async () => {
  const components = await componentsOf('tiny-sd15');
  const { request } = await jobOf({
    model: 'tiny-sd15',
    prompt: 'a lamp beside a window',
    negative_prompt: 'ugly',
  });
  const session = await components.session('textEncoder');
  const run = mock.method(session, 'run');
  const borrowed = mock.method(components.textEncoders, 'session', async () => session);
  const first = await encodePrompt(components.textEncoders, request, true);
  assert.equal(run.mock.callCount(), 2);
  const second = await encodePrompt(components.textEncoders, request, true);
  assert.equal(run.mock.callCount(), 2);
  assert.deepEqual(second, first);
  // Other weights are laid on the same states; another layer is another state.
  await encodePrompt(components.textEncoders, { ...request, prompt: '(a lamp beside a window:1.2)' }, true);
  assert.equal(run.mock.callCount(), 2);
  await encodePrompt(components.textEncoders, { ...request, clipSkip: 1 }, true);
  assert.equal(run.mock.callCount(), 3);
  run.mock.restore();
  borrowed.mock.restore();
});
