/** Prompts to embeddings, against diffusers' encode_prompt and a second writing of A1111's rules (make_prompts.py). */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { after, describe, test } from 'node:test';
import { Components } from '../../src/engine/components.ts';
import { encodePrompt, type PromptEmbeddings } from '../../src/engine/prompt.ts';
import type { Tensor } from '../../src/engine/session.ts';
import { Catalogue } from '../../src/models/catalogue.ts';
import type { GenerationRequest } from '../../src/request.ts';
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
  const components = opened.get(model) ?? new Components(await new Catalogue([MODELS]).open(model), 1);
  opened.set(model, components);
  return components;
}

async function encode(
  model: string,
  fields: Partial<GenerationRequest>,
  guided = true,
): Promise<PromptEmbeddings> {
  const { request } = await jobOf({ model, prompt: 'a red mug' });
  return encodePrompt(await componentsOf(model), { ...request, ...fields }, guided);
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
  test('a prompt without marks that fits one window gives the same numbers', async () => {
    for (const text of [
      '',
      'a red mug, it\'s "soft"!',
      'a \u0007 빨간 컵 😀',
      '<|endoftext|> x',
      `${'red '.repeat(75)}`,
    ]) {
      const fields = { prompt: text, negativePrompt: text };
      const plain = await encode('tiny-sd21', { ...fields, promptSyntax: 'plain' });
      assert.deepEqual(await encode('tiny-sd21', { ...fields, promptSyntax: 'a1111' }), plain, text);
    }
  });

  test('without guidance the negative prompt is left out', async () => {
    const guided = await encode('tiny-sd15', { negativePrompt: 'blurry' });
    const alone = await encode('tiny-sd15', { negativePrompt: 'blurry '.repeat(80) }, false);
    assert.deepEqual(alone.context.dims, [1, 77, 16]);
    assert.deepEqual(alone.context.data, guided.context.data.subarray(77 * 16));
  });
});
